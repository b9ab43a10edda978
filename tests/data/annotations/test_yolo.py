"""YOLO labels, whose boxes are shares of images that lie beside them."""

import pytest

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import convert, read_annotations, recognise
from crowdkit_core.errors import DataError, UsageError

SIZE = (40, 60)
LINE = "0 0.5 0.25 0.1 0.2\n"  # a box from (27, 6) to (33, 14)


@pytest.fixture
def save(tmp_path, save_image):
    """Labels, and the image beside them or in `images`."""

    def write(name, lines, image=None):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(lines)
        save_image(tmp_path / (image or name.replace(".txt", ".jpg")), SIZE)
        return path

    return write


def test_a_box_is_its_centre_or_its_top_in_pixels(tmp_path, save):
    save("a.txt", LINE)
    save("night/b.txt", "")
    assert recognise(tmp_path) == "yolo"
    first, second = read_annotations(tmp_path)
    (mark,) = first.marks
    assert (mark.x, mark.y) == pytest.approx((30, 10))
    assert mark.box == pytest.approx((27, 6, 33, 14))
    assert (mark.label, mark.score) == ("0", None)
    assert (first.name, first.size) == ("a.jpg", SIZE)
    assert (second.name, second.marks) == ("night/b.jpg", ())
    (top,) = read_annotations(tmp_path, point="top")[0].marks
    assert (top.x, top.y) == pytest.approx((30, 6))


@pytest.mark.parametrize("asked", ["set/labels", "set"])
def test_images_lie_where_yolo_has_them(tmp_path, save, asked):
    save("set/labels/night/a.txt", LINE, "set/images/night/a.jpg")
    (image,) = read_annotations(tmp_path / asked)
    assert image.file == tmp_path / "set/images/night/a.jpg"
    assert image.name == ("images/night/a.jpg" if asked == "set" else "night/a.jpg")
    photos = tmp_path / ("set" if asked == "set" else "set/images")
    done = convert(tmp_path / asked, tmp_path / "out.csv", images=photos)
    assert (done.source, done.images, done.points) == ("yolo", 1, 1)


def test_classes_have_names_and_found_boxes_scores(tmp_path, save):
    save("labels/a.txt", "1 0.5 0.25 0.1 0.2 0.75\n", "images/a.jpg")
    (tmp_path / "classes.txt").write_text("car\nhead\n")
    (mark,) = read_annotations(tmp_path / "labels")[0].marks
    assert (mark.label, mark.score) == ("head", 0.75)
    (tmp_path / "classes.txt").write_text("car\n")
    with pytest.raises(DataError, match=r"a\.txt: line 1: class 1, classes\.txt names 1"):
        read_annotations(tmp_path / "labels")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("0 0.1 0.1 0.9 0.1 0.5 0.9", "7 numbers, an outline, a turned box or keypoints"),
        ("0 0.5 0.5 0.1", "expected class cx cy w h"),
        ("0 0.5 1.5 0.1 0.1", "cy is 1.5, expected a share of the image"),
        ("0 0.5 x 0.1 0.1", "cy is 'x', expected a number"),
        ("head 0.5 0.5 0.1 0.1", "class is 'head', expected a whole number"),
        ("0.5 0.5 0.5 0.1 0.1", "class is '0.5', expected a whole number"),
        ("0 1.0003 0.75 0.25 0.2", "cx is 1.0003, expected a share of the image from 0 to 1"),
        ("0 0.5 0.5 0.1 0.1 17", "confidence is 17.0, expected 0 to 1; is it a track"),
    ],
)
def test_errors_name_file_and_line(save, line, message):
    path = save("a.txt", f"{LINE}{line}\n")
    with pytest.raises(DataError, match=rf"a\.txt: line 2: .*{message}"):
        read_annotations(path, format="yolo")


@pytest.mark.parametrize(
    "line",
    [
        "0 0.1 0.1 0.9 0.1 0.5 0.9",
        "0 0.1 0.1 0.9 0.1 0.9 0.9 0.1 0.9",
        "0 0.5 0.5 0.2 0.2 0.4 0.4 2 0.6 0.4 1",
        "0 1.1 0.1 0.9 0.1 0.5 0.9",
    ],
    ids=["outline", "turned box", "keypoints", "beyond the image"],
)
def test_outlines_are_recognised_to_be_refused(save, line):
    with pytest.raises(DataError, match="an outline, a turned box or keypoints"):
        read_annotations(save("a.txt", f"{line}\n"))


@pytest.mark.parametrize(
    "lines", ["0.0 0.5 0.25 0.1 0.2\n", "# class cx cy w h\n0\t0.5\t0.25\t0.1\t0.2\r\n\n"]
)
def test_other_programs_write_the_same(save, lines):
    (mark,) = read_annotations(save("a.txt", lines))[0].marks
    assert (mark.x, mark.y, mark.label) == (pytest.approx(30), pytest.approx(10), "0")


def test_the_image_must_be_there(tmp_path, save, save_image):
    path = save("a.txt", LINE)
    save_image(tmp_path / "a.png", SIZE)
    with pytest.raises(DataError, match=r"a\.txt: labels of .*a\.(jpg|png) or of "):
        read_annotations(path)
    for image in (tmp_path / "a.png", tmp_path / "a.jpg"):
        image.unlink()
    with pytest.raises(DataError, match=r"a\.txt: its image is not there") as caught:
        read_annotations(path)
    assert "beside the labels" in caught.value.hint


def test_labels_are_never_points(save):
    path = save("a.txt", LINE)
    with pytest.raises(DataError, match="looks like YOLO labels") as caught:
        read_annotations(path, format="txt")
    assert "`yolo`" in caught.value.hint


def test_it_is_not_written(tmp_path, save):
    with pytest.raises(UsageError, match="yolo is read, but not written"):
        convert(save("a.txt", LINE), tmp_path / "out", to="yolo")


@pytest.mark.parametrize("format", [None, "yolo"])
def test_a_data_set_reads_labels_beside_its_images(tmp_path, save, format):
    save("a.txt", LINE)
    save("b.txt", "")
    (tmp_path / "classes.txt").write_text("head\n")
    dataset = Folder(root=tmp_path, format=format, split="all")
    assert [len(dataset.annotation(i).points) for i in range(2)] == [1, 0]
    assert dataset.annotation(0).points[0].tolist() == pytest.approx([30, 10])
    assert dataset.annotation(0).lengths["head_height"].tolist() == pytest.approx([8])
    assert check(tmp_path).people == 1


def test_a_data_set_reads_labels_in_a_folder_of_their_own(tmp_path, save):
    save("labels/a.txt", LINE, "images/a.jpg")
    (tmp_path / "labels" / "classes.txt").write_text("head\n")
    report = check(tmp_path / "images", annotations=tmp_path / "labels")
    assert (report.ok, report.images, report.people) == (True, 1, 1)


@pytest.mark.parametrize("name", ["classes.txt", "labels.txt", "obj.names", "_darknet.labels"])
def test_names_of_classes_lie_where_tools_put_them(tmp_path, save, name):
    save("data/a.txt", "1 0.5 0.25 0.1 0.2\n")
    (tmp_path / name).write_text("car\nhead\n")
    for place in (tmp_path, tmp_path / "data"):
        assert [m.label for i in read_annotations(place) for m in i.marks] == ["head"]
