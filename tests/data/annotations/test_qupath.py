"""Tables and GeoJSON of QuPath."""

import json

import pytest

from crowdkit_core.data import Folder
from crowdkit_core.data.annotations import (
    Box,
    Mark,
    MarkedImage,
    read_annotations,
    recognise,
    write_annotations,
)
from crowdkit_core.errors import DataError


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text, encoding="utf-8")
    return path


def points_of(path, **options):
    images = read_annotations(path, **options)
    return {image.name: [(mark.x, mark.y) for mark in image.marks] for image in images}


TABLE = (
    "Image\tObject ID\tObject type\tName\tClass\tParent\tROI\tCentroid X {0}\tCentroid Y {0}\n"
    "a.tif\t1\tDetection\t\tTumor\tRoot\tPolygon\t10.5\t20\n"
    "b.tif\t2\tDetection\t\t\tRoot\tPolygon\t30\t31.5\n"
)


class TestTable:
    @pytest.mark.parametrize("name", ["m.tsv", "m.txt", "m.csv"])
    def test_pixels_are_from_the_corner(self, tmp_path, name):
        text = TABLE.format("px").replace("\t", "," if name == "m.csv" else "\t")
        path = save(tmp_path / name, text)
        assert recognise(path) == "qupath-table"
        assert points_of(path) == {"a.tif": [(10.5, 20)], "b.tif": [(30, 31.5)]}
        assert read_annotations(path)[0].marks[0].label == "Tumor"
        assert read_annotations(path)[0].left_out == {}

    @pytest.mark.parametrize("unit", ["µm", "μm"])  # the sign for micro, and the Greek letter
    def test_micrometres_need_the_size_of_a_pixel(self, tmp_path, unit):
        path = save(tmp_path / "m.tsv", TABLE.format(unit))
        with pytest.raises(DataError, match=f"Centroid X {unit} is in '{unit}', not in pixels"):
            read_annotations(path)
        assert points_of(path, pixel_size=0.5) == {"a.tif": [(21, 40)], "b.tif": [(60, 63)]}

    def test_a_pixel_size_for_pixels_is_refused(self, tmp_path):
        path = save(tmp_path / "m.tsv", TABLE.format("px"))
        with pytest.raises(DataError, match="Centroid X px is in pixels"):
            read_annotations(path, pixel_size=0.5)

    def test_a_row_of_several_points_is_no_point(self, tmp_path):
        text = "Image\tName\tNum points\tCentroid X px\tCentroid Y px\na.tif\tPoints\t7\t10\t20\n"
        with pytest.raises(DataError, match="line 2 is the middle of 7 points") as caught:
            read_annotations(save(tmp_path / "m.tsv", text))
        assert "GeoJSON" in caught.value.hint

    def test_a_table_of_each_image_beside_it(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        header, a, b = TABLE.format("px").splitlines()
        save(tmp_path / "a.tsv", f"{header}\n{a}\n")
        assert Folder(root=tmp_path, split="all").annotation(0).points.tolist() == [[10.5, 20]]
        assert points_of(tmp_path) == {"a.png": [(10.5, 20)]}
        save(tmp_path / "a.tsv", f"{header}\n")
        assert len(Folder(root=tmp_path, split="all").annotation(0).points) == 0
        save(tmp_path / "a.tsv", f"{header}\n{a}\n{b}\n")
        with pytest.raises(DataError, match=r"image 'b\.tif' in what is by its name the file of"):
            Folder(root=tmp_path, split="all").annotation(0)

    def test_rows_of_whole_images_have_no_place(self, tmp_path):
        rows = TABLE.format("px") + "c.tif\t3\tRoot object\t\t\t\t\tNaN\tNaN\n"
        path = save(tmp_path / "m.tsv", rows)
        assert points_of(path)["c.tif"] == []
        assert read_annotations(path)[2].left_out == {"rows of whole images": 1}

    def test_measurements_are_listed_as_left_out(self, tmp_path):
        rows = [
            f"{row}\t{more}"
            for row, more in zip(TABLE.format("px").splitlines(), "A7 ", strict=True)
        ]
        (first, second) = read_annotations(save(tmp_path / "m.tsv", "\n".join(rows)))
        assert (first.left_out, second.left_out) == ({"measurements": 1}, {})

    def test_names_as_r_changes_them(self, tmp_path):
        text = "Image,Class,Centroid.X.µm,Centroid.Y.µm\na.tif,Tumor,5.25,10\n"
        path = save(tmp_path / "m.csv", text)
        assert points_of(path, pixel_size=0.5) == {"a.tif": [(10.5, 20)]}

    def test_decimal_commas(self, tmp_path):
        text = "Image;Centroid X px;Centroid Y px\na.tif;10,5;20,25\n"
        assert points_of(save(tmp_path / "m.csv", text)) == {"a.tif": [(10.5, 20.25)]}


def feature(geometry, kind="annotation", label="", **more):
    properties = {"objectType": kind, **({"classification": {"name": label}} if label else {})}
    properties |= more.pop("properties", {})
    return {"type": "Feature", "geometry": geometry, "properties": properties, **more}


def collection(*features):
    return {"type": "FeatureCollection", "features": [*features]}


def square(left, top, side=4):
    right, bottom = left + side, top + side
    ring = [[left, top], [right, top], [right, bottom], [left, bottom], [left, top]]
    return {"type": "Polygon", "coordinates": [ring]}


POINT = {"type": "Point", "coordinates": [10.5, 20]}
POINTS = {"type": "MultiPoint", "coordinates": [[1, 2], [3.25, 4]]}


class TestGeoJson:
    @pytest.mark.parametrize("name", ["a.geojson", "a.json"])
    @pytest.mark.parametrize("wrap", [collection, lambda *each: [*each]], ids=["object", "list"])
    def test_points_and_outlines(self, tmp_path, name, wrap):
        features = (feature(POINT, label="Tumor"), feature(POINTS), feature(square(8, 6)))
        path = save(tmp_path / name, wrap(*features))
        assert recognise(path) == "qupath-geojson"
        assert points_of(path) == {"a": [(10.5, 20), (1, 2), (3.25, 4), (10, 8)]}
        (image,) = read_annotations(path)
        assert [mark.label for mark in image.marks] == ["Tumor", "", "", ""]
        assert image.marks[3].box == (8, 6, 12, 10)
        assert image.left_out == {"outlines": 1}

    def test_a_cell_is_at_its_nucleus(self, tmp_path):
        cell = feature(square(0, 0, 20), "cell", "Positive", nucleusGeometry=square(2, 4))
        assert points_of(save(tmp_path / "a.geojson", cell)) == {"a": [(4, 6)]}

    def test_regions_in_which_cells_were_looked_for_are_no_cells(self, tmp_path):
        regions = [feature(square(0, 0, 99)), feature(square(0, 0, 99), "tmaCore")]
        content = collection(*regions, feature(square(2, 4), "detection"), feature(POINT))
        path = save(tmp_path / "a.geojson", content)
        assert points_of(path) == {"a": [(4, 6), (10.5, 20)]}
        assert read_annotations(path)[0].left_out == {"regions": 2, "outlines": 1}

    def test_objects_inside_objects(self, tmp_path):
        inner = feature(square(2, 4), "detection")
        outer = feature(square(0, 0, 99), properties={"childObjects": [inner]})
        assert points_of(save(tmp_path / "a.geojson", collection(outer))) == {"a": [(4, 6)]}

    @pytest.mark.parametrize(
        ("classification", "label"),
        [
            ({"name": "Tumor: Positive", "color": [1, 2, 3]}, "Tumor: Positive"),
            ({"names": ["Tumor", "Positive"]}, "Tumor: Positive"),
            ({"name": "Tumor", "colorRGB": -3670016}, "Tumor"),
            ("Tumor", "Tumor"),
            (None, ""),
        ],
    )
    def test_classes_of_all_versions_are_labels(self, tmp_path, classification, label):
        each = feature(POINT, properties={"classification": classification})
        (image,) = read_annotations(save(tmp_path / "a.geojson", each))
        assert image.marks == (Mark(10.5, 20, label),)

    def test_kinds_as_version_0_2_wrote_them(self, tmp_path):
        old = {"type": "Feature", "id": "PathCellObject", "geometry": square(2, 4)}
        region = {"type": "Feature", "id": "PathAnnotationObject", "geometry": square(0, 0, 99)}
        path = save(tmp_path / "a.json", [region | {"properties": {}}, old | {"properties": {}}])
        assert points_of(path) == {"a": [(4, 6)]}

    def test_several_shapes_of_one_object_are_one(self, tmp_path):
        several = {
            "type": "MultiPolygon",
            "coordinates": [square(0, 0)["coordinates"], square(8, 8)["coordinates"]],
        }
        both = {"type": "GeometryCollection", "geometries": [square(0, 0), square(8, 8)]}
        path = save(tmp_path / "a.geojson", collection(feature(several), feature(both)))
        assert points_of(path) == {"a": [(6, 6), (6, 6)]}

    def test_planes_are_refused_unless_they_are_one_picture(self, tmp_path):
        other = {**POINTS, "plane": {"c": -1, "z": 3, "t": 0}}
        path = save(tmp_path / "a.geojson", collection(feature(POINT), feature(other)))
        with pytest.raises(DataError, match=r"points on 2 planes .*from 0, 0 to 3, 0"):
            read_annotations(path)
        assert len(points_of(path, planes="all")["a"]) == 3

    def test_a_root_without_a_shape(self, tmp_path):
        root = feature(None, "root", properties={"childObjects": [feature(POINT)]})
        assert points_of(save(tmp_path / "a.geojson", root)) == {"a": [(10.5, 20)]}

    def test_other_json_of_an_image_is_not_taken_for_it(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save(tmp_path / "a.json", {"version": "5.2.1", "flags": {}})
        with pytest.raises(DataError) as caught:
            Folder(root=tmp_path, split="all").annotation(0)
        assert "Feature" not in caught.value.message

    def test_nobody(self, tmp_path):
        path = save(tmp_path / "a.geojson", collection())
        assert points_of(path) == {"a": []}

    def test_what_is_written(self, tmp_path, save_image):
        save_image(tmp_path / "photos/a.png")
        marks = (Mark(10.5, 20, "x"), Mark(1, 2, "x"), Mark(4, 6, "y", box=Box(2, 4, 6, 8)))
        image = MarkedImage(name="a.png", marks=marks)
        write_annotations(tmp_path / "out", [image], format="qupath-geojson")
        content = json.loads((tmp_path / "out/a.geojson").read_text())
        kinds = [each["geometry"]["type"] for each in content["features"]]
        assert (content["type"], kinds) == ("FeatureCollection", ["MultiPoint", "Polygon"])
        assert content["features"][0]["properties"] == {
            "objectType": "annotation",
            "classification": {"name": "x"},
        }
        assert read_annotations(tmp_path / "out")[0].marks == marks
        dataset = Folder(root=tmp_path / "photos", annotations=tmp_path / "out", split="all")
        assert dataset.annotation(0).points.tolist() == [[10.5, 20], [1, 2], [4, 6]]

    @pytest.mark.parametrize(
        ("geometry", "message"),
        [
            ({"type": "Point", "coordinates": [1]}, r"position is \[1\], expected a list of 2"),
            ({"type": "Point", "coordinates": [1, "x"]}, r"position\[1\] is 'x'"),
            ({"type": "Polygon", "coordinates": []}, "no coordinates"),
            ({"type": "Point", "coordinates": 7}, "coordinates 7, expected lists"),
        ],
    )
    def test_errors_name_the_feature(self, tmp_path, geometry, message):
        path = save(tmp_path / "a.geojson", collection(feature(POINT), feature(geometry)))
        with pytest.raises(DataError, match=rf"a\.geojson: features 2, geometry: {message}"):
            read_annotations(path)

    @pytest.mark.parametrize("content", ["7", "{}", '[{"type": "Feature"}]'])
    def test_something_else(self, tmp_path, content):
        with pytest.raises(DataError, match=r"a\.geojson: "):
            read_annotations(save(tmp_path / "a.geojson", content))
