"""Projects of VIA 3."""

import json

import pytest

from crowdkit_core.data.annotations import read_annotations, recognise
from crowdkit_core.errors import DataError


def project(*regions, **more):
    """Two images; regions of the first."""
    return {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1"},
        "config": {"file": {"loc_prefix": {"1": "", "2": "", "3": "", "4": ""}}},
        "attribute": {
            "1": {"aname": "label", "type": 4, "options": {"0": "head", "1": "person"}},
            "2": {"aname": "mood", "type": 1, "options": {}},
        },
        "file": {
            "1": {"fid": 1, "fname": "a.jpg", "type": 2, "loc": 1, "src": ""},
            "2": {"fid": 2, "fname": "b.jpg", "type": 2, "loc": 3, "src": "night\\b.jpg"},
        },
        "metadata": {f"1_{n}": {"flg": 0, "z": [], **each} for n, each in enumerate(regions)},
        "view": {"1": {"fid_list": [1]}, "2": {"fid_list": [2]}},
        **more,
    }  # fmt: skip


def region(*xy, **more):
    return {"vid": "1", "xy": [*xy], "av": {}, **more}


def save(path, content):
    path.write_text(json.dumps(content))
    return path


def test_every_shape(tmp_path):
    regions = [
        region(1, 10.5, 20.25, av={"1": "1", "2": "glad"}),
        region(2, 30, 40, 10, 20, av={"1": "0"}),
        region(3, 9, 9, 2.5),
        region(4, 50, 60, 5, 7),
        region(5, 0, 0, 8, 6),
        region(7, 0, 0, 8, 0, 8, 6),
        region(8, 1, 5, 5, 1, 9, 5, 5, 9),
        region(av={"2": "night"}),
    ]
    path = save(tmp_path / "via.json", project(*regions))
    assert recognise(path) == "via-json"
    first, second = read_annotations(path)
    assert [(mark.x, mark.y) for mark in first.marks] == [
        (10.5, 20.25), (35, 50), (9, 9), (50, 60), (4, 3), (4, 3), (5, 5),
    ]  # fmt: skip
    assert [mark.label for mark in first.marks[:3]] == ["person", "head", ""]
    assert first.marks[2].box == (6.5, 6.5, 11.5, 11.5)
    assert first.left_out == {"attributes": 1, "attributes of whole images": 1, "outlines": 4}
    assert (second.name, second.marks) == ("night/b.jpg", ())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (region(9, 1, 2, 3, 4, 5, 6), "shape 9, expected one of 1 point"),
        (region(1, 2), "1 coordinates of a point"),
        (region(7, 1, 2, 3), "3 coordinates of a polygon"),
        (region(2, 1, 2, -3, 4), "a box of -3 x 4, expected sides of 0 or more"),
        (region(1, 2, "x"), r"xy\[2\] is 'x', expected a number"),
        (region(1, 2, 3, z=[1.5]), "at a time of a video"),
        (region(1, 2, 3, vid="7"), "vid '7' is none of the views"),
    ],
)
def test_errors_name_file_and_region(tmp_path, change, message):
    path = save(tmp_path / "a.json", project(change))
    with pytest.raises(DataError, match=rf"a\.json: metadata, 1_0: {message}"):
        read_annotations(path)


def test_a_view_of_two_files_is_refused(tmp_path):
    path = save(tmp_path / "a.json", project(view={"1": {"fid_list": [1, 2]}}))
    with pytest.raises(DataError, match=r"view, 1: fid_list is \[1, 2\], expected the one file"):
        read_annotations(path)


def test_its_csv_is_refused_with_what_to_do(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        "# Exported using VGG Image Annotator\n"
        "# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,"
        'metadata\n"1_a","[""a.jpg""]",0,"[]","[1,10,20]","{}"\n'
    )
    with pytest.raises(DataError, match="no column 'filename'") as caught:
        read_annotations(path)
    assert "save the project" in caught.value.hint
