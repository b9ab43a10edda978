"""Points of programs of microscopy other than ImageJ and QuPath: which pixel, which image."""

import contextlib
import random

import pytest

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import (
    FORMATS,
    Columns,
    Mark,
    MarkedImage,
    convert,
    read_annotations,
    recognise,
    write_annotations,
)
from crowdkit_core.errors import CrowdkitError, DataError, UsageError


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def points_of(path, **options):
    images = read_annotations(path, **options)
    return {image.name: [(mark.x, mark.y) for mark in image.marks] for image in images}


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.example])
def test_the_example_of_the_docs_is_recognised_and_read(tmp_path, name):
    chosen = FORMATS[name]
    path = save(tmp_path / f"{chosen.named[0].format('a')}{chosen.suffix}", chosen.example)
    assert recognise(path) == name
    first = read_annotations(path)[0]
    assert first.name in ("a", "a.tif")
    assert (first.marks[0].x, first.marks[0].y) == (10.5, 20.5)


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.example])
def test_changed_characters_are_read_or_refused_in_a_line(tmp_path, name):
    rng = random.Random(0)
    example = FORMATS[name].example
    for _ in range(60):
        text = list(example)
        for _ in range(rng.choice([1, 2, 5])):
            text[rng.randrange(len(text))] = rng.choice(["", "\n", ",", '"', "<", "]", "é", "9"])
        path = save(tmp_path / f"a{FORMATS[name].suffix}", "".join(text))
        with contextlib.suppress(CrowdkitError):
            read_annotations(path, format=name)


@pytest.mark.parametrize("name", [name for name, each in FORMATS.items() if each.example])
def test_an_empty_file_is_refused_by_name(tmp_path, name):
    path = save(tmp_path / f"a{FORMATS[name].suffix}", "")
    with pytest.raises(DataError, match=f"a{FORMATS[name].suffix}: "):
        read_annotations(path, format=name)


NAPARI = "index,axis-0,axis-1\n0,20.0,10.0\n1,41.5,30.25\n"
NAPARI_3D = "index,axis-0,axis-1,axis-2\n0,3.0,20.0,10.0\n1,{},41.5,30.25\n"


