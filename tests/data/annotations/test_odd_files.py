"""What people really have: half-filled COCO, renamed LabelMe files, other tools' JSON and XML."""

import json

import pytest

from crowdkit_core.data import check
from crowdkit_core.data.annotations import read_annotations
from crowdkit_core.errors import DataError


def save(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def coco(*annotations, **more):
    return {
        "images": [{"id": 1, "file_name": "photos\\night/a.jpg"}],
        "categories": [{"id": 1, "name": "head"}],
        "annotations": [{"image_id": 1, "category_id": 1, **each} for each in annotations],
        **more,
    }


def places(path):
    return [(mark.x, mark.y) for image in read_annotations(path) for mark in image.marks]


class TestCoco:
    @pytest.mark.parametrize("box", [{}, {"bbox": []}, {"bbox": None}, {"bbox": [0, 0, 0, 0]}])
    def test_an_outline_has_a_box(self, tmp_path, box):
        outline = {"segmentation": [[10, 20, 14, 20], [14, 40, 10, 40]], **box}
        path = save(tmp_path / "a.json", coco(outline))
        (image,) = read_annotations(path)
        assert (image.name, image.marks[0].box) == ("photos/night/a.jpg", (10, 20, 14, 40))

    @pytest.mark.parametrize(
        "annotation",
        [
            {"segmentation": {"counts": "abc", "size": [4, 4]}},
            {"segmentation": {"counts": [1, 2], "size": [4, 4]}, "bbox": [0, 0, 0, 0]},
            {"segmentation": []},
            {"bbox": [0, 0, 0, 0]},
        ],
    )
    def test_nobody_is_put_into_the_corner(self, tmp_path, annotation):
        path = save(tmp_path / "a.json", coco(annotation))
        with pytest.raises(DataError, match=r"annotations 1: neither a visible head keypoint"):
            read_annotations(path)

    @pytest.mark.parametrize("image_id", [1, 1.0, "1"])
    @pytest.mark.parametrize("own", [1, 1.0, "1"])
    def test_ids_are_one_whether_numbers_or_texts(self, tmp_path, own, image_id):
        images = [{"id": own, "file_name": "a.jpg"}]
        person = {"image_id": image_id, "bbox": [2, 3, 4, 6]}
        assert places(save(tmp_path / "a.json", coco(person, images=images))) == [(4, 6)]

    def test_a_box_of_negative_sides_is_refused(self, tmp_path):
        path = save(tmp_path / "a.json", coco({"bbox": [10, 10, -3, 4]}))
        with pytest.raises(DataError, match="annotations 1: a box of -3 x 4, expected sides of 0"):
            read_annotations(path)

    @pytest.mark.parametrize(("crowd", "people"), [("0", 1), ("1", 0), (None, 1), (False, 1)])
    def test_iscrowd_may_be_a_text(self, tmp_path, crowd, people):
        path = save(tmp_path / "a.json", coco({"bbox": [2, 3, 4, 6], "iscrowd": crowd}))
        assert len(places(path)) == people

    def test_one_file_listed_twice_is_refused(self, tmp_path):
        images = [{"id": number, "file_name": "a.jpg"} for number in (1, 2)]
        with pytest.raises(DataError, match=r"image 'a\.jpg' occurs twice"):
            read_annotations(save(tmp_path / "a.json", coco(images=images)))


def labelme(kind, *points, image="a.jpg"):
    shapes = [{"label": "head", "points": [*points], "shape_type": kind}] if points else []
    return {"shapes": shapes, "imagePath": image, "imageData": "AAAA"}


class TestLabelMe:
    @pytest.mark.parametrize(
        ("kind", "points", "place"),
        [
            ("circle", ([5, 5], [8, 9]), (5, 5)),
            ("line", ([0, 0], [4, 8]), (2, 4)),
            ("linestrip", ([0, 0], [4, 4], [9, 2]), (4.5, 2)),
            ("mask", ([1, 1], [5, 7]), (3, 4)),
            ("rectangle", ([9, 9], [1, 5]), (5, 7)),
        ],
    )
    def test_shapes(self, tmp_path, kind, points, place):
        assert places(save(tmp_path / "a.json", labelme(kind, *points))) == [place]

    @pytest.mark.parametrize("image", ["..\\old\\a.jpg", "/home/anna/A.JPG", "a.png"])
    def test_folders_and_endings_do_not_count(self, tmp_path, save_image, image):
        save_image(tmp_path / "a.jpg", (60, 80))
        save(tmp_path / "a.json", labelme("point", [1, 2], image=image))
        assert check(tmp_path).people == 1

    def test_the_file_of_another_image_is_refused(self, tmp_path, save_image):
        save_image(tmp_path / "a.jpg", (60, 80))
        save(tmp_path / "a.json", labelme("point", [1, 2], image="b.jpg"))
        (finding,) = check(tmp_path).findings
        assert "imagePath is 'b.jpg' in what is by its name the file of a.jpg" in finding.message

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"shapes": [{"points": [[NaN, 2]], "shape_type": "point"}]}', r"pair\[0\] is nan"),
            ('{"shapes": [{"points": [[1e999, 2]], "shape_type": "point"}]}', r"pair\[0\] is inf"),
            ('{"shapes": [], "shapes": []}', "'shapes' occurs twice in one object"),
        ],
    )
    def test_broken_values(self, tmp_path, content, message):
        with pytest.raises(DataError, match=rf"a\.json: .*{message}"):
            read_annotations(save(tmp_path / "a.json", content))


