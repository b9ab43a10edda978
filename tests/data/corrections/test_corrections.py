"""Corrected images as a data set on disk, seen through the data set `folder`."""

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from crowdkit_core import create
from crowdkit_core.data.corrections import Corrections
from crowdkit_core.errors import DataError, OutsideError, UsageError

HEIGHT, WIDTH = 12, 20


def picture(seed, format="PNG", **options):
    """The bytes of a file of noise."""
    noise = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, format, **options)
    return content.getvalue()


def read(folder):
    """What the data set `folder` says of each image."""
    dataset = create("dataset", "folder", root=folder, split="all")
    found = [dataset.annotation(index) for index in range(len(dataset))]
    return {each.name: each.points.tolist() for each in found}


@pytest.fixture
def corrections(tmp_path):
    return Corrections(tmp_path / "mine")


POINTS = st.lists(
    st.tuples(st.floats(0, WIDTH, width=32), st.floats(1.5, HEIGHT, width=32)), max_size=4
)
NAMES = st.text(st.characters(), max_size=300)


@settings(max_examples=30)
@given(images=st.lists(st.tuples(NAMES, POINTS), min_size=1, max_size=4))
@example([("../../up.png", []), ("..", []), ("a\0b.JPG", [(1, 2)]), ("", [])])
@example([("annotations.png", [(1, 2)]), ("classes.png", []), ("train/x.png", [(1, 2), (3, 4)])])
@example([("é.png", [(1, 2)]), ("e\u0301.png", [(3, 4)]), ("É.PNG", []), ("\ud800" * 300, [])])
@example([("CON.png", []), ("C:\\a.png", [(1, 2)]), ("a_table.png", []), ("a.png", [(3, 4)])])
@example([("a.tif", [(1, 2)]), ("a.txt", [(3, 4)]), ("a.csv.png", []), (".hidden.png", [])])
def test_whatever_images_are_called_each_is_there_with_its_points(images):
    with tempfile.TemporaryDirectory() as above:
        corrections = Corrections(Path(above) / "mine")
        names = [
            corrections.add(picture(number), points, name=name)
            for number, (name, points) in enumerate(images)
        ]
        assert sorted(path.name for path in Path(above).iterdir()) == ["mine"]
        assert len(set(names)) == len(images)
        found = read(corrections.folder)
        for number, (name, (_, points)) in enumerate(zip(names, images, strict=True)):
            assert found[name] == [list(point) for point in points]
            assert (corrections.folder / name).read_bytes() == picture(number)
        assert {each.name: each.points.tolist() for each in corrections} == found
        assert all(path.name.encode() for path in corrections.folder.iterdir())


def test_the_same_name_twice_with_other_pixels(corrections):
    names = [corrections.add(picture(seed), [[seed, 2]], name="a.png") for seed in range(3)]
    assert names == ["a.png", "a-2.png", "a-3.png"]
    assert read(corrections.folder)["a-3.png"] == [[2, 2]]


def test_the_same_image_twice_is_one_with_its_new_points(corrections):
    first = corrections.add(picture(0), [[1, 2], [3, 4]], name="a.png")
    assert corrections.add(picture(0), [[5, 6]], name="b.png") == first
    assert read(corrections.folder) == {"a.png": [[5, 6]]}


def test_points_are_of_the_image_as_it_is_looked_at(corrections):
    turned = Image.Exif()
    turned[0x0112] = 6
    name = corrections.add(picture(0, "JPEG", exif=turned), [[HEIGHT, WIDTH]], name="a.jpg")
    assert read(corrections.folder) == {name: [[HEIGHT, WIDTH]]}
    with pytest.raises(OutsideError, match=r"a\.jpg: point 1 at \(25, 5\) is outside"):
        corrections.set_points(name, [[WIDTH + 5, 5]])


def test_a_file_is_added_under_its_own_name(corrections, tmp_path):
    (tmp_path / "photo.png").write_bytes(picture(0))
    assert corrections.add(tmp_path / "photo.png", np.zeros((0, 2))) == "photo.png"
    assert read(corrections.folder) == {"photo.png": []}


