"""One piece of work after the other: two visitors at once need no more memory than one."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from crowdkit_core.errors import UsageError

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

MOST_WAITING = 64
"""Pieces of work that wait, beyond which more are refused."""


class Queue:
    """Does work in one thread, in the order in which it was asked for.

    Args:
        name: Of the thread.
        most_waiting: Beyond so many, more work is refused.
    """

    def __init__(self, name: str, most_waiting: int = MOST_WAITING) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"crowdkit-{name}")
        self._most_waiting = most_waiting
        self.ahead = 0

    async def do(
        self,
        job: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """What a job returns, when it is its turn; its errors are raised here.

        Raises:
            UsageError: Too much work waits already.
        """
        if self.ahead > self._most_waiting:
            raise UsageError(
                "too many photos are waiting to be counted", hint="try again in a minute"
            )
        self.ahead += 1
        try:
            future = self._thread.submit(job, *args, **kwargs)
            return await asyncio.wrap_future(future)
        finally:
            self.ahead -= 1

    def close(self) -> None:
        """Do nothing more of what waits; what is being done ends first."""
        self._thread.shutdown(cancel_futures=True)
