"""Selections (ROIs) of ImageJ and Fiji, as roifile writes them."""

import zipfile

import numpy as np
import pytest
from roifile import ROI_OPTIONS, ROI_SUBTYPE, ROI_TYPE, ImagejRoi

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import read_annotations, recognise
from crowdkit_core.data.annotations.formats import imagej_rois
from crowdkit_core.errors import DataError


def points_of(path, **options):
    images = read_annotations(path, **options)
    return {image.name: [(mark.x, mark.y) for mark in image.marks] for image in images}


def archive(path, *rois):
    with zipfile.ZipFile(path, "w") as file:
        for number, roi in enumerate(rois):
            file.writestr(f"{number}.roi", roi if isinstance(roi, bytes) else roi.tobytes())
    return path


def shape(kind, left, top, right, bottom, **more):
    return ImagejRoi(roitype=kind, left=left, top=top, right=right, bottom=bottom, **more)


class TestSelections:
    def test_whole_points_are_middles_of_pixels(self, tmp_path):
        roi = ImagejRoi.frompoints(np.array([[10, 20], [30, 31]]))
        roi.roitype = ROI_TYPE.POINT
        (tmp_path / "a.roi").write_bytes(roi.tobytes())
        assert recognise(tmp_path / "a.roi") == "imagej-roi"
        assert points_of(tmp_path / "a.roi") == {"a": [(10.5, 20.5), (30.5, 31.5)]}

    def test_subpixel_points_are_shifted_as_whole_ones(self, tmp_path):
        roi = ImagejRoi.frompoints(np.array([[10.25, 20.5], [30.0, 31.75]], np.float32))
        roi.roitype = ROI_TYPE.POINT
        assert roi.options & ROI_OPTIONS.SUB_PIXEL_RESOLUTION
        path = archive(tmp_path / "a.zip", roi)
        assert points_of(path) == {"a": [(10.75, 21), (30.5, 32.25)]}

    def test_counters_are_labels_and_their_positions_planes(self, tmp_path):
        roi = ImagejRoi.frompoints(np.array([[10, 20], [30, 31]]))
        roi.roitype = ROI_TYPE.POINT
        roi.counters = np.array([0, 2], np.uint8)
        roi.counter_positions = np.array([1, 1], np.uint32)
        path = archive(tmp_path / "RoiSet_a.zip", roi)
        (image,) = read_annotations(path)
        assert (image.name, [mark.label for mark in image.marks]) == ("a", ["0", "2"])
        roi.counter_positions = np.array([1, 7], np.uint32)
        with pytest.raises(DataError, match=r"points on 2 planes .*from 1 to 7"):
            read_annotations(archive(path, roi))

    def test_areas_stand_for_the_box_round_them_from_the_corner(self, tmp_path):
        oval = shape(ROI_TYPE.OVAL, 10, 20, 16, 24)
        rectangle = shape(ROI_TYPE.RECT, 1, 2, 5, 8, name="tumour")
        polygon = ImagejRoi.frompoints(np.array([[4, 4], [10, 4], [10, 9]]), name="0006-0007")
        text = shape(ROI_TYPE.RECT, 0, 0, 9, 9, subtype=ROI_SUBTYPE.TEXT, text="A", text_name="S")
        (image,) = read_annotations(archive(tmp_path / "a.zip", oval, rectangle, polygon, text))
        assert [(mark.x, mark.y) for mark in image.marks] == [(13, 22), (3, 5), (7, 6.5)]
        assert image.marks[0].box == (10, 20, 16, 24)
        assert image.left_out == {
            "outlines": 2,
            "names of selections": 1,
            "texts, arrows and images": 1,
        }

    def test_positions_of_selections_are_planes(self, tmp_path):
        rois = [shape(ROI_TYPE.OVAL, 1, 1, 3, 3, position=n) for n in (2, 3)]
        path = archive(tmp_path / "a.zip", *rois)
        with pytest.raises(DataError, match="from 2 to 3"):
            read_annotations(path)
        channels = [shape(ROI_TYPE.OVAL, 1, 1, 3, 3, z_position=1, c_position=n) for n in (1, 2)]
        assert len(points_of(archive(path, *channels))["a"]) == 2

    def test_groups_are_labels(self, tmp_path):
        points = ImagejRoi.frompoints(np.array([[10, 20], [30, 31]]))
        points.roitype = ROI_TYPE.POINT
        ovals = [shape(ROI_TYPE.OVAL, 1, 1, 3, 3, group=n) for n in (0, 2)]
        (image,) = read_annotations(archive(tmp_path / "a.zip", *ovals, points))
        assert [mark.label for mark in image.marks] == ["", "group 2", "", ""]

    def test_an_archive_that_unpacks_to_far_too_much(self, tmp_path, monkeypatch):
        monkeypatch.setattr(imagej_rois, "_LARGEST", 100)
        path = archive(tmp_path / "a.zip", shape(ROI_TYPE.OVAL, 1, 1, 3, 3))
        with pytest.raises(DataError, match=r"a\.zip: unpacks to more than"):
            read_annotations(path)

    def test_beside_its_image(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        archive(tmp_path / "a_RoiSet.zip", shape(ROI_TYPE.OVAL, 10, 20, 16, 24))
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as other:  # of something else
            other.writestr("a.txt", "1 2")
        dataset = Folder(root=tmp_path, split="all")
        assert dataset.annotation(0).points.tolist() == [[13, 22]]

    def test_another_archive(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as other:  # as QuPath compresses
            other.writestr("a.geojson", "{}")
        with pytest.raises(DataError, match=r"no \.roi in it, found 'a\.geojson'") as caught:
            read_annotations(tmp_path / "a.zip")
        assert "unpack" in caught.value.hint

    def test_selections_inside_an_image_are_to_be_saved_apart(self, tmp_path, save_image):
        with pytest.raises(DataError, match="unknown kind of annotation file") as caught:
            read_annotations(save_image(tmp_path / "a.tif"))
        assert "To ROI Manager" in caught.value.hint

    def test_lines_count_from_middles_as_points_do(self, tmp_path):
        line = shape(ROI_TYPE.LINE, 0, 0, 0, 0, x1=10, y1=20, x2=14, y2=22)
        assert points_of(archive(tmp_path / "a.zip", line)) == {"a": [(12.5, 21.5)]}

    def test_selections_of_no_image_are_named_in_the_error(self, tmp_path, save_image):
        save_image(tmp_path / "a.png")
        archive(tmp_path / "RoiSet.zip", shape(ROI_TYPE.OVAL, 10, 20, 16, 24))
        (finding,) = check(tmp_path).findings
        assert "RoiSet.zip is the file of one image (imagej-roi)" in finding.message

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"Iout" + b"\0" * 10, "selection: cannot be read as a selection of ImageJ"),
            (b"JPEG", "selection: cannot be read as a selection of ImageJ"),
        ],
    )
    def test_damaged_files(self, tmp_path, content, message):
        (tmp_path / "a.roi").write_bytes(content)
        with pytest.raises(DataError, match=rf"a\.roi: {message}"):
            read_annotations(tmp_path / "a.roi")
        (tmp_path / "b.zip").write_bytes(content)
        with pytest.raises(DataError, match=r"b\.zip: cannot be read as a \.zip file"):
            read_annotations(tmp_path / "b.zip")

    def test_without_roifile_it_says_what_to_install(self, tmp_path, monkeypatch):
        path = archive(tmp_path / "a.zip", shape(ROI_TYPE.OVAL, 1, 1, 3, 3))
        monkeypatch.setitem(__import__("sys").modules, "roifile", None)
        with pytest.raises(DataError, match="needs roifile") as caught:
            read_annotations(path)
        assert "crowdkit-core[imagej]" in caught.value.hint
