"""What a user may name on the command line."""

import pytest
from PIL import Image

from crowdkit_core.errors import DataError
from crowdkit_core.inference import find_images, videos_left_out


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    files = "IMG_10.JPG IMG_2.jpg IMG_1.png more/deep.jpg ._IMG_1.jpg a[1].jpg"
    for name in files.split():
        Image.new("RGB", (4, 4)).save(folder / name, format="PNG")
    (folder / "notes.txt").write_text("hello")
    return folder


def names(files):
    return [file.name for file in files]


def test_a_folder_is_its_images(photos):
    assert names(find_images([photos])) == ["IMG_1.png", "IMG_2.jpg", "IMG_10.JPG", "a[1].jpg"]


def test_patterns(photos):
    assert names(find_images([f"{photos}/*.jpg"])) == ["IMG_2.jpg", "a[1].jpg"]
    assert names(find_images([f"{photos}/**/*.jpg"])) == ["IMG_2.jpg", "a[1].jpg", "deep.jpg"]
    assert names(find_images([f"{photos}/IMG_?.*"])) == ["IMG_1.png", "IMG_2.jpg"]


def test_a_file_named_twice_comes_once_and_first(photos):
    found = find_images([photos / "IMG_2.jpg", str(photos), f"{photos}/more/../IMG_2.jpg"])
    assert names(found) == ["IMG_2.jpg", "IMG_1.png", "IMG_10.JPG", "a[1].jpg"]


def test_an_existing_name_is_no_pattern(photos):
    assert names(find_images([photos / "a[1].jpg"])) == ["a[1].jpg"]


def test_a_file_named_outright_may_have_any_suffix(photos):
    assert names(find_images([photos / "notes.txt"])) == ["notes.txt"]


@pytest.mark.parametrize("path", ["absent.jpg", "absent/", "absent/*.jpg", "empty", "photos/*.txt"])
def test_a_path_without_images_is_named(photos, tmp_path, monkeypatch, path):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError) as caught:
        find_images([photos, path])
    assert caught.value.message.startswith(path)


def test_nothing_given():
    with pytest.raises(DataError, match="no image given"):
        find_images([])


def test_videos_are_named_or_matched_and_not_found_in_folders(photos):
    (photos / "IMG_3.mov").write_bytes(b"a clip")
    assert "IMG_3.mov" not in names(find_images([photos]))
    assert videos_left_out([photos, photos / "IMG_1.png"]) == [photos / "IMG_3.mov"]
    assert names(find_images([f"{photos}/IMG_[13].*"])) == ["IMG_1.png", "IMG_3.mov"]
    assert names(find_images([photos / "IMG_3.mov"])) == ["IMG_3.mov"]


def test_a_folder_of_videos_alone_says_how_to_count_them(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"a clip")
    with pytest.raises(
        DataError, match=r"no image there\n.*name the videos in it, such as .*a\.mp4"
    ):
        find_images([tmp_path])


def test_addresses_and_cameras(photos, monkeypatch):
    monkeypatch.chdir(photos)
    (photos / "7").mkdir()
    Image.new("RGB", (4, 4)).save(photos / "7" / "a.png")
    given = ["rtsp://guard:secret@gate/live?a=1", "0", "/dev/video2", "camera:7", "7", 3, "0"]
    assert [str(each) for each in find_images(given)] == [
        "rtsp://gate/live?a=1",
        *("camera:0", "camera:2", "camera:7", "7/a.png", "camera:3"),
    ]
    with pytest.raises(DataError, match="no such file"):
        find_images(["gopher://gate/live"])
