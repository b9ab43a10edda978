"""The next item is worked on in the background, one ahead and no more."""

from collections import defaultdict
from threading import Event, current_thread, main_thread

import pytest

from crowdkit_core.inference.ahead import one_ahead


class Recorder:
    """Work that says what it has begun, and in which threads."""

    def __init__(self):
        self.begun = []
        self.threads = set()
        self._events = defaultdict(Event)

    def __call__(self, item):
        self.begun.append(item)
        self.threads.add(current_thread())
        self._events[item].set()
        if item == "bad":
            raise ValueError("a bad item")
        return item

    def wait_for(self, item):
        assert self._events[item].wait(timeout=60), f"{item} was never begun"

    @property
    def ended(self):
        return not any(thread.is_alive() for thread in self.threads)


@pytest.fixture
def work():
    return Recorder()


def test_results_come_in_order_from_one_thread(work):
    with one_ahead(work, range(20)) as results:
        assert [result.result() for result in results] == list(range(20))
    assert len(work.threads) == 1
    assert main_thread() not in work.threads
    assert work.ended


def test_the_next_one_is_begun_and_no_other(work):
    items = range(5)
    with one_ahead(work, items) as results:
        assert work.begun == []
        for turn, _ in enumerate(results):
            expected = list(items[: turn + 2])
            work.wait_for(expected[-1])
            assert work.begun == expected


def test_an_error_comes_at_its_turn(work):
    with one_ahead(work, ["good", "bad", "better"]) as results:
        assert next(results).result() == "good"
        bad = next(results)
        with pytest.raises(ValueError, match="a bad item"):
            bad.result()
        assert next(results).result() == "better"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_whatever_ends_the_context_ends_the_thread(work, stop):
    def stop_early():
        with one_ahead(work, range(100)) as results:
            next(results).result()
            raise stop

    with pytest.raises(stop):
        stop_early()
    assert work.ended
    assert len(work.begun) <= 2


def test_nothing_to_do(work):
    with one_ahead(work, []) as results:
        assert list(results) == []
