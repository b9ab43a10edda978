"""CVAT's tracks of videos and skeletons, and what else its exports hold."""

from zipfile import ZipFile

import pytest

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import read_annotations, recognise
from crowdkit_core.errors import DataError

META = """<meta><task><size>4</size><mode>interpolation</mode>{more}
<original_size><width>80</width><height>60</height></original_size></task></meta>"""
TRACKS = """
<track id="0" label="person" source="manual" group_id="2">
  <box frame="0" keyframe="1" outside="0" occluded="0" xtl="10" ytl="10" xbr="20" ybr="20"/>
  <box frame="1" keyframe="0" outside="0" occluded="0" xtl="12" ytl="10" xbr="22" ybr="20"/>
  <box frame="2" keyframe="1" outside="0" occluded="1" xtl="14" ytl="10" xbr="24" ybr="20"/>
  <box frame="3" keyframe="1" outside="1" occluded="0" xtl="14" ytl="10" xbr="24" ybr="20"/>
</track>
<track id="1" label="head" source="manual">
  <points frame="1" keyframe="1" outside="0" occluded="0" points="40.5,30.25"/>
  <points frame="2" keyframe="1" outside="1" occluded="0" points="40.5,30.25"/>
</track>
"""


def save(path, body, more=""):
    path.write_text(f"<annotations>{META.format(more=more)}{body}</annotations>")
    return path


class TestVideo:
    def test_every_frame_in_which_somebody_is(self, tmp_path):
        path = save(tmp_path / "annotations.xml", TRACKS)
        assert recognise(path) == "cvat"
        images = read_annotations(path)
        assert {i.name: [(m.x, m.y, m.label) for m in i.marks] for i in images} == {
            "frame_000000": [(15, 15, "person")],
            "frame_000001": [(17, 15, "person"), (40.5, 30.25, "head")],
            "frame_000002": [(19, 15, "person")],
        }
        assert {image.size for image in images} == {(60, 80)}
        assert images[2].left_out == {"occluded": 1, "tracks": 1}

    def test_the_images_that_cvat_exports_with_it(self, tmp_path, save_image):
        for frame in range(4):
            save_image(tmp_path / f"frame_{frame:06d}.png", (60, 80))
        save(tmp_path / "annotations.xml", TRACKS)
        (finding,) = check(tmp_path).findings
        assert "no points of image frame_000003.png" in finding.message  # or is nobody there?
        images = Folder(root=tmp_path, split="all", unannotated="empty", validation_every=0)
        counts = [len(images.annotation(index).points) for index in range(4)]
        assert counts == [1, 2, 1, 0]

    def test_frames_between_keyframes_must_be_there(self, tmp_path):
        lines = [line for line in TRACKS.splitlines() if 'keyframe="0"' not in line]
        path = save(tmp_path / "a.xml", "\n".join(lines))
        with pytest.raises(
            DataError, match=r"track 1, box 1: nothing about the frames between 0"
        ) as e:
            read_annotations(path)
        assert "export it again" in e.value.hint

    def test_nobody_is_twice_in_a_frame(self, tmp_path):
        path = save(tmp_path / "a.xml", TRACKS.replace('frame="1" keyframe="0"', 'frame="2"'))
        with pytest.raises(DataError, match="track 1, box 3: the track has two shapes in frame 2"):
            read_annotations(path)

    def test_a_task_may_have_every_tenth_frame(self, tmp_path):
        track = TRACKS.split("</track>", maxsplit=1)[0] + "</track>"
        track = track.replace('keyframe="0"', 'keyframe="1"')
        for frame in (3, 2, 1):
            track = track.replace(f'frame="{frame}"', f'frame="{frame}0"')
        path = save(tmp_path / "a.xml", track, "<frame_filter>step=10</frame_filter>")
        assert [i.name[-3:] for i in read_annotations(path)] == ["000", "010", "020"]
        with pytest.raises(DataError, match="between 0 and 10"):
            read_annotations(save(tmp_path / "a.xml", track))

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (' frame="1"', ' frame="x"', "track 1, box 2: frame is 'x'"),
            (' frame="1"', ' frame="1.5"', "track 1, box 2: frame is 1.5, expected a whole"),
            ('xtl="12"', 'xtl="nan"', "track 1, box 2: xtl is nan"),
            ("<width>80", "<width>wide", "original_size: width is 'wide'"),
        ],
    )
    def test_errors_name_file_and_shape(self, tmp_path, old, new, message):
        path = save(tmp_path / "a.xml", TRACKS)
        path.write_text(path.read_text().replace(old, new, 1))
        with pytest.raises(DataError, match=rf"a\.xml: {message}"):
            read_annotations(path)


def skeleton(**outside):
    points = "".join(
        f'<points label="{name}" outside="{int(outside.get(name, False))}" occluded="0" '
        f'points="{x},{y}"/>'
        for name, x, y in (("neck", 10, 20), ("nose", 11, 15), ("foot", 14, 60))
    )
    return f'<image id="0" name="a.jpg"><skeleton label="person">{points}</skeleton></image>'


class TestSkeletons:
    @pytest.mark.parametrize(
        ("outside", "place", "left_out"),
        [
            ({}, (11, 15), {"further keypoints": 2}),
            ({"nose": True}, (12, 40), {"further keypoints": 2, "heads not visible": 1}),
        ],
    )
    def test_the_head_or_else_the_box_round_the_rest(self, tmp_path, outside, place, left_out):
        (image,) = read_annotations(save(tmp_path / "a.xml", skeleton(**outside)))
        assert [(mark.x, mark.y, mark.label) for mark in image.marks] == [(*place, "person")]
        assert image.left_out == left_out

    def test_one_that_is_outside_is_nobody(self, tmp_path):
        outside = {"neck": True, "nose": True, "foot": True}
        (image,) = read_annotations(save(tmp_path / "a.xml", skeleton(**outside)))
        assert image.marks == ()
        assert image.left_out == {"shapes outside the frame": 1}

    def test_one_without_points_is_refused(self, tmp_path):
        body = '<image id="0" name="a.jpg"><skeleton label="person"/></image>'
        with pytest.raises(DataError, match=r"image 1 \(a\.jpg\), skeleton 1: no points"):
            read_annotations(save(tmp_path / "a.xml", body))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<image id="0" width="8" height="6"/>', "image 1: name is None, expected a text"),
        ('<image id="0" name="a.jpg" task_id="1"/><image id="0" name="a.jpg" task_id="2"/>',
         r"image 'a\.jpg' occurs twice"),
        ('<image id="0" name="a.jpg"><cuboid label="p" xtl1="1"/></image>',
         r"image 1 .*cuboid 1: expected"),
    ],
)  # fmt: skip
def test_refused(tmp_path, body, message):
    with pytest.raises(DataError, match=rf"a\.xml: {message}"):
        read_annotations(save(tmp_path / "a.xml", body))


@pytest.mark.parametrize(
    ("name", "message"),
    [("task.zip", "no .roi in it, found 'annotations.xml'"), ("task.tar", "an archive")],
)
def test_an_archive_is_to_be_unpacked(tmp_path, name, message):
    with ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("annotations.xml", "<annotations/>")
    with pytest.raises(DataError, match=message) as caught:
        read_annotations(tmp_path / name)
    assert "unpack" in caught.value.hint
