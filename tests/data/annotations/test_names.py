"""Names of images as other systems and tools write them."""

import os
import unicodedata
from pathlib import Path

import pytest

from crowdkit_core.data.annotations import ImageNames

FOLDER = Path("/data/photos")


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "A.JPG",
        "a",
        "./a.jpg",
        "photos/a.jpg",
        "../photos/a.jpg",
        r"..\Photos\a.jpg",
        "/data/photos/a.jpg",
        "/home/anna/photos/a.jpg",
        r"C:\Users\Anna\photos\a.jpg",
        r"\\server\share\photos\a.jpg",
        "file:///data/photos/a.jpg",
        "file:///C:/Users/Anna/photos/a.jpg",
        "https://example.org/photos/a.jpg?size=full",
        "s3://bucket/photos/a.jpg",
        "%61.jpg",
    ],
)
def test_these_are_the_image(name):
    assert ImageNames(["a.jpg", "b.jpg"], FOLDER).find(name) == ["a.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "c.jpg",
        "images/a.jpg",
        "../other/a.jpg",
        "/home/anna/a.jpg",
        r"D:\other\a.jpg",
        "https://example.org/other/a.jpg",
        "a.jpg/b",
        "a" * 300,
        "a\0.jpg",
        "%00.jpg",
        "%2e%2e/%2e%2e/etc/hosts",
        ".",
        "\ud800.jpg",
        "",
    ],
)
def test_these_are_no_image_of_the_folder(name):
    assert list(ImageNames(["a.jpg", "b.jpg"], FOLDER).find(name)) == []


def test_the_exact_name_is_meant_before_others():
    names = ImageNames(["a.jpg", "A.jpg", "b%20.jpg", "b .jpg", r"c\d.jpg", "c/d.jpg"])
    for name in ("a.jpg", "A.jpg", "b%20.jpg", r"c\d.jpg"):
        assert names.find(name) == [name]
    assert list(names.find("A.JPG")) == ["a.jpg", "A.jpg"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_letters_may_be_composed(form):
    name = unicodedata.normalize(form, "Café.jpg")
    for other in ("NFC", "NFD"):
        assert ImageNames([name]).find(unicodedata.normalize(other, "café.jpg")) == [name]


def test_names_that_cannot_be_decoded_are_found():
    name = os.fsdecode(b"caf\xe9.jpg")
    assert ImageNames([name], FOLDER).find(name) == [name]


def test_folders_below_are_kept_apart():
    names = ImageNames(["day/a.jpg", "night/a.jpg"], FOLDER)
    assert names.find(r"C:\photos\night\a.jpg") == ["night/a.jpg"]
    assert list(names.find("a.jpg")) == ["day/a.jpg", "night/a.jpg"]


def test_a_microscopes_file_may_have_been_converted():
    known = ImageNames(["a.png", "b.tif", "b.png", "c.jpg", "d.png", "d.jpg"])
    assert known.find("a.czi") == known.find("a.OME.TIFF") == ["a.png"]
    assert known.find("b.tif") == ["b.tif"]
    assert known.find("c.png") == []
    assert sorted(known.find("d.tif")) == ["d.jpg", "d.png"]
