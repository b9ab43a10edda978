"""Count files together with the other processes, and on from where an earlier count stopped."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Protocol

import click

from crowdkit_core.cli.count_outputs import CountOutputs
from crowdkit_core.cli.interruption import resumable
from crowdkit_core.cli.output import say
from crowdkit_core.cli.partial_results import (
    FileResult,
    PartialResults,
    Settings,
    held,
    partial_folder,
)
from crowdkit_core.cli.result_names import unique_names
from crowdkit_core.errors import CrowdkitError
from crowdkit_core.inference import Counted
from crowdkit_core.inference.many import OnError
from crowdkit_core.processes import joined_processes


class CountPaths(Protocol):
    """Counts files one after the other, as `Model.count_paths` does."""

    def __call__(self, paths: Sequence[Path], *, on_error: OnError) -> Iterator[Counted]:
        """Count them."""


def count_files(
    count: CountPaths, files: Sequence[Path], outputs: CountOutputs, settings: Settings
) -> bool:
    """Count files, print and write what is asked for, and say whether all could be counted.

    The processes that ``torchrun`` started share the files. Each prints its own counts, and writes
    their pictures and maps; the first writes the files of all and prints the sum.

    Args:
        count: Counts some of them.
        files: All of them.
        outputs: What is asked for.
        settings: What decides the counts; with others, nothing that is kept is used.

    Raises:
        UsageError: Another count is writing the same files.
    """
    stems = unique_names(files)
    table = outputs.last_written
    partial = None if table is None else PartialResults(partial_folder(table), stems)
    with joined_processes() as processes, resumable(lambda: _what_is_kept(partial)):
        first = partial if processes.is_first else None
        with nullcontext() if first is None else held(first.folder):
            earlier = {} if first is None else _earlier(first, files, settings)
            todo = processes.from_first([file for file in files if str(file) not in earlier])
            left_out = _count_share(count, processes.share(todo), stems, outputs, partial)
            shares = processes.gathered((outputs.files, left_out))
            if not processes.is_first:
                return True
            results = {**earlier, **{k: v for done, _ in shares for k, v in done.items()}}
            outputs.files = {
                str(file): results[str(file)] for file in files if str(file) in results
            }
            outputs.finish()
            if first is not None:
                first.remove()
    return not any(left_out for _, left_out in shares)


def _earlier(
    partial: PartialResults, files: Sequence[Path], settings: Settings
) -> dict[str, FileResult]:
    partial.begin(settings)
    results = partial.finished()
    if results:
        say(
            f"crowdkit: {len(results)} of {len(files)} files are counted already "
            f"({partial.folder}): going on with the others",
            err=True,
        )
    return results


def _count_share(
    count: CountPaths,
    files: Sequence[Path],
    stems: dict[str, str],
    outputs: CountOutputs,
    partial: PartialResults | None,
) -> int:
    """Count the files of this process; gives how many errors there were."""
    errors: list[CrowdkitError] = []

    def report(error: CrowdkitError) -> None:
        errors.append(error)
        if partial is not None:
            partial.failed(error)
        click.echo(f"crowdkit: {error}", err=True)

    for counted in count(files, on_error=report) if files else ():
        outputs.add(counted, stems[counted.name])
        if partial is not None:
            partial.counted(counted, outputs.files)
    if partial is not None:
        partial.ended(outputs.files)
    return len(errors)


def _what_is_kept(partial: PartialResults | None) -> str:
    if partial is None:
        return "a table (--csv) would have kept what is counted"
    return f"what is counted is kept in {partial.folder}; the same command goes on with the others"
