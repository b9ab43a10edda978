"""What can be taken along is what other programs read."""

import asyncio
import csv
import io
import zipfile

import pytest
from crowdkit_page import downloads
from crowdkit_page.dots import Dots

from crowdkit_core.data.annotations import FORMATS, read_annotations
from crowdkit_core.errors import UsageError


@pytest.fixture
def photos(desk, photo_bytes):
    for name in ("a.jpg", "b.jpg"):

        async def save(path, name=name):
            path.write_bytes(photo_bytes((64, 48), (ord(name[0]), 0, 0)))

        asyncio.run(desk.receive(name, save))
    first, second = desk.session.photos
    first.dots = Dots.of([(1.5, 2.5), (30.0, 40.25)]).accepted()
    asyncio.run(desk.count(second))
    return [first, second]


def test_every_format_that_the_core_writes_can_be_taken_along(photos, tmp_path):
    assert set(downloads.written_formats()) == {
        name for name, each in FORMATS.items() if each.write is not None
    }
    for name in downloads.written_formats():
        taken = downloads.points_file(photos, name)
        folder = tmp_path / name
        folder.mkdir()
        for photo in photos:  # some formats name an image by its file, and per cent of its size
            (folder / photo.name).write_bytes(photo.path.read_bytes())
        if FORMATS[name].per_image:
            zipfile.ZipFile(io.BytesIO(taken.content)).extractall(folder)
            (file,) = (
                each
                for each in folder.iterdir()
                if each.stem.endswith("a") and each.suffix != ".jpg"
            )
            (marks,) = (image.marks for image in read_annotations(file, format=name))
        else:
            (folder / taken.name).write_bytes(taken.content)
            images = read_annotations(folder / taken.name, format=name)
            marks = next(image.marks for image in images if image.name.split(".")[0] == "a")
        tolerance = FORMATS[name].precision + 1e-6
        places = [(mark.x, mark.y) for mark in marks]
        for place, expected in zip(places, photos[0].dots.xy, strict=True):
            assert place == pytest.approx(expected, abs=tolerance), name


def test_counts_are_a_table_of_what_was_counted(photos):
    rows = list(csv.DictReader(io.StringIO(downloads.counts_table(photos).content.decode())))
    assert [row["file"] for row in rows] == ["b.jpg"]
    assert float(rows[0]["count"]) == pytest.approx(photos[1].counted.count)


def test_scores_are_of_found_dots_alone(photos):
    corrected, found = map(downloads.marked, photos)
    assert {mark.score for mark in corrected.marks} == {None}
    assert all(mark.score is not None for mark in found.marks)


def test_the_picture_is_a_png_named_after_its_photo(photos):
    taken = downloads.picture(photos[1])
    assert taken.name == "b-counted.png"
    assert taken.content.startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "take",
    [
        downloads.counts_table,
        downloads.zones_table,
        lambda photos: downloads.points_file(photos, "csv"),
    ],
)
def test_nothing_to_take_along_is_said(take):
    with pytest.raises(UsageError, match="no photo is counted"):
        take([])
