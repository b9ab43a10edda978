"""Take the next item in the background while the one before it is used."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")


@contextmanager
def one_ahead(items: Iterable[Item]) -> Iterator[Iterator[Item]]:
    """Take items in one background thread, which ends with the context.

    One item waits at most: more would take memory for each, and save nothing where taking one is
    quicker than using it.

    Args:
        items: Taken one ahead of their use; an error comes at its turn.

    Yields:
        The items, in order.
    """
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="crowdkit-ahead")
    try:
        yield _next_begun(thread, iter(items))
    finally:
        thread.shutdown(cancel_futures=True)


_END = object()


def _next_begun(thread: ThreadPoolExecutor, items: Iterator[Item]) -> Iterator[Item]:
    coming = thread.submit(next, items, _END)
    while (item := coming.result()) is not _END:
        coming = thread.submit(next, items, _END)
        yield item  # type: ignore[misc]  # the end is none
        del item  # not kept until the next one is there: each may be large
