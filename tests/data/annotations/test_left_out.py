"""A conversion names everything that the source says and the target will not."""

import json

import pytest

from crowdkit_core.data.annotations import convert

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "annotations": [
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "iscrowd": 0, "area": 4,
         "keypoints": [5, 6, 2, 7, 8, 1], "num_keypoints": 2, "track_id": 9,
         "attributes": {"pose": "front", "occluded": False, "rotation": 0.0}},
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "keypoints": [0, 0, 0, 7, 8, 2]},
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2], "keypoints": []},
    ],
    "categories": [{"id": 1, "name": "p", "keypoints": ["nose", "eye"]}],
}  # fmt: skip
LABELME = {
    "flags": {"night": True, "rain": False},
    "shapes": [
        {"label": "p", "points": [[1, 2]], "shape_type": "point", "group_id": 0,
         "description": "child", "flags": {"hidden": True, "sitting": False}},
        {"label": "p", "points": [[1, 2]], "shape_type": "point", "group_id": None,
         "description": "", "flags": {}, "mask": None},
    ],
    "imagePath": "a.jpg",
}  # fmt: skip
POINT = {"name": "point", "cx": 5, "cy": 6}
VIA = {
    "a.jpg1": {
        "filename": "a.jpg",
        "size": 1,
        "regions": [{"shape_attributes": POINT, "region_attributes": {}}],
        "file_attributes": {"caption": "night", "place": ""},
    }
}
VIA_CSV = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    'region_attributes\na.jpg,1,"{""caption"": ""night""}",2,0,'
    '"{""name"": ""point"", ""cx"": 5, ""cy"": 6}","{}"\na.jpg,1,"{""caption"": ""night""}",2,1,'
    '"{""name"": ""point"", ""cx"": 5, ""cy"": 6}","{}"\n'
)
CVAT = """<annotations><image id="0" name="a.jpg">
<points label="p" points="1,2" source="manual" occluded="1" group_id="4" z_order="0"/>
<box label="p" xtl="1" ytl="2" xbr="5" ybr="4" occluded="0" rotation="30"/>
<box label="p" xtl="1" ytl="2" xbr="5" ybr="4" occluded="0" rotation="0.0"/>
</image></annotations>"""
PLACE = {"x": 10, "y": 10, "width": 20, "height": 40}
STUDIO = [
    {
        "data": {"image": "a.jpg"},
        "annotations": [
            {
                "result": [
                    {
                        "id": str(number),
                        "type": "rectanglelabels",
                        "from_name": "label",
                        "to_name": "image",
                        "original_width": 200,
                        "original_height": 100,
                        "image_rotation": 0,
                        "origin": "manual",
                        **more,
                    }
                    for number, more in enumerate(
                        [
                            {
                                "value": {**PLACE, "rotation": 5, "rectanglelabels": ["p", "q"]},
                                "meta": {"text": ["tall"]},
                            },
                            {"value": {**PLACE, "rotation": 0, "rectanglelabels": ["p"]}},
                        ]
                    )
                ]
            }
        ],
    }
]


@pytest.mark.parametrize(
    ("name", "content", "lost"),
    [
        ("coco.json", COCO,
         {"further keypoints": 2, "heads not visible": 1, "attributes": 1, "track_id": 1}),
        ("labelme.json", LABELME,
         {"flags of whole images": 1, "group_id": 1, "description": 1, "flags": 1}),
        ("via.json", VIA, {"attributes of whole images": 1}),
        ("via.csv", VIA_CSV, {"attributes of whole images": 1}),
        ("cvat.xml", CVAT, {"occluded": 1, "group_id": 1, "rotations": 1}),
        ("studio.json", STUDIO,
         {"further labels": 1, "meta": 1, "rotations": 1, "image sizes": 1}),
        ("jhu.txt", "10 20 5 6 1 0\n30 40 7 8 2 1\n",
         {f"column '{number}'": 2 for number in (3, 4, 5, 6)}),
    ],
)  # fmt: skip
def test_it_is_listed_and_nothing_else(tmp_path, name, content, lost):
    source = tmp_path / name
    source.write_text(content if isinstance(content, str) else json.dumps(content))
    assert convert(source, tmp_path / "out.csv").lost == lost
