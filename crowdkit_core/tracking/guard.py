"""Talk to a tracker that may fail or hang, without failing or hanging with it."""

import warnings
from collections.abc import Callable
from functools import partial
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any

from crowdkit_core.interfaces import Tracker
from crowdkit_core.printable import printable
from crowdkit_core.tracking.randomness import same_randomness

PATIENCE = 60.0
"""Seconds that a tracker may take in any case."""
SHARE = 0.05
"""The part of a run's time that it may take on top of them."""


class GuardedTracker:
    """A tracker in a thread of its own; told no more once it fails or takes too long.

    The caller waits for each answer, and random states are afterwards what they were before: the
    same seed gives the same bits with and without trackers. All waits together last no longer than
    ``PATIENCE`` and ``SHARE`` of the time since the start.

    Args:
        tracker: Only ever called in the thread.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._began = monotonic()
        self._waited = 0.0
        self._listening = True
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._answers: SimpleQueue[BaseException | None] = SimpleQueue()
        # A daemon, as the process must end while the thread hangs.
        thread = Thread(target=_work, args=(self._calls, self._answers), daemon=True)
        thread.start()

    @property
    def wants_pictures(self) -> bool:
        """Whether there is any use in making some for it."""
        return self._listening and type(self._tracker).log_pictures is not Tracker.log_pictures

    def tell(self, method: str, *values: Any, **named: Any) -> None:
        """Call a method of the tracker; a warning says so if it is the last."""
        if not self._listening:
            return
        asked = monotonic()
        left = PATIENCE + SHARE * (asked - self._began) - self._waited
        with same_randomness():
            self._calls.put(partial(getattr(self._tracker, method), *values, **named))
            try:
                error = self._answers.get(timeout=max(left, 0.0))
            except Empty:
                self._leave_out("it takes too long")
                return
        self._waited += monotonic() - asked
        if error is not None:
            self._leave_out(printable(f"{type(error).__name__}: {error}").strip())

    def close(self) -> None:
        """End the thread; nothing is told afterwards."""
        self._listening = False
        self._calls.put(None)

    def _leave_out(self, reason: str) -> None:
        self.close()
        warnings.warn(
            f"{self._tracker.label} is left out of the rest of this run: {reason}",
            RuntimeWarning,
            stacklevel=2,
        )


def _work(
    calls: "SimpleQueue[Callable[[], None] | None]", answers: "SimpleQueue[BaseException | None]"
) -> None:
    while (call := calls.get()) is not None:
        try:
            call()
        except BaseException as error:  # SystemExit too: it ends no run
            answers.put(error)
        else:
            answers.put(None)
