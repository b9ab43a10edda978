"""Work on the next item in the background while the one before it is used."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def one_ahead(
    work: Callable[[Item], Result], items: Iterable[Item]
) -> Iterator[Iterator[Future[Result]]]:
    """Work on items in one background thread, which ends with the context.

    One result waits at most: more would take memory for each, and save nothing where the work
    takes less time than the use of its results.

    Args:
        work: From an item to its result; what it raises, the item's future raises.
        items: Taken one ahead of the results.

    Yields:
        A future of each item, in order.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crowdkit-ahead")
    try:
        yield _next_begun(thread.submit(work, item) for item in items)
    finally:
        thread.shutdown(cancel_futures=True)


def _next_begun(futures: Iterator[Future[Result]]) -> Iterator[Future[Result]]:
    waiting = deque(islice(futures, 1))
    while waiting:
        waiting.extend(islice(futures, 1))
        yield waiting.popleft()  # not kept here: each holds a whole result
