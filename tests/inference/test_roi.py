"""Regions by polygon and by mask."""

import json

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from PIL import Image

from crowdkit_core.errors import DataError
from crowdkit_core.inference import as_roi, polygons_mask

corner = st.tuples(st.floats(-20, 60), st.floats(-20, 60))


@given(
    left=st.integers(0, 10),
    top=st.integers(0, 10),
    width=st.integers(1, 9),
    height=st.integers(1, 9),
)
@settings(deadline=None, max_examples=30)
def test_a_rectangle_is_its_mask(left, top, width, height):
    right, bottom = left + width, top + height
    polygon = [[left, top], [right, top], [right, bottom], [left, bottom]]
    mask = torch.zeros(20, 22, dtype=torch.bool)
    mask[top:bottom, left:right] = True
    assert torch.equal(as_roi(polygon, (20, 22)), mask)
    assert torch.equal(as_roi(polygon[::-1], (20, 22)), mask)


@given(triangle=st.lists(corner, min_size=3, max_size=3))
@settings(deadline=None, max_examples=60)
def test_pixels_are_inside_when_their_centres_are(triangle):
    """Against matplotlib, away from edges, where rounding decides."""
    (x1, y1), (x2, y2), (x3, y3) = triangle
    # without an area all is edge, and matplotlib calls some of it inside
    assume(abs((x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1)) > 1e-3)
    ys, xs = np.mgrid[:40, :30] + 0.5
    centres = np.stack([xs.ravel(), ys.ravel()], axis=1)
    outline = Outline([*triangle, triangle[0]], closed=True)
    larger = outline.contains_points(centres, radius=1e-6)
    smaller = outline.contains_points(centres, radius=-1e-6)
    mask = polygons_mask([triangle], (40, 30)).numpy().ravel()
    certain = larger == smaller
    assert np.array_equal(mask[certain], larger[certain])


def test_a_polygon_without_an_area_covers_nothing():
    assert not polygons_mask([[(0.5, 0), (0.5, 1), (0.5, 0.5)]], (40, 30)).any()


@given(apex=st.tuples(st.floats(1, 29), st.floats(1, 39)))
@settings(deadline=None, max_examples=40)
def test_polygons_that_share_edges_partition_the_frame(apex):
    frame = [(0, 0), (30, 0), (30, 40), (0, 40)]
    parts = [[frame[i], frame[(i + 1) % 4], apex] for i in range(4)]
    masks = torch.stack([polygons_mask([part], (40, 30)) for part in parts])
    assert (masks.sum(0) == 1).all()


def test_several_polygons_are_joined():
    two = [[[0, 0], [2, 0], [2, 2], [0, 2]], [[1, 1], [3, 1], [3, 3], [1, 3]]]
    assert as_roi(two, (4, 4)).sum() == 7


def test_files(tmp_path):
    mask = torch.zeros(6, 8, dtype=torch.bool)
    mask[1:4, 2:7] = True
    polygon = [[2, 1], [7, 1], [7, 4], [2, 4]]
    (tmp_path / "one.json").write_text(json.dumps(polygon))
    (tmp_path / "many.json").write_text(json.dumps([polygon]))
    np.save(tmp_path / "mask.npy", mask.numpy())
    Image.fromarray(mask.numpy().astype(np.uint8) * 255).save(tmp_path / "mask.png")
    for file in ("one.json", "many.json", "mask.npy", "mask.png"):
        assert torch.equal(as_roi(tmp_path / file, (6, 8)), mask), file
    assert torch.equal(as_roi(mask.numpy().astype(int), (6, 8)), mask)


def test_a_mask_of_another_size(tmp_path):
    Image.new("L", (8, 6), 255).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"mask\.png.*8 x 6 pixels, the image 30 x 20"):
        as_roi(tmp_path / "mask.png", (20, 30))


@pytest.mark.parametrize(
    "roi",
    [[], [[0, 0], [1, 1]], [[0, 0], [1], [2, 2]], [[0, 0, 0]] * 3, {"a": 1}, "[0"],
)
def test_what_is_not_a_polygon(tmp_path, roi):
    file = tmp_path / "roi.json"
    file.write_text(roi if isinstance(roi, str) else json.dumps(roi))
    with pytest.raises(DataError, match=r"roi\.json"):
        as_roi(file, (10, 10))


def test_corners_must_be_finite():
    with pytest.raises(DataError, match="not a finite number"):
        as_roi([[0, 0], [float("nan"), 4], [4, 4]], (10, 10))


def test_a_region_beside_the_image():
    with pytest.raises(DataError, match="covers no pixel"):
        as_roi([[50, 50], [60, 50], [60, 60]], (10, 10))


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"absent\.json"):
        as_roi(tmp_path / "absent.json", (10, 10))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 9999,
        "[[0, 0], [9, 0], [9, 1" + "0" * 5000 + "]]",
        "[[0, 0], [9, 0], [9, 1" + "0" * 400 + "]]",
        "[[0, 0], [1e300, 0], [9, 9]]",
        "[[0, 0], [1e999, 0], [9, 9]]",
        '{"a": 1}',
        "null",
        "3",
        '"text"',
        "\x00",
        "",
    ],
    ids=lambda text: text[:24],
)
def test_polygons_that_are_none_are_refused_in_a_line(tmp_path, text):
    path = tmp_path / "region.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"region\.json") as refused:
        as_roi(path, (10, 10))
    assert "\n" not in refused.value.message


def declared(shape: str) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + bytes(80)


@pytest.mark.parametrize(
    "content",
    [declared(f"({10**9}, {10**9})"), declared("(-1, 10)"), declared("(" * 60), declared("x"), b""],
    ids=["huge", "negative", "nested", "name", "empty"],
)
def test_array_files_that_lie_are_refused(tmp_path, content):
    path = tmp_path / "mask.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"mask\.npy"):
        as_roi(path, (10, 10))


@pytest.mark.parametrize("array", [np.full((9, 9), "x"), np.ones((9, 9), complex)])
def test_arrays_that_are_no_masks_are_refused(tmp_path, array):
    np.save(tmp_path / "mask.npy", array)
    with pytest.raises(DataError, match="expected a mask of numbers"):
        as_roi(tmp_path / "mask.npy", (9, 9))


def test_masks_of_other_machines_are_read(tmp_path):
    np.save(tmp_path / "mask.npy", np.eye(9, dtype=">i4"))
    assert int(as_roi(tmp_path / "mask.npy", (9, 9)).sum()) == 9