class TestNapari:
    def test_the_last_axis_is_x_and_whole_numbers_are_middles_of_pixels(self, tmp_path):
        path = save(tmp_path / "a.csv", NAPARI)
        assert recognise(path) == "napari"
        assert points_of(path) == {"a": [(10.5, 20.5), (30.75, 42.0)]}

    def test_a_frame_comes_before_y_and_x(self, tmp_path):
        path = save(tmp_path / "a.csv", NAPARI_3D.format("3.0"))
        assert points_of(path) == {"a": [(10.5, 20.5), (30.75, 42.0)]}
        assert read_annotations(path)[0].left_out == {"planes": 2}

    def test_several_frames_are_refused_unless_they_are_one_picture(self, tmp_path):
        path = save(tmp_path / "a.csv", NAPARI_3D.format("7.0"))
        with pytest.raises(DataError, match=r"a\.csv: points on 2 planes .*from 3 to 7") as caught:
            read_annotations(path)
        assert "--planes all" in caught.value.hint
        assert len(read_annotations(path, planes="all")[0].marks) == 2

    def test_a_layer_in_micrometres(self, tmp_path):
        path = save(tmp_path / "a.csv", NAPARI)
        assert points_of(path, pixel_size=0.5) == {"a": [(20.5, 40.5), (61.0, 83.5)]}

    def test_shapes_stand_for_the_box_round_them(self, tmp_path):
        rows = "index,shape-type,vertex-index,axis-0,axis-1\n"
        for vertex, (y, x) in enumerate([(10, 20), (10, 40), (16, 40), (16, 20)]):
            rows += f"0,rectangle,{vertex},{y}.0,{x}.0\n"
        rows += "1,path,0,1.0,2.0\n1,path,1,3.0,8.0\n"
        path = save(tmp_path / "a.csv", rows)
        (image,) = read_annotations(path)
        assert [(mark.x, mark.y) for mark in image.marks] == [(30.5, 13.5), (5.5, 2.5)]
        assert image.marks[0].box == (20.5, 10.5, 40.5, 16.5)
        assert image.left_out == {"outlines": 1}
        assert points_of(path, point="top")["a"][0] == (30.5, 10.5)

    def test_labels_are_kept_and_other_features_listed(self, tmp_path):
        text = "index,axis-0,axis-1,label,confidence\n0,2.0,1.0,cell,0.9\n"
        (image,) = read_annotations(save(tmp_path / "a.csv", text))
        assert image.marks == (Mark(1.5, 2.5, "cell"),)
        assert image.left_out == {"features": 1}

    def test_an_empty_layer_is_an_image_without_people(self, tmp_path):
        path = save(tmp_path / "a.csv", "index,axis-0,axis-1\n")
        assert points_of(path) == {"a": []}

    def test_what_is_written(self, tmp_path):
        marks = (Mark(10.5, 20.5, "cell"), Mark(30.75, 42.0))
        write_annotations(
            tmp_path / "out", [MarkedImage(name="n/a.tif", marks=marks)], format="napari"
        )
        text = (tmp_path / "out/n/a.csv").read_text()
        assert text == "index,axis-0,axis-1,label\n0,20.0,10.0,cell\n1,41.5,30.25,\n"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("index,axis-0,axis-1\n0,1.0,nan\n", "line 2: axis-1 is nan"),
            ("index,axis-0,axis-1,axis-3\n0,1,2,3\n", "axes axis-0, axis-1, axis-3, expected"),
        ],
    )
    def test_errors_name_the_place(self, tmp_path, text, message):
        with pytest.raises(DataError, match=rf"a\.csv: {message}"):
            read_annotations(save(tmp_path / "a.csv", text))

    def test_in_a_folder_it_is_the_file_of_its_image(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save(tmp_path / "a.csv", NAPARI.replace("41.5", "31.5"))
        assert Folder(root=tmp_path, split="all").annotation(0).points.tolist() == [
            [10.5, 20.5],
            [30.75, 32],
        ]

    def test_a_layer_called_otherwise_is_named_in_the_error(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save(tmp_path / "Points.csv", NAPARI)
        (finding,) = check(tmp_path).findings
        assert "Points.csv is the file of one image (napari), but is not called" in finding.message
        (finding,) = check(tmp_path, annotations=tmp_path / "Points.csv").findings
        assert "but no image of" in finding.message
        assert "is called 'Points'; call it as its image" in finding.message


@pytest.mark.parametrize(("y", "x"), [("axis-0", "axis-1"), ("centroid-0", "centroid-1")])
class TestAdvice:
    def test_says_which_column_is_x(self, tmp_path, y, x):
        path = save(tmp_path / "a.csv", f"image,{y},{x}\na.jpg,20,10\n")
        with pytest.raises(DataError, match="no column 'x', 'y'") as caught:
            read_annotations(path, format="csv")
        assert f"'{y}' is y and '{x}' is x" in caught.value.hint

    def test_swapped_columns_are_refused(self, tmp_path, y, x):
        path = save(tmp_path / "a.csv", f"image,{y},{x}\na.jpg,20,10\n")
        right = points_of(path, format="csv", columns=Columns(x=x, y=y))
        assert right == {"a.jpg": [(10, 20)]}
        with pytest.raises(DataError, match=f"column '{y}' counts rows, so it is y"):
            read_annotations(path, format="csv", columns=Columns(x=y, y=x))


COUNTER = """<?xml version="1.0" encoding="UTF-8"?>
<CellCounter_Marker_File>
 <Image_Properties>
     <Image_Filename>{title}</Image_Filename>
     <X_Calibration>0.3225</X_Calibration>
     <Calibration_Unit>micron</Calibration_Unit>
 </Image_Properties>
 <Marker_Data>
     <Current_Type>1</Current_Type>
     <Marker_Type>
         <Type>1</Type>
         <Name>neuron</Name>
         <Marker>
             <MarkerX>10</MarkerX>
             <MarkerY>20</MarkerY>
             <MarkerZ>1</MarkerZ>
         </Marker>
     </Marker_Type>
     <Marker_Type>
         <Type>2</Type>
         <Marker><MarkerX>30</MarkerX><MarkerY>31</MarkerY><MarkerZ>{z}</MarkerZ></Marker>
     </Marker_Type>
     <Marker_Type><Type>3</Type><Name>Type 3</Name></Marker_Type>
 </Marker_Data>
</CellCounter_Marker_File>
"""


class TestCellCounter:
    def test_types_are_labels_and_markers_middles_of_pixels(self, tmp_path):
        path = save(tmp_path / "CellCounter_a.xml", COUNTER.format(title="a.tif", z=1))
        assert recognise(path) == "cell-counter"
        (image,) = read_annotations(path)
        assert image.name == "a.tif"
        assert image.marks == (Mark(10.5, 20.5, "neuron"), Mark(30.5, 31.5, "Type 2"))
        assert image.left_out == {}

    def test_a_stack_is_refused_unless_it_is_one_picture(self, tmp_path):
        path = save(tmp_path / "CellCounter_a.xml", COUNTER.format(title="a.tif", z=5))
        with pytest.raises(DataError, match="points on 2 planes"):
            read_annotations(path)
        assert read_annotations(path, planes="all")[0].left_out == {"planes": 2}

    @pytest.mark.parametrize(
        ("title", "name"),
        [
            ("b & c.tif", "b & c.tif"),  # as the plugin writes it, without escaping
            ("b &amp; c.tif", "b & c.tif"),
            ("Counter Window - b.tif", "b.tif"),
            ("", "a"),
        ],
    )
    def test_titles_of_images(self, tmp_path, title, name):
        path = save(tmp_path / "CellCounter_a.xml", COUNTER.format(title=title, z=1))
        assert read_annotations(path)[0].name == name

    def test_beside_its_image(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save(tmp_path / "CellCounter_a.xml", COUNTER.format(title="a.tif", z=1))
        save(tmp_path / "a.xml", "<metadata><object/></metadata>")  # of something else
        assert check(tmp_path).people == 2
        save(tmp_path / "CellCounter_a.xml", COUNTER.format(title="b.tif", z=1))
        (finding,) = check(tmp_path).findings
        assert (
            "markers of image 'b.tif' in what is by its name the file of a.png" in finding.message
        )

    def test_what_is_written_opens_in_the_plugin(self, tmp_path):
        marks = (Mark(10.0, 20.9, "a"), Mark(1.0, 2.0, "b"), Mark(3.5, 4.5, "a"))
        source = tmp_path / "in.json"
        write_annotations(source, [MarkedImage(name="n/x.tif", marks=marks)])
        done = convert(source, tmp_path / "out", to="cell-counter")
        assert done.lost == {"fractions of a pixel": 2}  # the last is the middle of its pixel
        path = tmp_path / "out/n/CellCounter_x.xml"
        assert "<Image_Filename>x.tif</Image_Filename>" in path.read_text()
        (image,) = read_annotations(tmp_path / "out")
        assert image.name == "n/x.tif"
        assert image.marks == (Mark(10.5, 20.5, "a"), Mark(3.5, 4.5, "a"), Mark(1.5, 2.5, "b"))

    @pytest.mark.parametrize("root", ["<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "<a>"])
    def test_hostile_or_broken_files(self, tmp_path, root):
        path = save(tmp_path / "a.xml", root)
        with pytest.raises(DataError, match=r"a\.xml: (not XML|declares)"):
            read_annotations(path, format="cell-counter")


def test_a_pixel_size_is_refused_where_positions_are_pixels(tmp_path):
    path = save(tmp_path / "a.csv", "image,x,y\na.jpg,1,2\n")
    with pytest.raises(UsageError, match="csv is in pixels, so a pixel size says nothing"):
        read_annotations(path, pixel_size=0.5)
    for size in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="expected the length of a pixel's side"):
            read_annotations(save(tmp_path / "b.csv", NAPARI), pixel_size=size)
