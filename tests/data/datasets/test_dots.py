import numpy as np
import pytest
from PIL import Image

from crowdkit_core.data import Dots
from crowdkit_core.errors import DataError, MissingFileError, SizeMismatchError
from crowdkit_core.testing import check_dataset

NAMES = {
    "vgg": ("{:03}cell.png", "{:03}dots.png"),
    "mbm": ("BM_01_{:03}.png", "BM_01_dots_{:03}.png"),
    "own": ("{}.jpg", "{}_dots.png"),
}


def save_dots(path, pixels, size=(40, 60)):
    picture = np.zeros((*size, 3), dtype=np.uint8)
    for row, column in pixels:
        picture[row, column] = (255, 0, 0)
    Image.fromarray(picture).save(path)


@pytest.mark.parametrize("layout", NAMES)
def test_each_marked_pixel_is_one_object_at_its_centre(tmp_path, save_image, layout):
    image, dots = NAMES[layout]
    for n in range(1, 4):
        save_image(tmp_path / image.format(n))
        save_dots(tmp_path / dots.format(n), [(3, 5), (3, 6), (39, 59)])
    dataset = Dots(root=tmp_path, split="all")
    assert [entry.image.name for entry in dataset.entries] == [image.format(n) for n in (1, 2, 3)]
    assert dataset[0].points.tolist() == [[5.5, 3.5], [6.5, 3.5], [59.5, 39.5]]
    check_dataset(dataset)


def test_a_black_dot_image_is_nobody(tmp_path, save_image):
    save_image(tmp_path / "a.png")
    save_dots(tmp_path / "a_dots.png", [])
    for mark in ("pixel", "blob"):
        assert Dots(root=tmp_path, mark=mark, split="all").annotation(0).points.shape == (0, 2)


class TestBlobs:
    @pytest.fixture
    def root(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save_dots(tmp_path / "a_dots.png", [(r, c) for r in (9, 10, 11) for c in (20, 21, 22)])
        return tmp_path

    def test_are_not_counted_pixel_by_pixel(self, root):
        with pytest.raises(
            DataError, match=r"a_dots.png: 9 marked pixels in only 1 blobs"
        ) as caught:
            Dots(root=root, split="all").annotation(0)
        assert "mark" in caught.value.hint

    def test_are_one_object_if_asked(self, root):
        annotation = Dots(root=root, mark="blob", split="all").annotation(0)
        assert annotation.points.tolist() == [[21.5, 10.5]]


def test_a_missing_half_is_named(tmp_path, save_image):
    save_image(tmp_path / "1cell.png")
    save_dots(tmp_path / "1dots.png", [(1, 1)])
    save_image(tmp_path / "2cell.png")
    save_dots(tmp_path / "3dots.png", [(1, 1)])
    dataset = Dots(root=tmp_path, split="all")
    assert len(dataset) == 3
    with pytest.raises(MissingFileError, match=r"2_dots.png: no such file"):
        dataset.annotation(1)
    with pytest.raises(MissingFileError, match=r"3.png: no such file"):
        dataset.annotation(2)


def test_a_dot_image_of_another_size_is_refused(tmp_path, save_image):
    save_image(tmp_path / "1cell.png")
    save_dots(tmp_path / "1dots.png", [(1, 1)], size=(30, 60))
    with pytest.raises(SizeMismatchError, match=r"1dots.png.* at 60 x 30 .* 60 x 40"):
        Dots(root=tmp_path, split="all").annotation(0)


def test_two_images_for_one_dot_image_are_refused(tmp_path, save_image):
    save_image(tmp_path / "1cell.png")
    save_image(tmp_path / "1.jpg")
    save_dots(tmp_path / "1dots.png", [(1, 1)])
    with pytest.raises(DataError, match="claim the same annotation"):
        Dots(root=tmp_path)


def test_the_last_images_can_be_the_test_images(tmp_path, save_image):
    for n in range(1, 13):
        save_image(tmp_path / f"{n}cell.png")
        save_dots(tmp_path / f"{n}dots.png", [(1, 1)] if n == 1 else [])
    test = Dots(root=tmp_path, split="test", test_last=2)
    assert [entry.name for entry in test.entries] == ["11cell.png", "12cell.png"]
