"""Count files together with the other processes, and on from where an earlier count stopped."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Protocol

import click

from crowdkit_core.cli.clip_outputs import ClipOutputs
from crowdkit_core.cli.clip_progress import aside_of_bars
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
from crowdkit_core.cli.stopping import Stopping
from crowdkit_core.errors import CrowdkitError
from crowdkit_core.inference import Counted
from crowdkit_core.inference.many import OnError
from crowdkit_core.inference.sources import Source, is_video
from crowdkit_core.processes import joined_processes


class CountPaths(Protocol):
    """Counts files one after the other, as `Model.count_paths` does."""

    def __call__(self, paths: Sequence[Source], *, on_error: OnError) -> Iterator[Counted]:
        """Count them."""


def count_files(
    count: CountPaths,
    files: Sequence[Source],
    outputs: CountOutputs,
    clips: ClipOutputs,
    settings: Settings,
) -> int:
    """Count files, print and write what is asked for.

    The processes that ``torchrun`` started share the files. Each prints its own counts, and writes
    their pictures and maps; the first writes the files of all and prints the sum.

    Args:
        count: Counts some of them.
        files: All of them.
        outputs: What is asked for.
        clips: What is asked for of clips.
        settings: What decides the counts; with others, nothing that is kept is used.

    Returns:
        The exit code: 0, 1 where a file could not be counted, or that of a stop.

    Raises:
        UsageError: Another count is writing the same files.
    """
    stems = unique_names([str(file) for file in files])
    table = outputs.last_written
    partial = None if table is None else PartialResults(partial_folder(table), stems)
    share = _Share(count, stems, outputs, clips, partial)
    with joined_processes() as processes, resumable(lambda: _what_is_kept(partial)):
        first = partial if processes.is_first else None
        with nullcontext() if first is None else held(first.folder):
            earlier = {} if first is None else _earlier(first, files, settings)
            todo = processes.from_first([file for file in files if str(file) not in earlier])
            left_out, stopping = share.count_all(processes.share(todo))
            if stopping.stop is not None and not (processes.number == 1 and _any_clip(files)):
                raise stopping.stop
            shares = processes.gathered((outputs.files, left_out))
            if not processes.is_first:
                return 0
            results = {**earlier, **{k: v for done, _ in shares for k, v in done.items()}}
            names = [str(file) for file in files if str(file) in results]
            outputs.files = {name: results[name] for name in names}
            outputs.finish()
            clips.draw(outputs.rows)
            if first is not None and not (stopping.stop and first.finished()):
                first.remove()
    if stopping.stop is not None:
        say(f"crowdkit: stopped; {len(outputs.rows)} counted, which are kept", err=True)
        return stopping.code
    return 1 if any(left_out for _, left_out in shares) else 0


def _any_clip(files: Sequence[Source]) -> bool:
    """Whether a part of a file is a result of its own: the beginning of a clip is."""
    return any(map(is_video, files))


def _earlier(
    partial: PartialResults, files: Sequence[Source], settings: Settings
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


@dataclass(frozen=True, slots=True)
class _Share:
    """What this process counts, shows and keeps."""

    count: CountPaths
    stems: dict[str, str]
    outputs: CountOutputs
    clips: ClipOutputs
    partial: PartialResults | None

    def count_all(self, files: Sequence[Source]) -> tuple[int, Stopping]:
        """Count files; gives how many errors there were, and whether it was stopped."""
        errors: list[CrowdkitError] = []

        def report(error: CrowdkitError) -> None:
            errors.append(error)
            if self.partial is not None:
                self.partial.failed(error)
            with aside_of_bars():
                click.echo(f"crowdkit: {error}", err=True)

        stopping = Stopping()
        with self.clips, stopping:
            for counted in self.count(files, on_error=report) if files else ():
                with stopping.held_back():
                    self._add(counted)
        if self.partial is not None and stopping.stop is None:
            self.partial.ended(self.outputs.files)
        return len(errors), stopping

    def _add(self, counted: Counted) -> None:
        self.outputs.add(counted, self.stems[counted.name])
        self.clips.add(counted)
        if self.partial is not None:
            self.partial.counted(counted, self.outputs.files)


def _what_is_kept(partial: PartialResults | None) -> str:
    if partial is None:
        return "a table (--csv) would have kept what is counted"
    return f"what is counted is kept in {partial.folder}; the same command goes on with the others"
