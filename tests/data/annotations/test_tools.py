"""Files as the tools write them, and files that are broken or hostile."""

import json

import numpy as np
import pytest

from crowdkit_core.data.annotations import Box, Columns, Mark, read_annotations, recognise
from crowdkit_core.errors import DataError, UsageError


def points_of(path, **options):
    images = read_annotations(path, **options)
    return {image.name: [(mark.x, mark.y) for mark in image.marks] for image in images}


def save(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


COCO = {
    "info": {"description": "COCO 2017 Dataset"},
    "images": [
        {"id": 397133, "file_name": "a.jpg", "height": 427, "width": 640},
        {"id": 37777, "file_name": "b.jpg", "height": 230, "width": 352},
    ],
    "annotations": [
        {"id": 1, "image_id": 397133, "category_id": 1, "bbox": [10, 20, 30, 40], "iscrowd": 0,
         "segmentation": [[10, 20, 40, 20, 40, 60]], "num_keypoints": 2,
         "keypoints": [24, 31, 2, 30, 30, 1, 0, 0, 0]},
        {"id": 2, "image_id": 397133, "category_id": 1, "bbox": [100, 50, 20, 60], "iscrowd": 0,
         "num_keypoints": 0, "keypoints": [0, 0, 0, 0, 0, 0, 0, 0, 0]},
        {"id": 3, "image_id": 37777, "category_id": 1, "bbox": [0, 0, 50, 50], "iscrowd": 1,
         "segmentation": {"counts": [1, 2], "size": [230, 352]}},
        {"id": 4, "image_id": 37777, "category_id": 3, "bbox": [5, 5, 10, 10], "iscrowd": 0},
    ],
    "categories": [
        {"id": 1, "name": "person", "keypoints": ["nose", "left_eye", "right_eye"]},
        {"id": 3, "name": "car"},
    ],
}  # fmt: skip


class TestCoco:
    def test_a_keypoint_is_the_middle_of_its_pixel_and_a_box_its_centre(self, tmp_path):
        path = save(tmp_path / "instances.json", COCO)
        assert points_of(path) == {"a.jpg": [(24.5, 31.5), (110, 80)], "b.jpg": [(10, 10)]}
        assert read_annotations(path)[0].size == (427, 640)

    def test_the_head_may_be_the_top_of_a_box(self, tmp_path):
        path = save(tmp_path / "instances.json", COCO)
        assert points_of(path, point="top") == {
            "a.jpg": [(24.5, 31.5), (110, 50)],
            "b.jpg": [(10, 5)],
        }

    def test_labels_choose(self, tmp_path):
        path = save(tmp_path / "instances.json", COCO)
        only = read_annotations(path, labels=["person"])
        assert [len(image.marks) for image in only] == [2, 0]
        assert only[1].left_out == {"regions marked iscrowd": 1, "points of other labels": 1}
        with pytest.raises(DataError, match="nothing is labelled 'head'") as caught:
            read_annotations(path, labels=["head"])
        assert "car, person" in caught.value.hint

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"bbox": [1, 2, 3]}, r"annotations 1: bbox is \[1, 2, 3\], expected a list of 4"),
            ({"bbox": [1, 2, "x", 4]}, r"annotations 1: bbox\[2\] is 'x', expected a number"),
            ({"bbox": [1, 2, float("nan"), 4]}, r"annotations 1: bbox\[2\] is nan"),
            ({"keypoints": [1, 2]}, r"annotations 1: 2 numbers in keypoints"),
            ({"image_id": 9}, r"annotations 1: image_id 9 is none of the images"),
            ({"category_id": 9}, r"annotations 1: category_id 9 is none"),
            (
                {"bbox": None, "keypoints": None, "segmentation": {}},
                r"annotations 1: neither a visible head",
            ),
            ({"keypoints": [24, 31, 2]}, r"annotations 1: 1 keypoints, the category names 3"),
            ({"bbox": [1e308, 0, 1e308, 1]}, r"annotations 1: box .*expected finite numbers"),
            ({"image_id": [1]}, r"annotations 1: image_id is \[1\], expected a whole number or a"),
            ({"category_id": {}}, r"annotations 1: category_id is {}, expected a whole number"),
        ],
    )
    def test_errors_name_file_and_record(self, tmp_path, change, message):
        broken = {**COCO, "annotations": [{**COCO["annotations"][0], **change}]}
        path = save(tmp_path / "broken.json", broken)
        with pytest.raises(DataError, match=rf"broken\.json: {message}"):
            read_annotations(path)

    @pytest.mark.parametrize(
        ("ids", "message"),
        [
            ((1, 1), "images 2: id 1 occurs twice"),
            ((1, None), "images 2: id is None, expected a whole number or a text"),
            (([1], 2), r"images 1: id is \[1\], expected a whole number or a text"),
        ],
    )
    def test_images_are_told_apart(self, tmp_path, ids, message):
        images = [{"id": each, "file_name": f"{n}.jpg"} for n, each in enumerate(ids)]
        path = save(tmp_path / "a.json", {**COCO, "images": images, "annotations": []})
        with pytest.raises(DataError, match=rf"a\.json: {message}"):
            read_annotations(path)

    def test_ids_may_be_texts(self, tmp_path):
        document = {
            "images": [{"id": "a", "file_name": "a.jpg"}],
            "annotations": [{"image_id": "a", "category_id": "p", "bbox": [1, 2, 2, 4]}],
            "categories": [{"id": "p", "name": "person"}],
        }
        assert points_of(save(tmp_path / "a.json", document)) == {"a.jpg": [(2, 4)]}

    def test_names_of_keypoints_are_a_list(self, tmp_path):
        broken = {**COCO, "categories": [{"id": 1, "name": "person", "keypoints": 7}]}
        path = save(tmp_path / "a.json", broken)
        with pytest.raises(DataError, match=r"categories 1: keypoints is 7, expected a list"):
            read_annotations(path)


