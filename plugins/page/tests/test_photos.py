"""What visitors send is checked before it is decoded, and their names are data."""

import av
import numpy as np
import pytest
from crowdkit_page.limits import Limits
from crowdkit_page.photos import plain_name, receive, safe_suffix
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from crowdkit_core.errors import DataError, UsageError

LIMITS = Limits(megapixels=0.1)


@pytest.fixture
def sent(tmp_path):
    """Puts bytes where a session keeps them, under a name that is none of a visitor's."""

    def put(content, suffix=".jpg"):
        path = tmp_path / f"0123{suffix}"
        path.write_bytes(content)
        return path

    return put


def clip(path, frames=20, size=(64, 48)):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            pixels = np.full((size[1], size[0], 3), 10 * number, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_a_photo_is_taken_with_its_size_and_a_preview(sent, photo_bytes):
    (photo,) = receive(sent(photo_bytes((200, 100))), "a b.JPG", LIMITS, room=3)
    assert (photo.name, photo.size, photo.shown_size) == ("a b.JPG", (100, 200), (100, 200))
    with Image.open(photo.preview) as shown:
        assert shown.size == (200, 100)


def test_a_turned_photo_is_shown_as_it_is_looked_at(sent, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (200, 100)).save(tmp_path / "turned.jpg", exif=exif)
    path = sent((tmp_path / "turned.jpg").read_bytes())
    (photo,) = receive(path, "turned.jpg", LIMITS, room=1)
    assert photo.size == (200, 100)


@pytest.mark.parametrize(
    ("content", "suffix", "expected"),
    [
        (b"just text", ".jpg", "holiday.jpg: not an image, or its header is damaged"),
        (b"", ".jpg", "holiday.jpg: the file is empty"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", ".jpg", "holiday.jpg: a program for printers, not a photo"),
        (b"#EXTM3U\nfile:///etc/passwd\n", ".mp4", "holiday.jpg: cannot be read as a video: it is"),
        (b"\0" * 2000, ".mp4", "holiday.jpg: cannot be read as a video"),
    ],
)
def test_what_is_no_photo_is_refused_in_one_line_without_paths(sent, content, suffix, expected):
    path = sent(content, suffix)
    with pytest.raises(DataError) as caught:
        receive(path, "holiday.jpg", LIMITS, room=1)
    assert caught.value.message.startswith(expected)
    assert str(path.parent) not in str(caught.value)
    assert "\n" not in caught.value.message
    assert not path.exists()


def test_too_many_pixels_are_refused_before_they_are_decoded(sent, photo_bytes):
    cut_short = photo_bytes((400, 300))[:700]  # its header alone is whole
    with pytest.raises(DataError, match=r"400 x 300 is 0 megapixels, at most 0\.1"):
        receive(sent(cut_short), "big.jpg", LIMITS, room=1)


def test_no_room(sent, photo_bytes):
    with pytest.raises(UsageError, match=r"a\.jpg: 50 photos are here already"):
        receive(sent(photo_bytes()), "a.jpg", LIMITS, room=0)


def test_a_clip_is_so_many_frames_as_there_is_room_for(sent, tmp_path):
    path = clip(sent(b"", ".mp4"))
    photos = receive(path, "street.mp4", LIMITS, room=4)
    assert [photo.time for photo in photos] == pytest.approx([0.0, 0.5, 1.0, 1.5])
    assert [photo.name for photo in photos][:2] == ["street-0000.0s.png", "street-0000.5s.png"]
    assert not path.exists()
    with Image.open(photos[2].path) as frame:
        assert abs(np.asarray(frame).mean() - 100) < 5


def test_frames_of_a_large_clip_are_refused(sent):
    path = clip(sent(b"", ".mp4"), frames=2, size=(640, 480))
    with pytest.raises(DataError, match=r"street\.mp4: 640 x 480 is"):
        receive(path, "street.mp4", LIMITS, room=4)


@given(st.text())
def test_a_name_is_never_a_path(name):
    plain = plain_name(name)
    assert plain not in {"", ".", ".."}
    assert plain.isprintable()
    assert not set(plain) & {"/", "\\"}
    assert len(plain) <= 120
    suffix = safe_suffix(name)
    assert suffix == "" or (suffix[0] == "." and suffix[1:].isascii() and suffix[1:].isalnum())


def test_a_name_of_script_stays_as_it_is():
    name = "<img src=x onerror=alert(1)>.jpg"
    assert plain_name(name) == name
