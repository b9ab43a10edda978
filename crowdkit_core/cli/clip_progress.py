"""How far a clip is counted, and how long the rest will take."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from crowdkit_core.errors import DataError
from crowdkit_core.inference.sources import Source, clip_seconds
from crowdkit_core.printable import printable

BAR = "{desc} {percentage:3.0f} %|{bar}| {elapsed} gone, {remaining} left"
ENDLESS = "{desc} {n_fmt} frames, {elapsed} gone"


class ClipProgress:
    """A bar on standard error for the clip that is being counted, on a terminal only.

    Args:
        clips: By their names.
    """

    def __init__(self, clips: Mapping[str, Source]) -> None:
        self._clips = clips
        self._name = ""
        self._bar: tqdm[Any] | None = None

    def move(self, name: str, time: float) -> None:
        """Say up to which second a clip is counted."""
        if self._bar is None or name != self._name:
            self.close()
            self._name, self._bar = name, self._new_bar(name)
        done = self._bar.n + 1 if self._bar.total is None else min(time, self._bar.total)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _new_bar(self, name: str) -> "tqdm[Any]":
        seconds = _seconds(self._clips[name])
        return tqdm(
            total=seconds,
            desc=printable(Path(name).name),
            bar_format=ENDLESS if seconds is None else BAR,
            leave=False,
            disable=None,
            file=sys.stderr,
        )


def _seconds(clip: Source) -> float | None:
    """Its length; None for a stream, which is not opened a second time for that."""
    if not isinstance(clip, Path):
        return None
    try:
        return clip_seconds(clip)
    except DataError:  # it is said where its frames are read
        return None


@contextmanager
def aside_of_bars() -> Iterator[None]:
    """Inside, lines can be printed: a bar on the same terminal makes room for them."""
    with tqdm.external_write_mode(file=sys.stderr):
        yield
