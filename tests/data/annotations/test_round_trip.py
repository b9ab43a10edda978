"""From any format to any other and back: no point is lost, none moves more than is stated."""

import string
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.optimize import linear_sum_assignment

from crowdkit_core.data.annotations import (
    FORMATS,
    Box,
    Mark,
    MarkedImage,
    convert,
    read_annotations,
    write_annotations,
)

HEIGHT, WIDTH = 40, 60
WRITTEN = [name for name, format in FORMATS.items() if format.write is not None]
NAMES = ("night/1.jpg", "10.png", "día-2.5.jpeg")
LABELS = st.text(string.ascii_letters + " <>&\"',;é", min_size=1, max_size=6).filter(
    lambda text: text == text.strip()
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for name in NAMES:
        (folder / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(folder / name)
    return folder


@st.composite
def marks(draw):
    x, y = draw(st.floats(0, WIDTH)), draw(st.floats(0, HEIGHT))
    mark = Mark(x, y, label=draw(LABELS), score=draw(st.none() | st.floats(0, 1)))
    if draw(st.booleans()):
        wide, high = draw(st.floats(0.1, 9)), draw(st.floats(0.1, 9))
        offset = draw(st.sampled_from([0.0, 1.5]))  # a box round the point, or beside it
        box = Box(x - wide + offset, y - high, x + wide + offset, y + high)
        mark = mark._replace(box=box)
    return mark


@st.composite
def annotations(draw):
    return [
        MarkedImage(
            name=name, marks=tuple(draw(st.lists(marks(), max_size=4))), size=(HEIGHT, WIDTH)
        )
        for name in NAMES
    ]


def place(folder, format):
    return folder / f"{format}{'' if FORMATS[format].per_image else FORMATS[format].suffix}"


def assert_close(found, expected, *formats):
    """The same images, by what both formats tell them apart by, with the same points."""
    tolerance = sum(FORMATS[each].precision for each in formats)
    regrouped = "cell-counter" in formats  # it keeps the points of one label together
    key = {Path(name).stem: name for name in NAMES}
    by_stem = {each.name.rpartition("/")[2]: each for each in found}
    by_stem |= {Path(name).stem: each for name, each in by_stem.items() if Path(name).stem in key}
    for image in expected:
        name = image.name.rpartition("/")[2]
        other = by_stem.get(name) or by_stem[Path(name).stem]
        assert len(other.marks) == len(image.marks)
        apart = np.abs(other.points[:, None] - image.points[None]).max(axis=-1)
        if not regrouped:
            assert (np.diagonal(apart) <= tolerance).all()
        close = apart <= tolerance
        assert close[linear_sum_assignment(close, maximize=True)].all()


@pytest.mark.parametrize("source", WRITTEN)
def test_there_and_back(photos, source):
    @settings(max_examples=4, deadline=None)
    @given(images=annotations())
    def check(images):
        with tempfile.TemporaryDirectory() as folder:
            there, back = Path(folder) / "there", Path(folder) / "back"
            start = place(Path(folder), source)
            write_annotations(start, images, format=source)
            first = read_annotations(start)
            assert_close(first, images, source)
            for target in WRITTEN:
                middle, end = place(there, target), place(back / target, source)
                convert(start, middle, to=target, images=photos)
                done = convert(middle, end, to=source, images=photos)
                assert done.source == target  # recognised
                last = read_annotations(end)
                assert_close(last, first, source, target)
                assert {each.name for each in read_annotations(middle)} >= (
                    set(NAMES) if FORMATS[target].key("a.jpg") == "a.jpg" else set()
                )

    check()


@pytest.mark.parametrize("target", WRITTEN)
def test_what_is_not_listed_as_lost_is_still_there(photos, tmp_path, target):
    @settings(max_examples=6, deadline=None)
    @given(images=annotations())
    def check(images):
        with tempfile.TemporaryDirectory(dir=tmp_path) as folder:
            start, end = Path(folder) / "start.json", place(Path(folder) / "end", target)
            write_annotations(start, images, format="json")
            lost = convert(start, end, to=target, images=photos).lost
            before = [mark for image in images for mark in image.marks]
            after = [mark for image in read_annotations(end) for mark in image.marks]
            pairs = list(zip(before, after, strict=True)) if len(before) == len(after) else []
            assert len(pairs) == len(before)
            in_order = not FORMATS[target].per_image  # files come in the order of their names
            for old, new in pairs if in_order else []:
                assert "labels" in lost or new.label == old.label
                assert "scores" in lost or new.score == old.score
            boxes = sum(mark.box is not None for mark in before)
            assert sum(mark.box is not None for mark in after) == boxes - lost.get("boxes", 0)

    check()
