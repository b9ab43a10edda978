"""Lists of points as people have them, and those that are something else."""

import pytest

from crowdkit_core.data.annotations import read_annotations, recognise
from crowdkit_core.errors import DataError


@pytest.fixture
def points(tmp_path):
    """The points of a list with some content."""

    def read(content, name="a.txt", format="txt"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        (image,) = read_annotations(path, format=format)
        return [(mark.x, mark.y) for mark in image.marks]

    return read


@pytest.mark.parametrize(
    "content",
    [
        "# points of the north gate\n12 30\n40 50\n",
        "# x y\n12 30\n40 50\n",
        "#y,x\n30,12\n50,40\n",
        "12,30,\n40,50,\n",
        ",x,y\n0,12,30\n1,40,50\n",
        '"X";"Y"\n"12";"30"\n"40";"50"\n',
        "1.2e1 3E1\n+40 50.0\n",
        "12 30\n# the second half\n40 50\n",
        "12 30 5 6 1 0\n40 50 7 8 3 1\n",
    ],
    ids=["comment", "names", "yx", "trailing", "pandas", "capitals", "exponent", "half", "jhu"],
)
def test_lists_of_points(points, content):
    assert points(content) == [(12, 30), (40, 50)]


@pytest.mark.parametrize("content", ["", "\n  \n\n", "# nobody\n", "x,y\n"])
def test_lists_of_nobody(points, content):
    assert points(content) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,3,79.2,24.5,7.2,17.4,-1,-1,-1,-1\n", "line 1: .*looks like MOT tracks"),
        ("1,3,79,24,7,17,1,1,0.8\n", "line 1: .*looks like MOT tracks"),
        ("68,5,4,4,1,1,0,0\n10,10,3,3,0,0,0,0\n", "line 1: .*looks like VisDrone boxes"),
        ("0 1.0003 0.75 0.25 0.2\n", "line 1: .*looks like YOLO labels"),
        ("0 .5 .5 .2 .2\n1 .5 1.2 .2 .2\n0 .5 .5 .2 .2\n", "line 1: .*looks like YOLO labels"),
        ("0 0.5 0.5 0.2 0.2 0 0 0\n", "line 1: .*looks like YOLO labels"),
        ("0 345 210 40 60\n", "line 1: '0 345 210 40 60', expected x and y; .*5 columns"),
        ("10 20 30 40\n", "line 1: .*boxes"),
        ("12 30\n40 50 60\n", "line 2: '40 50 60', expected x and y"),
        ("12,5,30,2\n", "line 1: .*decimal commas"),
        ("12\n30\n", "line 1: '12', expected x and y; .*one column"),
        ('"x" "y"\n"1" 12 30\n', "line 2 has 3 cells, the header 2"),
        ("x,y\n12,5,30,2\n", "line 2 has 4 cells, the header 2"),
        ("# row col\n12 30\n", "no column 'x', 'y', found 'row', 'col'"),
        ("IMG_1.jpg 12 30\n", "no column 'x', 'y', found 'IMG_1.jpg'"),
        ("12_5 30\n", "no column 'x', 'y', found '12_5'"),
        ("12 nan\n", "line 1: .*expected finite numbers"),
        ("12 3_0\n", "line 1: .*expected two numbers"),
    ],
)
def test_what_is_no_list_of_points_is_refused(points, content, message):
    with pytest.raises(DataError, match=rf"a\.txt: {message}"):
        points(content)


def test_decimal_commas_say_how_to_separate_columns(points):
    for content in ("12,5,30,2\n", "x,y\n12,5,30,2\n"):
        with pytest.raises(DataError) as caught:
            points(content)
        assert "separate columns by semicolons" in caught.value.hint


def test_numbers_of_columns_are_no_point(points):
    with pytest.raises(DataError, match=r"a\.csv: line 1: 0,1 is a point or numbers of columns"):
        points("0,1\n12,30\n", "a.csv")
    assert points("0 1\n12 30\n") == [(0, 1), (12, 30)]


def test_points_with_commas_are_no_nwpu_text(points):
    assert points("12, 30\n40, 50\n", format=None) == [(12, 30), (40, 50)]


@pytest.mark.parametrize("first", ["# found by hand\n# image,x,y", "#image;x;y", "# IMAGE,X,Y"])
def test_the_header_of_a_table_may_be_a_comment(tmp_path, first):
    separator = ";" if ";" in first else ","
    path = tmp_path / "a.csv"
    path.write_text(f"{first}\n" + separator.join(["#1.jpg", "12", "30"]) + "\n")
    (image,) = read_annotations(path)
    assert (image.name, image.marks[0][:2]) == ("#1.jpg", (12, 30))


def test_a_table_with_decimal_commas(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("image;x;y;\na,b.jpg;12,5;1.030,2;\n;;;\n")
    (image,) = read_annotations(path)
    assert (image.name, image.marks[0][:2]) == ("a,b.jpg", (12.5, 1030.2))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x,y,left,top,right,bottom\n12,30,1,,3,4\n", "line 2: top is empty, expected all sides"),
    ],
)
def test_boxes_are_whole(points, rows, message):
    with pytest.raises(DataError, match=rf"a\.txt: {message}"):
        points(rows)


def test_true_is_no_number(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('[{"image": "a.jpg", "x": true, "y": 1}]')
    with pytest.raises(DataError, match=r"a\.json: record 1: .*expected two numbers"):
        read_annotations(path)


class TestVisDrone:
    TRUTH = "684,8,20,30,1,1,0,0\n0,0,50,40,0,0,0,0\n10,10,4,6,1,4,1,2\n5,5,2,2,0,2,0,0\n"

    def read(self, folder, content, **options):
        (folder / "a.txt").write_text(content)
        (image,) = read_annotations(folder, **options)
        return image

    def test_boxes_that_are_evaluated(self, tmp_path):
        for end in ("\n", ",\n"):
            image = self.read(tmp_path, self.TRUTH.replace("\n", end))
            assert [(m.x, m.y, m.label, m.score) for m in image.marks] == [
                (694, 23, "pedestrian", None),
                (12, 13, "car", None),
            ]
            assert image.left_out == {"ignored regions": 2, "truncation and occlusion": 2}
        assert recognise(tmp_path) == "visdrone"
        top = self.read(tmp_path, self.TRUTH, point="top")
        assert top.marks[0][:2] == (694, 8)

    def test_results_have_scores(self, tmp_path):
        image = self.read(tmp_path, "1.5,2,4,4,0.25,1,-1,-1\n")
        assert [(m.x, m.y, m.score) for m in image.marks] == [(3.5, 4, 0.25)]
        assert image.left_out == {}

    def test_a_bad_line_does_not_make_it_another_format(self, tmp_path):
        with pytest.raises(DataError, match=r"a\.txt: line 5: .*expected left top width height"):
            self.read(tmp_path, f"{self.TRUTH}1,2,3\n")
