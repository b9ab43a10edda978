"""Dots are clicked on and off, and undo is exact."""

import pytest
from crowdkit_page.dots import Dots
from hypothesis import given
from hypothesis import strategies as st

SIZE = (480, 640)
places = st.tuples(
    st.floats(0, 640, allow_nan=False, width=32), st.floats(0, 480, allow_nan=False, width=32)
)


@given(st.lists(places, max_size=30), st.lists(places, min_size=1, max_size=8))
def test_undo_goes_back_through_every_state(found, clicks):
    states = [Dots.of(found)]
    for x, y in clicks:
        states.append(states[-1].clicked(x, y, SIZE))
    dots = states[-1]
    for state in reversed(states):
        assert dots.xy == state.xy
        assert dots.is_corrected == state.is_corrected
        dots = dots.undone()
    assert dots.xy == tuple((float(x), float(y)) for x, y in found)


@given(st.lists(places, max_size=30), places)
def test_a_click_changes_the_count_by_one(found, place):
    before = Dots.of(found)
    after = before.clicked(*place, SIZE)
    assert abs(len(after) - len(before)) == 1


@given(st.lists(places, min_size=1, max_size=30, unique=True), st.data())
def test_a_click_onto_a_dot_removes_that_place(found, data):
    dots = Dots.of(found)
    place = data.draw(st.sampled_from(dots.xy))
    left = dots.clicked(*place, SIZE).xy
    assert len(left) == len(found) - 1
    assert set(left) == set(dots.xy) - {place}


def test_neighbours_in_a_dense_crowd_are_told_apart():
    """A dot is never drawn so large that the one beside it could be meant."""
    row = Dots.of((100 + 4 * step, 50) for step in range(20))
    assert row.radius(SIZE) < 2
    assert row.clicked(102, 50, SIZE).xy == (*row.xy, (102.0, 50.0))
    assert (104.0, 50.0) not in row.clicked(104.5, 50, SIZE).xy


def test_a_click_outside_is_moved_onto_the_border():
    assert Dots().clicked(700, -3, SIZE).xy == ((640.0, 0.0),)


def test_dots_said_to_be_right_are_corrected_and_can_be_taken_back():
    found = Dots.of([(1, 2)])
    accepted = found.accepted()
    assert accepted.is_corrected
    assert accepted.xy == found.xy
    assert not accepted.undone().is_corrected
    assert accepted.accepted() is accepted


@pytest.mark.parametrize("dots", [Dots(), Dots.of([(3, 3)], is_corrected=True)])
def test_nothing_to_undo(dots):
    assert dots.undone() is dots