class TestOtherContent:
    @pytest.mark.parametrize("depth", [65, 500, 100_000])
    @pytest.mark.parametrize(("inner", "outer"), [("[", "]"), ('{"a":', "}")])
    def test_json_nested_deeply(self, tmp_path, depth, inner, outer):
        content = inner * depth + "1" + outer * depth
        with pytest.raises(DataError, match=r"a\.json: not JSON: .* nested more than 64 deep"):
            read_annotations(save(tmp_path / "a.json", content))

    def test_xml_nested_deeply(self, tmp_path):
        deep = "<a>" * 100_000 + "</a>" * 100_000
        path = save(
            tmp_path / "a.xml", f'<annotations><image name="a.jpg">{deep}</image></annotations>'
        )
        with pytest.raises(DataError, match=r"a\.xml: image 1 \(a\.jpg\), a 1: expected points"):
            read_annotations(path)

    @pytest.mark.parametrize("content", ["<annotations/>", "<annotations><a/></annotations>"])
    def test_xml_of_something_else(self, tmp_path, content):
        with pytest.raises(DataError, match=r"a\.xml: no <image> and no <track>"):
            read_annotations(save(tmp_path / "a.xml", content))

    @pytest.mark.parametrize(
        ("record", "hint"),
        [
            ({"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}, "of COCO"),
            ({"image": "/data/a.jpg", "label": [], "annotator": 1, "annotation_id": 2}, "JSON-MIN"),
        ],
    )
    def test_records_of_other_tools(self, tmp_path, record, hint):
        with pytest.raises(DataError, match=r"a\.json: record 1") as caught:
            read_annotations(save(tmp_path / "a.json", [record]))
        assert hint in caught.value.hint

    @pytest.mark.parametrize(
        ("content", "tool"),
        [
            ({"objects": [], "size": {"height": 60, "width": 80}, "tags": []}, "Supervisely"),
            ({"version": "2.0", "item": {"name": "a.jpg"}, "annotations": []}, "Darwin"),
        ],
    )
    def test_files_of_other_tools(self, tmp_path, save_image, content, tool):
        save_image(tmp_path / "a.jpg", (60, 80))
        save(tmp_path / "a.json", content)
        (finding,) = check(tmp_path).findings
        assert f"it looks like {tool}" in finding.message

    def test_a_large_file_is_refused_in_one_line(self, tmp_path):
        path = save(tmp_path / "a.json", {str(n): {"k": [n] * 50} for n in range(20_000)})
        with pytest.raises(DataError, match=r"a\.json: ") as caught:
            read_annotations(path)
        assert len(caught.value.message) < 300