CVAT = """<?xml version="1.0" encoding="utf-8"?>
<annotations>
  <version>1.1</version>
  <meta><task><id>1</id><name>crowd</name></task></meta>
  <image id="0" name="night/a.jpg" width="640" height="480" subset="Train">
    <tag label="indoor" source="manual"></tag>
    <points label="head" source="manual" occluded="0" points="10.50,20.25;30.00,40.00" z_order="0">
      <attribute name="occluded">no</attribute>
    </points>
    <box label="person" source="manual" occluded="0" xtl="100.0" ytl="50.0" xbr="120.0" ybr="110.0">
    </box>
    <polygon label="head" occluded="0" points="0.0,0.0;10.0,0.0;10.0,20.0" z_order="0"></polygon>
    <ellipse label="head" cx="50" cy="60" rx="5" ry="7"></ellipse>
    <mask label="head" rle="1, 2" left="4" top="6" width="10" height="20"></mask>
  </image>
  <image id="1" name="b.jpg" width="10" height="20"></image>
</annotations>
"""
BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;">]>
<annotations><image id="0" name="&lol2;"/></annotations>
"""
OUTSIDE = """<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY file SYSTEM "file:///etc/hostname">]>
<annotations><image id="0" name="&file;"/></annotations>
"""


class TestCvat:
    def test_points_boxes_and_outlines(self, tmp_path):
        path = save(tmp_path / "annotations.xml", CVAT)
        first, second = read_annotations(path)
        assert [(mark.x, mark.y) for mark in first.marks] == [
            (10.5, 20.25), (30, 40), (110, 80), (5, 10), (50, 60), (9, 16),
        ]  # fmt: skip
        assert (first.name, first.size, first.split) == ("night/a.jpg", (480, 640), "Train")
        assert first.left_out == {"labels of whole images": 1, "attributes": 1, "outlines": 3}
        assert second.marks == ()

    def test_a_turned_box_is_turned_about_its_centre(self, tmp_path):
        box = '<box label="p" xtl="10" ytl="20" xbr="50" ybr="30" rotation="90.0"/>'
        ellipse = '<ellipse label="p" cx="30" cy="25" rx="20" ry="5" rotation="270"/>'
        image = f'<image id="0" name="a.jpg">{box}{ellipse}</image>'
        path = save(tmp_path / "a.xml", f"<annotations>{image}</annotations>")
        (read,) = read_annotations(path, point="top")
        for mark in read.marks:
            assert (mark.x, mark.y) == pytest.approx((30, 5))
            assert mark.box == pytest.approx((25, 5, 35, 45))
        assert read.left_out == {"rotations": 2, "outlines": 1}

    @pytest.mark.parametrize("content", [BOMB, OUTSIDE], ids=["entity bomb", "outside file"])
    def test_entities_are_refused(self, tmp_path, content):
        path = save(tmp_path / "hostile.xml", content)
        with pytest.raises(DataError, match=r"hostile\.xml: declares a document type"):
            read_annotations(path)

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("10.50,20.25", "10.50", r"points 2: y is None, expected a number"),
            ('xtl="100.0"', 'xtl="x"', r"box 3: xtl is 'x', expected a number"),
            ("ellipse", "cuboid", r"cuboid 5: expected points, box"),
            ("<version>", "<broken>", r"not XML"),
            ("</image>", "</image><track/>", r"both <image> and <track>"),
        ],
    )
    def test_errors_name_file_and_record(self, tmp_path, old, new, message):
        path = save(tmp_path / "a.xml", CVAT.replace(old, new, 1 if old != "ellipse" else 2))
        with pytest.raises(DataError, match=rf"a\.xml: .*{message}|a\.xml: {message}"):
            read_annotations(path)


LABELME = {
    "version": "5.2.1",
    "flags": {},
    "shapes": [
        {"label": "head", "points": [[10.5, 20.25]], "group_id": None, "shape_type": "point"},
        {"label": "head", "points": [[40, 60], [20, 30]], "shape_type": "rectangle"},
        {"label": "head", "points": [[50, 50], [53, 54]], "shape_type": "circle"},
        {"label": "head", "points": [[0, 0], [8, 0], [8, 6]], "shape_type": "polygon"},
    ],
    "imagePath": "..\\photos\\a.jpg",
    "imageData": None,
    "imageHeight": 480,
    "imageWidth": 640,
}


class TestLabelMe:
    def test_a_folder(self, tmp_path):
        (tmp_path / "night").mkdir()
        save(tmp_path / "night" / "a.json", LABELME)
        save(tmp_path / "b.json", {**LABELME, "shapes": [], "imagePath": "b.png"})
        assert recognise(tmp_path) == "labelme"
        assert points_of(tmp_path) == {
            "b.png": [],
            "night/a.jpg": [(10.5, 20.25), (30, 45), (50, 50), (4, 3)],
        }
        box = read_annotations(tmp_path / "night" / "a.json")[0].marks[2].box
        assert box == (45, 45, 55, 55)  # a circle through (53, 54) has radius 5

    @pytest.mark.parametrize(
        ("shape", "message"),
        [
            ({"points": []}, "no points"),
            ({"points": [[1]]}, r"point 1: pair is \[1\], expected a list of 2"),
            ({"shape_type": "cube"}, "shape_type 'cube'"),
        ],
    )
    def test_errors_name_file_and_record(self, tmp_path, shape, message):
        broken = {**LABELME, "shapes": [{**LABELME["shapes"][0], **shape}]}
        path = save(tmp_path / "a.json", broken)
        with pytest.raises(DataError, match=rf"a\.json: shapes 1[:,] {message}"):
            read_annotations(path)


def result(kind, value, **more):
    return {
        "id": "x", "type": kind, "from_name": "label", "to_name": "image", "value": value,
        "original_width": 200, "original_height": 400, "image_rotation": 0, **more,
    }  # fmt: skip


def task(*results, image="/data/upload/3/0a1b2c3d-night.jpg", **more):
    return {"id": 1, "data": {"image": image}, "annotations": [{"result": [*results]}], **more}


class TestLabelStudio:
    def test_per_cent_of_the_image(self, tmp_path):
        keypoint = {"x": 10, "y": 25, "width": 0.5, "keypointlabels": ["head"]}
        rectangle = {"x": 50, "y": 50, "width": 10, "height": 5, "rectanglelabels": ["head"]}
        ellipse = {"x": 30, "y": 30, "radiusX": 1, "radiusY": 1, "ellipselabels": ["head"]}
        path = save(
            tmp_path / "export.json",
            [
                task(
                    result("keypointlabels", keypoint, id="1"),
                    result("rectanglelabels", rectangle, id="2"),
                    result("ellipselabels", ellipse, id="3"),
                    result("choices", {"choices": ["dark"]}, id="4"),
                )
            ],
        )
        assert recognise(path) == "label-studio"
        (image,) = read_annotations(path)
        assert image.name == "night.jpg"
        assert image.size == (400, 200)
        assert [(mark.x, mark.y) for mark in image.marks] == [(20, 100), (110, 210), (60, 120)]
        assert {mark.label for mark in image.marks} == {"head"}
        assert image.left_out == {"results of type choices": 1, "outlines": 1}

    def test_a_place_and_its_label_are_one_point(self, tmp_path):
        value = {"x": 10, "y": 25, "width": 0.5}
        both = [result("keypoint", value), result("labels", {**value, "labels": ["head"]})]
        (image,) = read_annotations(save(tmp_path / "a.json", [task(*both)]))
        assert [(mark.x, mark.y, mark.label) for mark in image.marks] == [(20, 100, "head")]

    def test_a_rectangle_is_turned_about_its_corner_in_pixels(self, tmp_path):
        value = {"x": 10, "y": 10, "width": 20, "height": 40, "rotation": 90}
        wide = {"original_width": 200, "original_height": 100}
        path = save(tmp_path / "a.json", [task(result("rectangle", value, **wide))])
        (image,) = read_annotations(path)
        (mark,) = image.marks
        assert (mark.x, mark.y) == pytest.approx((0, 30))  # it lies left of its corner (20, 10)
        assert mark.box == pytest.approx((-20, 10, 20, 50))
        assert image.left_out == {"rotations": 1}

    def test_an_ellipse_is_turned_about_its_centre(self, tmp_path):
        value = {"x": 50, "y": 50, "radiusX": 20, "radiusY": 5, "rotation": 45}
        square = {"original_width": 100, "original_height": 100}
        path = save(tmp_path / "a.json", [task(result("ellipse", value, **square))])
        (mark,) = read_annotations(path)[0].marks
        assert (mark.x, mark.y) == pytest.approx((50, 50))
        edge = np.linspace(0, 2 * np.pi, 10_000)
        across = (20 * np.cos(edge) - 5 * np.sin(edge)) * np.sqrt(0.5)
        assert mark.box.width / 2 == pytest.approx(across.max(), rel=1e-6)

    def test_an_image_turned_in_the_tool_is_refused(self, tmp_path):
        turned = result("keypoint", {"x": 1, "y": 1}, image_rotation=90)
        with pytest.raises(DataError, match=r"result 1: image_rotation is 90"):
            read_annotations(save(tmp_path / "a.json", [task(turned)]))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"original_width": None}, r"original_width is None, expected a number"),
            ({"value": {"x": "a", "y": 1}}, r"value: x is 'a', expected a number"),
            ({"type": "brushlabels"}, r"painted masks"),
        ],
    )
    def test_errors_name_file_and_record(self, tmp_path, change, message):
        path = save(tmp_path / "a.json", [task(result("keypoint", {"x": 1, "y": 1}) | change)])
        with pytest.raises(
            DataError, match=rf"a\.json: task 1, annotations 1, result 1.*{message}"
        ):
            read_annotations(path)


VIA_REGIONS = [
    {"shape_attributes": {"name": "point", "cx": 10, "cy": 20}, "region_attributes": {}},
    {
        "shape_attributes": {"name": "rect", "x": 30, "y": 40, "width": 10, "height": 20},
        "region_attributes": {"label": "head", "pose": "front"},
    },
    {
        "shape_attributes": {
            "name": "polygon",
            "all_points_x": [0, 8, 8],
            "all_points_y": [0, 0, 6],
        },
        "region_attributes": {},
    },
    {"shape_attributes": {"name": "circle", "cx": 9, "cy": 9, "r": 2.5}, "region_attributes": {}},
]
VIA_POINTS = {"a.jpg": [(10, 20), (35, 50), (4, 3), (9, 9)], "b.jpg": []}


def via(regions):
    return {
        "a.jpg5": {"filename": "a.jpg", "size": 5, "regions": regions, "file_attributes": {}},
        "b.jpg7": {
            "filename": "b.jpg",
            "size": 7,
            "regions": type(regions)(),
            "file_attributes": {},
        },
    }


class TestVia:
    @pytest.mark.parametrize(
        "content",
        [
            via(VIA_REGIONS),
            via({str(number): region for number, region in enumerate(VIA_REGIONS)}),
            {"_via_settings": {}, "_via_img_metadata": via(VIA_REGIONS), "_via_attributes": {}},
        ],
        ids=["2", "1", "project"],
    )
    def test_json(self, tmp_path, content):
        path = save(tmp_path / "via.json", content)
        assert recognise(path) == "via-json"
        assert points_of(path) == VIA_POINTS
        assert read_annotations(path)[0].left_out == {"attributes": 1, "outlines": 2}

    @pytest.mark.parametrize("first", ["filename", "#filename"])
    def test_csv(self, tmp_path, first):
        rows = [
            f"{first},file_size,file_attributes,region_count,region_id,region_shape_attributes,"
            "region_attributes"
        ]
        for number, region in enumerate(VIA_REGIONS):
            cells = (json.dumps(region[key]).replace('"', '""') for key in region)
            rows.append(f'a.jpg,5,"{{}}",4,{number},' + ",".join(f'"{cell}"' for cell in cells))
        rows.append('b.jpg,7,"{}",0,0,"{}","{}"')
        path = save(tmp_path / "via.csv", "\n".join(rows))
        assert recognise(path) == "via-csv"
        assert points_of(path) == VIA_POINTS

    def test_a_label_of_ticked_boxes(self, tmp_path):
        ticked = {"label": {"head": True, "car": False}}
        region = {**VIA_REGIONS[0], "region_attributes": ticked}
        assert (
            read_annotations(save(tmp_path / "a.json", via([region])))[0].marks[0].label == "head"
        )

    def test_a_turned_ellipse(self, tmp_path):
        shape = {"name": "ellipse", "cx": 30, "cy": 40, "rx": 20, "ry": 5, "theta": np.pi / 2}
        path = save(tmp_path / "a.json", via([{"shape_attributes": shape}]))
        image = read_annotations(path)[0]
        assert image.marks[0].box == pytest.approx((25, 20, 35, 60))
        assert image.left_out == {"outlines": 1, "rotations": 1}

    def test_two_images_of_one_name_are_refused_in_both(self, tmp_path):
        header = "filename,file_size,file_attributes,region_count,region_id,"
        header += "region_shape_attributes,region_attributes"
        rows = [f'a.jpg,{size},"{{}}",0,0,"{{}}","{{}}"' for size in (5, 7)]
        both = {f"a.jpg{size}": {"filename": "a.jpg", "regions": []} for size in (5, 7)}
        table = save(tmp_path / "a.csv", "\n".join([header, *rows]))
        for path in (table, save(tmp_path / "a.json", both)):
            with pytest.raises(DataError, match=r"image 'a\.jpg' occurs twice"):
                read_annotations(path)

    def test_errors_name_file_and_record(self, tmp_path):
        broken = [{"shape_attributes": {"name": "point", "cx": None, "cy": 2}}]
        path = save(tmp_path / "via.json", via(broken))
        with pytest.raises(DataError, match=r"via\.json: .*a\.jpg5, regions 1.*: cx is None"):
            read_annotations(path)


class TestMakeSense:
    HEADER = "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\n"

    def test_points_and_boxes(self, tmp_path):
        points = save(tmp_path / "a.csv", "head,5,6,a.jpg,60,40\nhead,7,8,b.jpg,30,20\n")
        assert recognise(points) == "make-sense"
        assert points_of(points) == {"a.jpg": [(5, 6)], "b.jpg": [(7, 8)]}
        assert [image.size for image in read_annotations(points)] == [(40, 60), (20, 30)]
        boxes = "head,1,2,8,8,a.jpg,60,40\n"
        for content in (boxes, self.HEADER + boxes):
            (image,) = read_annotations(save(tmp_path / "a.csv", content))
            assert image.marks == (Mark(5, 6, "head", None, Box(1, 2, 9, 10)),)

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ("head,5,6,a.jpg,60,41", "line 2: a.jpg is of another size than above"),
            ("big, red,5,6,a.jpg,60,40", "line 2 has 7 cells"),
            ("head,x,6,a.jpg,60,40", "line 2: x is 'x', expected a number"),
        ],
    )
    def test_errors_name_file_and_line(self, tmp_path, row, message):
        path = save(tmp_path / "a.csv", f"head,5,6,a.jpg,60,40\n{row}\n")
        with pytest.raises(DataError, match=rf"a\.csv: {message}"):
            read_annotations(path, format="make-sense")


class TestNwpuText:
    def test_found_points_and_ground_truth(self, tmp_path):
        found = save(tmp_path / "found.txt", "3110 2 10 20 30.5 40\n3111 0\n")
        assert recognise(found) == "nwpu-text"
        assert points_of(found) == {"3110": [(10, 20), (30.5, 40)], "3111": []}
        truth = save(tmp_path / "truth.txt", "3110 2 10 20 3 5 1 30 40 3 5 2\n3111 0\n")
        assert points_of(truth) == {"3110": [(10, 20), (30, 40)], "3111": []}
        assert read_annotations(truth)[0].left_out == {"matching radii": 2}

    @pytest.mark.parametrize(
        ("line", "message"),
        [
            ("3110 2 10 20 30", "line 2: 2 points announced, followed by 3 numbers"),
            ("3110 1 10 x", "line 2, point 1: y is 'x', expected a number"),
            ("3110 many", "line 2: expected 'id n x y"),
        ],
    )
    def test_errors_name_file_and_line(self, tmp_path, line, message):
        path = save(tmp_path / "a.txt", f"3109 0\n{line}\n")
        with pytest.raises(DataError, match=rf"a\.txt: {message}"):
            read_annotations(path, format="nwpu-text")

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            ("IMG_1 1 5 6\nIMG_2 0\nIMG_9 3 1 2\n", "line 3: 3 points announced, followed by 2"),
            ("3109 1 5 6\n3110 0\n3111 3 1 2\n", "line 3: 3 points announced, followed by 2"),
            ("IMG_9 3 1 2\n", "line 1: 3 points announced, followed by 2"),
            ("IMG_1 1.0 5 6\n", "line 1: expected 'id n x y"),
        ],
    )
    def test_a_bad_line_does_not_make_it_another_format(self, tmp_path, lines, message):
        with pytest.raises(DataError, match=rf"a\.txt: {message}"):
            read_annotations(save(tmp_path / "a.txt", lines))

    @pytest.mark.parametrize(
        "lines",
        [
            "10 0\n10 5\n",  # the first reads like an image without people
            "x y score\n10 20 0.5\n30 40 0.5\n",
            "10 1 4 4\n10 3 4 4\n10 7 4 4\n",  # the first reads like an image with one person
        ],
    )
    def test_a_list_of_points_is_none(self, tmp_path, lines):
        assert recognise(save(tmp_path / "a.txt", lines)) == "txt"

    def test_images_without_people_may_be_points(self, tmp_path):
        path = save(tmp_path / "a.txt", "1 0\n2 0\n")
        with pytest.raises(DataError, match="'1 0' are points or images without people") as caught:
            recognise(path)
        assert "`nwpu-text`" in caught.value.hint
        assert points_of(path, format="nwpu-text") == {"1": [], "2": []}
        assert points_of(path, format="txt") == {"a": [(1, 0), (2, 0)]}
        assert recognise(save(path, "IMG_1 0\nIMG_2 0\n")) == "nwpu-text"

    def test_an_empty_file_is_of_no_format(self, tmp_path):
        path = save(tmp_path / "a.txt", "\n")
        with pytest.raises(DataError, match=r"a\.txt: an empty file") as caught:
            recognise(path)
        assert "`txt`" in caught.value.hint
        assert points_of(path, format="txt") == {"a": []}


class TestTablesAndLists:
    def test_a_table_with_everything(self, tmp_path):
        path = save(
            tmp_path / "a.csv",
            "image,x,y,label,score,left,top,right,bottom,split,mood\n"
            "a.jpg,5,6,head,0.5,1,2,9,10,train,good\na.jpg,7,8,,,,,,,train,\nb.jpg,,,,,,,,,test,\n",
        )
        first, second = read_annotations(path)
        assert [(m.x, m.y, m.label, m.score) for m in first.marks] == [
            (5, 6, "head", 0.5),
            (7, 8, "", None),
        ]
        assert [mark.box for mark in first.marks] == [(1, 2, 9, 10), None]
        assert (first.split, second.split) == ("train", "test")
        assert first.left_out == {"column 'mood'": 1}

    def test_columns_of_other_names(self, tmp_path):
        columns = Columns(image="filename", x="col", y="row", score="confidence")
        table = save(tmp_path / "a.csv", "filename,row,col,confidence,image\na.jpg,6,5,0.5,7\n")
        records = [{"filename": "a.jpg", "row": 6, "col": 5, "confidence": 0.5, "image": 7}]
        for path in (table, save(tmp_path / "a.json", records)):
            (image,) = read_annotations(path, columns=columns)
            assert image.name == "a.jpg"
            assert [(mark.x, mark.y, mark.score) for mark in image.marks] == [(5, 6, 0.5)]
            assert image.left_out == {"column 'image'": 1}

    def test_a_named_column_must_be_there(self, tmp_path):
        path = save(tmp_path / "a.csv", "image,x,y,score\na.jpg,5,6,0.5\n")
        with pytest.raises(DataError, match=r"a\.csv: no column 'confidence'"):
            read_annotations(path, columns=Columns(score="confidence"))
        header = save(tmp_path / "b.csv", "image,x,y,confidence\n")
        assert read_annotations(header, columns=Columns(score="confidence")) == []

    def test_other_formats_have_no_columns(self, tmp_path):
        path = save(tmp_path / "a.txt", "3110 1 10 20\n")
        with pytest.raises(UsageError, match="nwpu-text has no columns"):
            read_annotations(path, columns=Columns(x="col"))

    @pytest.mark.parametrize("first", ["Image,X,Y,Score", "IMAGE,x,Y,SCORE", "image,x,y,score"])
    def test_headers_may_be_in_capitals(self, tmp_path, first):
        path = save(tmp_path / "a.csv", f"{first}\na.jpg,5,6,0.5\n")
        (image,) = read_annotations(path)
        assert [(mark.x, mark.y, mark.score) for mark in image.marks] == [(5, 6, 0.5)]

    def test_a_list_of_imagej(self, tmp_path):
        path = save(tmp_path / "a.txt", " ,Area,X,Y\n1,0,10.5,20\n2,0,30,40\n")
        assert points_of(path, format="txt") == {"a": [(10.5, 20), (30, 40)]}

    def test_one_column_may_be_spelled_in_two_ways(self, tmp_path):
        path = save(tmp_path / "a.csv", "image,X,x,y\na.jpg,1,5,6\n")
        assert points_of(path) == {"a.jpg": [(5, 6)]}
        assert read_annotations(path)[0].left_out == {"column 'X'": 1}
        with pytest.raises(DataError, match=r"a\.csv: column 'x' occurs twice"):
            read_annotations(save(path, "image,x,x,y\na.jpg,1,5,6\n"))

    def test_a_list_with_names_has_what_a_table_has(self, tmp_path):
        path = save(tmp_path / "a.txt", "x y label score mood\n5 6 head 0.5 good\n")
        (image,) = read_annotations(path)
        assert [(m.x, m.y, m.label, m.score) for m in image.marks] == [(5, 6, "head", 0.5)]
        assert image.left_out == {"column 'mood'": 1}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ('{"a.jpg": [[1, 2]], "a.jpg": []}', "'a.jpg' occurs twice in one object"),
            ('[{"image": "a.jpg", "x": 1, "x": 2, "y": 3}]', "'x' occurs twice in one object"),
            (json.dumps([{"image": "a.jpg", "x": 10**400, "y": 1}]), "expected two numbers"),
        ],
    )
    def test_malformed_records(self, tmp_path, content, message):
        with pytest.raises(DataError, match=rf"a\.json: .*{message}"):
            read_annotations(save(tmp_path / "a.json", content))

    def test_a_list_of_one_image(self, tmp_path):
        path = save(tmp_path / "img.5.txt", "10 20\n30 40\n")
        assert recognise(path) == "txt"
        assert points_of(path) == {"img.5": [(10, 20), (30, 40)]}

    @pytest.mark.parametrize("value", ["x", "nan", "inf"])
    def test_a_bad_number_is_named(self, tmp_path, value):
        path = save(tmp_path / "a.csv", f"image,x,y\na.jpg,1,2\na.jpg,3,{value}\n")
        with pytest.raises(DataError, match=r"a\.csv: line 3: .*expected"):
            read_annotations(path)


def test_what_nobody_knows_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"no\.json: no such annotation file"):
        read_annotations(tmp_path / "no.json")
    with pytest.raises(DataError, match="unknown kind of annotation file"):
        read_annotations(save(tmp_path / "a.pkl", "x"))
    with pytest.raises(DataError, match=r"a\.json: not JSON"):
        read_annotations(save(tmp_path / "a.json", "[" * 100_000))
    with pytest.raises(DataError, match=r"a\.jpg' occurs twice"):
        read_annotations(save(tmp_path / "twice.txt", "a.jpg 0\na.jpg 0"), format="nwpu-text")