@pytest.mark.parametrize(
    ("format", "ending"), [("PNG", ".png"), ("JPEG", ".jpg"), ("WEBP", ".webp"), ("TIFF", ".tif")]
)
def test_an_image_without_an_ending_gets_that_of_its_format(corrections, format, ending):
    assert corrections.add(picture(0, format), [], name="upload") == f"upload{ending}"
    assert list(read(corrections.folder)) == [f"upload{ending}"]


def test_points_change_and_images_go(corrections):
    corrections.add(picture(0), [[1, 2]], name="a.png")
    corrections.add(picture(1), [[3, 4]], name="b.png")
    corrections.set_points("a.png", [])
    assert corrections.points("a.png").shape == (0, 2)
    corrections.remove("b.png")
    assert read(corrections.folder) == {"a.png": []}
    assert (len(corrections), "a.png" in corrections, "b.png" in corrections) == (1, True, False)
    for refused in (corrections.remove, corrections.points):
        with pytest.raises(UsageError, match=r"no corrected image named 'b\.png'"):
            refused("b.png")


@pytest.mark.parametrize(
    ("content", "points", "message"),
    [
        (b"", [], r"^a\.png: the file is empty"),
        (b"GIF89a", [], r"^a\.png: not an image|^a\.png: cannot be read"),
        (picture(0)[:200], [], r"^a\.png: "),
        (picture(0), [[1.0]], r"^a\.png: points have shape \(1, 1\), expected \(N, 2\)"),
        (picture(0), [["x", "y"]], r"^a\.png: points are not numbers"),
        (picture(0), [[float("nan"), 1]], r"^a\.png: point 1 is \(nan, 1\), expected finite"),
        (picture(0), [[500, 1]], r"^a\.png: point 1 at \(500, 1\) is outside the image"),
        (picture(0), [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]], r"^a\.png: all 3 points lie in the"),
    ],
)
def test_what_cannot_be_kept_leaves_nothing(corrections, content, points, message):
    with pytest.raises(DataError, match=message):
        corrections.add(content, points, name="a.png")
    assert list(corrections.folder.iterdir()) == []


def test_files_of_others_are_left_alone(corrections):
    corrections.folder.mkdir()
    (corrections.folder / "photo.txt").write_text("notes on the photo")
    assert corrections.add(picture(0), [[1, 2]], name="photo.png") == "photo-2.png"
    assert (corrections.folder / "photo.txt").read_text() == "notes on the photo"
    assert read(corrections.folder) == {"photo-2.png": [[1, 2]]}


@pytest.mark.parametrize("name", ["annotations.csv", "train"])
def test_a_folder_that_is_annotated_in_another_way(tmp_path, name):
    (tmp_path / name).mkdir() if name == "train" else (tmp_path / name).write_text("image,x,y\n")
    with pytest.raises(UsageError, match="the folder holds a data set of another kind"):
        Corrections(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file, expected a folder"):
        Corrections(tmp_path / "file")


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
@pytest.mark.parametrize(
    ("what", "before", "after"),
    [
        ("add", {"a.png": [[1, 2]]}, {"a.png": [[1, 2]], "b.png": [[3.5, 4]]}),
        ("change", {"a.png": [[1, 2]]}, {"a.png": [[1, 1], [2, 2]]}),
        ("remove", {"a.png": [[1, 2]], "b.png": [[3.5, 4]]}, {"a.png": [[1, 2]]}),
    ],
)
def test_a_killed_process_leaves_what_was_or_what_was_to_be(tmp_path, what, before, after):
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
    done = subprocess.run(
        [
            sys.executable,
            Path(__file__).with_name("killed_writer.py"),
            *(tmp_path / "mine", tmp_path / "0.png", tmp_path / "1.png"),
            what,
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    *killed, (was_killed, whole) = map(json.loads, done.stdout.splitlines())
    assert not was_killed
    assert whole == after
    assert len(killed) >= 2
    assert all(each in ([True, before], [True, after]) for each in killed)
