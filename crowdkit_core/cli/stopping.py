"""Let Ctrl-C end a long count between two images, so that nothing counted is lost."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Self

from crowdkit_core.cli.interruption import Terminated


class Stopping:
    """Inside, Ctrl-C and SIGTERM end the block, and only that; outside they are as before.

    Attributes:
        stop: What ended it: KeyboardInterrupt after Ctrl-C, Terminated after SIGTERM, or None.
    """

    def __init__(self) -> None:
        self.stop: KeyboardInterrupt | None = None
        self._held = False
        self._due: KeyboardInterrupt | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if not isinstance(error, KeyboardInterrupt):
            return False
        self.stop = error
        return True

    @property
    def code(self) -> int:
        """The exit code that is due: 130 after Ctrl-C, 143 after SIGTERM, or else 0."""
        if self.stop is None:
            return 0
        return 143 if isinstance(self.stop, Terminated) else 130

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Inside, nothing is interrupted: what is being written is written whole."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._due is not None:
            raise self._due

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        stop = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
        if not self._held:
            raise stop
        self._due = stop
