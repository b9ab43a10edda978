"""The next item is worked on in the background, one ahead and no more."""

from collections import defaultdict
from threading import Event, current_thread, main_thread
from weakref import WeakSet

import pytest

from crowdkit_core.inference.ahead import one_ahead


class Recorder:
    """Items that say when each is taken, and in which threads."""

    def __init__(self):
        self.begun = []
        self.threads = set()
        self._events = defaultdict(Event)

    def __call__(self, items):
        for item in items:
            self.begun.append(item)
            self.threads.add(current_thread())
            self._events[item].set()
            if item == "bad":
                raise ValueError("a bad item")
            yield item

    def wait_for(self, item):
        assert self._events[item].wait(timeout=60), f"{item} was never begun"

    @property
    def ended(self):
        return not any(thread.is_alive() for thread in self.threads)


@pytest.fixture
def taken():
    return Recorder()


def test_items_come_in_order_from_one_thread(taken):
    with one_ahead(taken(range(20))) as items:
        assert list(items) == list(range(20))
    assert len(taken.threads) == 1
    assert main_thread() not in taken.threads
    assert taken.ended


def test_the_next_one_is_begun_and_no_other(taken):
    with one_ahead(taken(range(5))) as items:
        assert taken.begun == []
        for turn, _ in enumerate(items):
            expected = list(range(5))[: turn + 2]
            taken.wait_for(expected[-1])
            assert taken.begun == expected


def test_an_error_comes_at_its_turn(taken):
    with one_ahead(taken(["good", "bad"])) as items:
        assert next(items) == "good"
        with pytest.raises(ValueError, match="a bad item"):
            next(items)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, ValueError])
def test_whatever_ends_the_context_ends_the_thread(taken, stop):
    def stop_early():
        with one_ahead(taken(range(100))) as items:
            next(items)
            raise stop

    with pytest.raises(stop):
        stop_early()
    assert taken.ended
    assert len(taken.begun) <= 2


def test_nothing_to_do(taken):
    with one_ahead(taken([])) as items:
        assert list(items) == []


def test_an_item_that_is_used_up_is_not_kept():
    class Large:
        pass

    known = WeakSet()

    def made():
        for _ in range(4):
            item = Large()
            known.add(item)
            yield item
            del item

    with one_ahead(made()) as items:
        for item in items:
            assert len(known) <= 2
            del item
