"""Tables of objects that CellProfiler, ilastik and TrackMate measure."""

import pytest

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import Columns, read_annotations, recognise
from crowdkit_core.errors import DataError


def save(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def points_of(path, **options):
    images = read_annotations(path, **options)
    return {image.name: [(mark.x, mark.y) for mark in image.marks] for image in images}


OBJECTS = """ImageNumber,ObjectNumber,AreaShape_Area,Location_Center_X,Location_Center_Y
1,1,90,10.0,20.0
1,2,80,30.0,31.25
2,1,85,5.0,6.0
"""
IMAGES = """ImageNumber,FileName_DNA,PathName_DNA,Count_Nuclei
1,a.png,C:\\data,2
2,b.png,C:\\data,1
3,c.png,C:\\data,0
"""
FOUND = {"a.png": [(10.5, 20.5), (30.5, 31.75)], "b.png": [(5.5, 6.5)]}


class TestCellProfiler:
    def test_names_come_from_the_table_of_images_beside_it(self, tmp_path):
        path = save(tmp_path / "MyExpt_Nuclei.csv", OBJECTS)
        save(tmp_path / "MyExpt_Image.csv", IMAGES)
        assert recognise(path) == "cellprofiler"
        assert points_of(path) == {**FOUND, "c.png": []}
        assert read_annotations(path)[0].left_out == {"measurements": 2}

    def test_of_several_runs_each_has_its_table_of_images(self, tmp_path):
        path = save(tmp_path / "Two_Nuclei.csv", OBJECTS)
        save(tmp_path / "One_Image.csv", IMAGES.replace(".png", ".tif"))
        save(tmp_path / "Two_Image.csv", IMAGES)
        assert points_of(path) == {**FOUND, "c.png": []}
        with pytest.raises(DataError, match="no names of images"):
            read_annotations(save(tmp_path / "Nuclei.csv", OBJECTS))

    def test_in_a_folder_with_its_images(self, tmp_path, save_image):
        for name in ("a.png", "b.png", "c.png"):
            save_image(tmp_path / name)
        save(tmp_path / "MyExpt_Nuclei.csv", OBJECTS)
        save(tmp_path / "MyExpt_Image.csv", IMAGES)
        assert check(tmp_path).people == 3

    def test_names_in_the_table_itself(self, tmp_path):
        text = OBJECTS.replace("ObjectNumber", "FileName_DNA")
        text = text.replace("\n1,1,", "\n1,a.png,").replace("\n1,2,", "\n1,a.png,")
        path = save(tmp_path / "o.csv", text.replace("\n2,1,", "\n2,b.png,"))
        assert points_of(path) == FOUND

    def test_without_names_it_says_where_to_get_them(self, tmp_path):
        with pytest.raises(DataError, match="no names of images, only their numbers") as caught:
            read_annotations(save(tmp_path / "o.csv", OBJECTS))
        assert "ExportToSpreadsheet" in caught.value.hint

    def test_of_several_channels_one_is_chosen(self, tmp_path):
        path = save(tmp_path / "o.csv", OBJECTS)
        both = IMAGES.replace("PathName_DNA", "FileName_GFP")
        save(tmp_path / "Image.csv", both)
        with pytest.raises(DataError, match="several files: FileName_DNA, FileName_GFP") as caught:
            read_annotations(path)
        assert "image=FileName_DNA" in caught.value.hint
        assert points_of(path, columns=Columns(image="FileName_DNA")) == {**FOUND, "c.png": []}

    def test_a_line_of_kinds_above_the_columns(self, tmp_path):
        save(tmp_path / "Image.csv", IMAGES)
        path = save(tmp_path / "o.csv", f"Image,Nuclei,Nuclei,Nuclei,Nuclei\n{OBJECTS}")
        assert points_of(path)["b.png"] == [(5.5, 6.5)]

    def test_depths_are_refused_unless_they_are_one_picture(self, tmp_path):
        save(tmp_path / "Image.csv", IMAGES)
        rows = [f"{row},{index}" for index, row in enumerate(OBJECTS.splitlines())]
        rows[0] = rows[0].removesuffix("0") + "Location_Center_Z"
        path = save(tmp_path / "o.csv", "\n".join(rows))
        with pytest.raises(DataError, match=r"a\.png: points on 2 planes"):
            read_annotations(path)
        assert len(points_of(path, planes="all")["a.png"]) == 2

    @pytest.mark.parametrize("kind", ["Nuclei_Location_Center", "AreaShape_Center"])
    def test_other_names_of_the_place(self, tmp_path, kind):
        save(tmp_path / "Image.csv", IMAGES)
        path = save(tmp_path / "o.csv", OBJECTS.replace("Location_Center", kind))
        assert points_of(path)["b.png"] == [(5.5, 6.5)]

    def test_several_kinds_in_a_row_are_refused(self, tmp_path):
        save(tmp_path / "Image.csv", IMAGES)
        header = "ImageNumber,Location_Center_X,Location_Center_Y,Location_Center_X,"
        text = f"Image,Cells,Cells,Nuclei,Nuclei\n{header}Location_Center_Y\n1,1,2,3,4\n"
        with pytest.raises(DataError, match="places of several kinds of objects"):
            read_annotations(save(tmp_path / "o.csv", text))

    def test_files_of_one_name_are_told_apart_by_their_folders(self, tmp_path):
        names = IMAGES.replace("b.png,C:\\data", "a.png,C:\\night")
        save(tmp_path / "Image.csv", names)
        path = save(tmp_path / "o.csv", OBJECTS)
        assert set(points_of(path)) == {"C:/data/a.png", "C:/night/a.png", "C:/data/c.png"}
        save(tmp_path / "Image.csv", names.replace("night", "data"))
        with pytest.raises(DataError, match=r"images 1 and 2 are both 'C:\\+data/a\.png'"):
            read_annotations(path)

    def test_an_image_without_a_name(self, tmp_path):
        save(tmp_path / "Image.csv", IMAGES)
        path = save(tmp_path / "o.csv", f"{OBJECTS}9,1,85,5.0,6.0\n")
        with pytest.raises(DataError, match="line 5: image 9 is in no table of images"):
            read_annotations(path)


ILASTIK = (
    "object_id,timestep,labelimage_oid,User Label,Predicted Class,Probability of cell,"
    "Center of the object_0,Center of the object_1\n"
    "0,0,1,0,cell,0.9,10.0,20.0\n1,{},2,debris,,0.1,30.0,31.25\n"
)


class TestIlastik:
    def test_the_first_axis_is_x(self, tmp_path):
        path = save(tmp_path / "a_table.csv", ILASTIK.format(0))
        assert recognise(path) == "ilastik"
        (image,) = read_annotations(path)
        assert (image.name, image.left_out) == ("a", {"measurements": 2})
        assert [(m.x, m.y, m.label) for m in image.marks] == [
            (10.5, 20.5, "cell"),
            (30.5, 31.75, "debris"),
        ]

    @pytest.mark.parametrize("name", ["Center_of_the_object", "RegionCenter"])
    def test_other_names_of_the_centre(self, tmp_path, name):
        text = ILASTIK.format(0).replace("Center of the object", name)
        text = text.replace("timestep", "frame")
        assert points_of(save(tmp_path / "a_table.csv", text))["a"][0] == (10.5, 20.5)
        later = text.replace("\n1,0,", "\n1,2,")
        with pytest.raises(DataError, match="points on 2 planes"):
            read_annotations(save(tmp_path / "b_table.csv", later))

    def test_beside_its_image(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        save(tmp_path / "a_table.csv", ILASTIK.format(0))
        dataset = Folder(root=tmp_path, split="all")
        assert dataset.annotation(0).points.tolist() == [[10.5, 20.5], [30.5, 31.75]]

    def test_a_list_of_its_own_goes_first(self, tmp_path, save_image):
        for name in ("a.png", "a_table.png"):
            save_image(tmp_path / name)
        save(tmp_path / "a_table.csv", "1,2\n")
        with pytest.raises(DataError, match=r"no points of image a\.png"):
            Folder(root=tmp_path, split="all").annotation(0)
        save(tmp_path / "a.csv", "3,4\n")
        assert check(tmp_path).people == 2

    def test_times_are_refused(self, tmp_path):
        with pytest.raises(DataError, match="points on 2 planes"):
            read_annotations(save(tmp_path / "a_table.csv", ILASTIK.format(4)))


SPOTS = (
    "LABEL,ID,TRACK_ID,QUALITY,POSITION_X,POSITION_Y,POSITION_Z,POSITION_T,FRAME,RADIUS\n"
    "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,Radius\n"
    "Label,Spot ID,Track ID,Quality,X,Y,Z,T,Frame,R\n"
    ",,,(quality),({unit}),({unit}),({unit}),(sec),,({unit})\n"
    "ID77,77,,3.3,10.0,20.0,0.0,0.0,0,2.5\nID78,78,1,3.1,30.0,31.25,0.0,0.0,{frame},2.5\n"
)


class TestTrackMate:
    @pytest.mark.parametrize("unit", ["pixel", "pixels"])
    def test_pixels(self, tmp_path, unit):
        path = save(tmp_path / "a_spots.csv", SPOTS.format(unit=unit, frame=0))
        assert recognise(path) == "trackmate"
        assert points_of(path) == {"a": [(10.5, 20.5), (30.5, 31.75)]}
        with pytest.raises(DataError, match=r"POSITION_X is in pixels, so a pixel size of 0\.5"):
            read_annotations(path, pixel_size=0.5)

    @pytest.mark.parametrize("unit", ["micron", "µm"])
    def test_micrometres_need_the_size_of_a_pixel(self, tmp_path, unit):
        path = save(tmp_path / "a_spots.csv", SPOTS.format(unit=unit, frame=0))
        with pytest.raises(DataError, match=f"POSITION_X is in '{unit}', not in pix") as caught:
            read_annotations(path)
        assert "--pixel-size" in caught.value.hint
        assert points_of(path, pixel_size=0.5) == {"a": [(20.5, 40.5), (60.5, 63.0)]}

    def test_a_table_without_units_may_be_anything(self, tmp_path):
        path = save(tmp_path / "a.csv", "LABEL,POSITION_X,POSITION_Y\nID1,10,20\n")
        with pytest.raises(DataError, match="may be in pixels or in µm"):
            read_annotations(path)
        assert points_of(path, pixel_size=1) == {"a": [(10.5, 20.5)]}

    def test_frames_are_refused(self, tmp_path):
        path = save(tmp_path / "a_spots.csv", SPOTS.format(unit="pixel", frame=3))
        with pytest.raises(DataError, match="points on 2 planes"):
            read_annotations(path)
