import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.data.datasets.framing import frame_points, overhang_allowed
from crowdkit_core.errors import DataError, OutsideError

SIZE = (480, 640)
NEAR = overhang_allowed(SIZE)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(-NEAR, 640 + NEAR), st.floats(-NEAR, 480 + NEAR)), max_size=20))
def test_nobody_a_little_outside_is_lost(points):
    xy = np.array(points, dtype=np.float64).reshape(-1, 2)
    framed, moved = frame_points(xy, SIZE, source="a.csv")
    inside = [(0 <= x <= 640) and (0 <= y <= 480) for x, y in points]
    assert len(framed) == len(points)
    assert moved == inside.count(False)
    assert (framed >= 0).all()
    assert (framed[:, 0] <= 640).all()
    assert (framed[:, 1] <= 480).all()
    assert np.allclose(framed[inside], xy[inside])


def test_far_outside_is_refused_by_file_point_and_size():
    xy = np.array([[5.0, 5.0], [5000.0, 7.0]])
    with pytest.raises(OutsideError, match=r"a.csv: point 2 at \(5000, 7\).* 640 x 480") as caught:
        frame_points(xy, SIZE, source="a.csv")
    assert not caught.value.swapped


def test_swapped_coordinates_are_named():
    with pytest.raises(OutsideError) as caught:
        frame_points(np.array([[10.0, 600.0]]), SIZE, source="a.csv")
    assert caught.value.swapped
    assert "swapped" in caught.value.hint


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(value):
    with pytest.raises(DataError, match=r"a.csv: point 2 is .*expected finite"):
        frame_points(np.array([[1.0, 1.0], [value, 2.0]]), SIZE, source="a.csv")
