"""Tables of ImageJ and Fiji: points are middles of pixels, areas are not."""

import pytest

from crowdkit_core.data import check
from crowdkit_core.data.annotations import read_annotations, recognise
from crowdkit_core.errors import DataError


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def points_of(path, **options):
    images = read_annotations(path, **options)
    return {image.name: [(mark.x, mark.y) for mark in image.marks] for image in images}


POINTS = " ,Area,Mean,Min,Max,X,Y\n1,0,9,9,9,10,20\n2,0,7,7,7,30,31\n"
PARTICLES = " ,Area,Mean,X,Y\n1,120,9.5,10.25,20.5\n2,95,7.5,30,31.75\n"
JOINT = (
    " ,Label,Area,Mean,X,Y\n1,a.tif:0001-0020-0010,0,9,10,20\n2,a.tif,0,9,11,21\n"
    "3,b.tif:neuron,0,9,30,31\n"
)


class TestTableOfOneImage:
    @pytest.mark.parametrize(
        "header", [" ,Area,Mean,Min,Max,X,Y", "Area,Mean,Min,Max,X,Y", " ,Mean,X,Y", " ,X,Y"]
    )
    def test_points_are_middles_of_pixels(self, tmp_path, header):
        columns = dict(zip(POINTS.splitlines()[0].split(","), range(7), strict=True))
        rows = [header]
        for line in POINTS.splitlines()[1:]:
            cells = line.split(",")
            rows.append(",".join(cells[columns[name]] for name in header.split(",")))
        path = save(tmp_path / "a.csv", "\n".join(rows))
        assert recognise(path) == "imagej-table"
        assert points_of(path) == {"a": [(10.5, 20.5), (30.5, 31.5)]}

    def test_centroids_of_areas_are_from_the_corner(self, tmp_path):
        path = save(tmp_path / "a.csv", PARTICLES)
        assert points_of(path) == {"a": [(10.25, 20.5), (30, 31.75)]}
        assert read_annotations(path)[0].left_out == {"measurements": 2}

    def test_centres_of_mass_where_there_are_no_centroids(self, tmp_path):
        path = save(tmp_path / "a.csv", PARTICLES.replace("X,Y", "XM,YM"))
        assert points_of(path) == {"a": [(10.25, 20.5), (30, 31.75)]}

    @pytest.mark.parametrize("ending", [".xls", ".tsv", ".txt"])
    def test_separated_by_tabs(self, tmp_path, ending):
        path = save(tmp_path / f"a{ending}", POINTS.replace(",", "\t"))
        assert recognise(path) == "imagej-table"
        assert points_of(path) == {"a": [(10.5, 20.5), (30.5, 31.5)]}

    def test_a_real_workbook_is_named(self, tmp_path):
        path = tmp_path / "a.xls"
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 90)
        with pytest.raises(DataError, match=r"a\.xls: an Excel workbook rather than text"):
            read_annotations(path)

    def test_a_summary_below_is_no_points(self, tmp_path):
        summary = ("Mean", "SD", "Min", "Max")
        rows = "".join(f"{n},{name},1,1,2,3\n" for n, name in enumerate(summary, 4))
        path = save(tmp_path / "r.csv", JOINT + rows)
        assert {name: len(points) for name, points in points_of(path).items()} == {
            "a.tif": 2,
            "b.tif": 1,
        }

    def test_counters_are_labels_where_there_are_several(self, tmp_path):
        path = save(tmp_path / "a.csv", " ,X,Y,Counter,Count\n1,5,6,0,1\n2,7,8,3,1\n")
        assert [mark.label for mark in read_annotations(path)[0].marks] == ["0", "3"]
        save(path, " ,X,Y,Counter,Count\n1,5,6,0,2\n2,7,8,0,2\n")
        assert [mark.label for mark in read_annotations(path)[0].marks] == ["", ""]

    @pytest.mark.parametrize("column", ["Slice", "Frame"])
    def test_slices_are_refused_unless_they_are_one_picture(self, tmp_path, column):
        path = save(tmp_path / "a.csv", f" ,X,Y,{column}\n1,5,6,1\n2,7,8,4\n")
        with pytest.raises(DataError, match=r"points on 2 planes .*from 1 to 4"):
            read_annotations(path)
        assert points_of(path, planes="all") == {"a": [(5.5, 6.5), (7.5, 8.5)]}

    def test_rows_of_two_images_are_not_one(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save(tmp_path / "a.csv", JOINT)
        (finding,) = check(tmp_path).findings
        assert "rows of 'a.tif' and of 'b.tif' in the table of one image" in finding.message

    def test_other_tables_are_not_taken_for_it(self, tmp_path):
        save(tmp_path / "a.csv", ",X,Y\n0,5,6\n")  # pandas numbers rows under an empty name
        assert points_of(tmp_path / "a.csv", format="txt") == {"a": [(5, 6)]}
        assert recognise(save(tmp_path / "b.csv", "Image,X,Y,Area\nc.jpg,1,2,3\n")) == "csv"


class TestBoxes:
    """Tables whose X and Y, if any, are no middles."""

    LIST = (
        "Index,Name,Type,X,Y,Width,Height,Points,Color,Fill,LWidth,Pos,C,Z,T\n"
        "0,0022-0013,Oval,10,20,6,4,0,yellow,none,0,0,0,0,0\n"
        "1,cell,Point,30,31,1,1,{points},yellow,none,0,{position},0,0,0\n"
    )

    def test_the_list_of_the_roi_manager_has_corners(self, tmp_path):
        path = save(tmp_path / "a.csv", self.LIST.format(points=1, position=0))
        assert recognise(path) == "imagej-table"
        assert points_of(path) == {"a": [(13, 22), (30.5, 31.5)]}
        assert points_of(path, point="top")["a"][0] == (13, 20)

    def test_a_row_of_several_points_is_no_point(self, tmp_path):
        path = save(tmp_path / "a.csv", self.LIST.format(points=9, position=0))
        with pytest.raises(DataError, match="line 3 is the box round 9 points") as caught:
            read_annotations(path)
        assert "More" in caught.value.hint

    def test_positions_are_planes(self, tmp_path):
        path = save(tmp_path / "a.csv", self.LIST.format(points=1, position=3))
        with pytest.raises(DataError, match=r"points on 2 planes .*from none to 3"):
            read_annotations(path)

    def test_bounding_rectangles_alone(self, tmp_path):
        path = save(tmp_path / "a.csv", " ,Area,BX,BY,Width,Height\n1,19,10,20,6,4\n")
        assert points_of(path) == {"a": [(13, 22)]}
        assert read_annotations(path)[0].marks[0].box == (10, 20, 16, 24)


class TestUnits:
    """A table of ImageJ states no unit: what may be µm never becomes pixels silently."""

    @pytest.mark.parametrize(
        "rows",
        [
            "1,12.584,9,3.225,6.45\n2,9.98,7,9.675,9.998\n",  # no whole numbers of pixels
            "1,8,9,1,2\n2,12,7,1,2\n3,20,7,1,2\n4,36,7,1,2\n5,44,7,1,2\n",  # 2 µm to a pixel
        ],
    )
    def test_areas_tell_lengths(self, tmp_path, rows):
        path = save(tmp_path / "a.csv", f" ,Area,Mean,X,Y\n{rows}")
        with pytest.raises(DataError, match="its areas are no numbers of pixels") as caught:
            read_annotations(path)
        assert "--pixel-size" in caught.value.hint
        assert points_of(path, pixel_size=0.5)["a"][0] == pytest.approx(
            (6.45, 12.9) if "12.584" in rows else (2, 4)
        )

    def test_points_that_are_not_whole_may_be_anything(self, tmp_path):
        path = save(tmp_path / "a.csv", " ,Area,X,Y\n1,0,3.225,6.45\n2,0,9.675,9.998\n")
        with pytest.raises(DataError, match="X and Y may be pixels or lengths") as caught:
            read_annotations(path)
        assert "Set Scale" in caught.value.hint
        assert points_of(path, pixel_size=0.3225)["a"][0] == pytest.approx((10.5, 20.5))
        assert points_of(path, pixel_size=1)["a"][0] == (3.725, 6.95)

    def test_a_table_without_rows_is_of_any_unit(self, tmp_path):
        path = save(tmp_path / "a.csv", " ,Area,X,Y\n")
        assert points_of(path) == points_of(path, pixel_size=0.5) == {"a": []}

    def test_a_unit_in_the_header(self, tmp_path):
        path = save(tmp_path / "a.csv", " ,Area,X (µm),Y (µm)\n1,0,3.225,6.45\n")
        with pytest.raises(DataError, match=r"X \(µm\) is in 'µm', not in pixels"):
            read_annotations(path)
        assert points_of(path, pixel_size=0.3225)["a"][0] == pytest.approx((10.5, 20.5))

    def test_the_cell_counter_measures_in_pixels_and_in_the_unit(self, tmp_path):
        text = "Type,Slice,X,Y,Value,C-pos,Z-pos,T-pos,X(micron),Y(micron),Z(micron)\n"
        path = save(tmp_path / "a.csv", f"{text}2,1,10,20,9.0,1,1,1,3.225,6.450,0.0\n")
        (image,) = read_annotations(path)
        assert [(m.x, m.y, m.label) for m in image.marks] == [(10.5, 20.5, "Type 2")]


class TestTableOfSeveralImages:
    def test_labels_name_images(self, tmp_path):
        path = save(tmp_path / "Results.csv", JOINT)
        assert recognise(path) == "imagej-results"
        assert points_of(path) == {"a.tif": [(10.5, 20.5), (11.5, 21.5)], "b.tif": [(30.5, 31.5)]}

    def test_slices_of_a_stack_of_files_are_images(self, tmp_path):
        text = " ,Label,X,Y,Slice\n1,photos:a.png,5,6,1\n2,photos:b.png,7,8,2\n"
        path = save(tmp_path / "Results.csv", text)
        assert points_of(path) == {"a.png": [(5.5, 6.5)], "b.png": [(7.5, 8.5)]}

    def test_in_a_folder_with_its_images(self, tmp_path, save_image):
        for name in ("a.png", "b.png"):
            save_image(tmp_path / name)
        save(tmp_path / "Results.csv", JOINT.replace(".tif", ".png"))
        assert check(tmp_path).people == 3

    def test_endings_of_images_may_differ(self, tmp_path, save_image):
        for name in ("a.png", "b.png"):
            save_image(tmp_path / name)
        path = save(tmp_path / "Results.csv", JOINT.replace(".tif", ""))
        assert check(tmp_path, annotations=path).people == 3

    def test_a_row_without_a_label(self, tmp_path):
        path = save(tmp_path / "Results.csv", f"{JOINT}4,,0,9,30,31\n")
        with pytest.raises(DataError, match="line 5 does not say which image") as caught:
            read_annotations(path, format="imagej-results")
        assert "Display label" in caught.value.hint

    def test_a_table_that_names_no_images_is_explained(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save(tmp_path / "Results.csv", POINTS)
        (finding,) = check(tmp_path).findings
        assert "Results.csv is the file of one image (imagej-table)" in finding.message
