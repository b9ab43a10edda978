"""Annotations that were made on another size of their image, or on it unturned, are refused."""

import json

import numpy as np
import pytest
from PIL import Image

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import MarkedImage, convert, read_annotations, with_files
from crowdkit_core.errors import DataError, SizeMismatchError
from crowdkit_core.evaluation import evaluate_points

FORMATS = ("coco", "cvat", "labelme", "label-studio", "make-sense")


def save(folder, format, width, height):
    """A head at seven eighths of the width and five sixths of the height of a photo."""
    x, y = width * 7 / 8, height * 5 / 6
    sides = {"width": width, "height": height}
    contents = {
        "coco": ("a.json", {
            "images": [{"id": 1, "file_name": "photo.jpg", **sides}],
            "categories": [{"id": 1, "name": "h"}],
            "annotations": [{"image_id": 1, "category_id": 1, "bbox": [x - 1, y - 1, 2, 2]}],
        }),
        "cvat": ("a.xml", f'<annotations><image id="0" name="photo.jpg" width="{width}" '
                 f'height="{height}"><points label="h" points="{x},{y}"/></image></annotations>'),
        "labelme": ("photo.json", {
            "shapes": [{"label": "h", "points": [[x, y]], "shape_type": "point"}],
            "imagePath": "photo.jpg", "imageHeight": height, "imageWidth": width,
        }),
        "label-studio": ("a.json", [{
            "data": {"image": "photo.jpg"},
            "annotations": [{"result": [{
                "type": "keypointlabels", "original_width": width, "original_height": height,
                "value": {"x": 87.5, "y": 83.3333, "keypointlabels": ["h"]},
            }]}],
        }]),
        "make-sense": ("a.csv", f"h,{round(x)},{round(y)},photo.jpg,{width},{height}\n"),
    }  # fmt: skip
    name, content = contents[format]
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def photo(path, **options):
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    photo(tmp_path / "photos/photo.jpg")
    return tmp_path / "photos"


def turned(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    photo(folder / "photo.jpg", exif=exif)


@pytest.mark.parametrize("format", FORMATS)
class TestAnotherSize:
    def test_a_check_finds_it(self, photos, format):
        save(photos, format, 40, 30)
        (finding,) = check(photos).findings
        assert finding.kind == "size-mismatch"
        assert "annotated at 40 x 30 pixels, but the image has 80 x 60" in finding.message

    def test_a_conversion_refuses_it(self, photos, tmp_path, format):
        save(photos, format, 40, 30)
        with pytest.raises(SizeMismatchError, match=r"annotated at 40 x 30 pixels, but .* 80 x 60"):
            convert(photos, tmp_path / "out.csv")
        apart = save(tmp_path, format, 40, 30)
        with pytest.raises(SizeMismatchError, match=r"annotated at 40 x 30 pixels, but .* 80 x 60"):
            convert(apart, tmp_path / "out.csv", images=photos)
        assert not (tmp_path / "out.csv").exists()

    def test_the_right_size_is_read(self, photos, tmp_path, format):
        save(photos, format, 80, 60)
        assert check(photos).ok
        assert convert(photos, tmp_path / "out.csv").points == 1

    def test_unturned_labels_of_a_turned_image(self, photos, format):
        turned(photos)
        save(photos, format, 80, 60)  # as it is stored
        (finding,) = check(photos).findings
        assert finding.kind == "size-mismatch"
        assert "annotated at 80 x 60 pixels, but the image has 60 x 80" in finding.message
        assert "EXIF" in finding.message
        save(photos, format, 60, 80)
        assert check(photos).ok

    def test_found_points_are_not_scored(self, photos, tmp_path, format):
        (photos / "photo.txt").write_text("70 50\n")
        images = Folder(root=photos, split="all", annotations=photos / "photo.txt", format="txt")
        found = read_annotations(save(tmp_path, format, 40, 30))
        with pytest.raises(SizeMismatchError, match=r"found \(photo\.jpg\): annotated at 40 x 30"):
            evaluate_points(found, images, source="found")
        right = read_annotations(save(tmp_path, format, 80, 60))
        assert evaluate_points(right, images, source="found").images[0].actual == 1


def test_two_entries_of_one_image_are_refused(photos, tmp_path):
    """They would be written as one image, twice."""
    both = [MarkedImage(name=name, marks=()) for name in ("photo.jpg", "photo")]
    with pytest.raises(DataError, match=r"'photo\.jpg' and 'photo' are the same image"):
        with_files(both, photos, "a.csv")
