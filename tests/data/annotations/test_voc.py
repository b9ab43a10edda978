"""Pascal VOC as labelImg and others write it."""

import pytest

from crowdkit_core.data import check
from crowdkit_core.data.annotations import read_annotations, recognise
from crowdkit_core.errors import DataError

HEAD = """<object><name>head</name><pose>Unspecified</pose><truncated>0</truncated>
<difficult>1</difficult>
<bndbox><xmin>10</xmin><ymin>20</ymin><xmax>14</xmax><ymax>30.0</ymax></bndbox></object>"""


def save(path, *objects, name="a.jpg", width=80, height=60):
    path.write_text(
        f"<annotation><folder>x</folder><filename>{name}</filename><path>C:\\x\\{name}</path>"
        f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"
        f"<segmented>0</segmented>{''.join(objects)}</annotation>"
    )
    return path


def test_a_box(tmp_path):
    path = save(tmp_path / "a.xml", HEAD)
    assert recognise(path) == "voc"
    (image,) = read_annotations(path)
    (mark,) = image.marks
    assert (image.name, image.size, mark.label) == ("a", (60, 80), "head")
    assert (mark.x, mark.y, mark.box) == (12, 25, (10, 20, 14, 30))
    assert image.left_out == {"difficult": 1}


def test_beside_the_images(tmp_path, save_image):
    for name in ("a.jpg", "b.jpg"):
        save_image(tmp_path / name, (60, 80))
    save(tmp_path / "a.xml", HEAD)
    save(tmp_path / "b.xml", name="old-name.jpg")
    found = check(tmp_path)
    assert found.ok
    assert (found.images, found.people, found.least) == (2, 1, 0)
    assert read_annotations(tmp_path)[1].left_out == {"other names of images": 1}


def test_the_folders_of_the_data_set(tmp_path, save_image):
    save_image(tmp_path / "JPEGImages/a.jpg", (60, 80))
    (tmp_path / "Annotations").mkdir()
    save(tmp_path / "Annotations/a.xml", HEAD)
    assert check(tmp_path).people == 1
    assert check(tmp_path / "JPEGImages", annotations=tmp_path / "Annotations").people == 1


def test_half_size_labels_are_refused_and_no_size_is_none(tmp_path, save_image):
    save_image(tmp_path / "a.jpg", (60, 80))
    save(tmp_path / "a.xml", HEAD, width=40, height=30)
    (finding,) = check(tmp_path).findings
    assert finding.kind == "size-mismatch"
    assert "annotated at 40 x 30 pixels, but the image has 80 x 60" in finding.message
    save(tmp_path / "a.xml", HEAD, width=0, height=0)
    assert check(tmp_path).ok


def test_a_table_of_cvat_beside_it_stays_one(tmp_path, save_image):
    save_image(tmp_path / "a.jpg", (60, 80))
    image = '<image id="0" name="a.jpg"><points label="h" points="5,6"/></image>'
    (tmp_path / "task.xml").write_text(f"<annotations>{image}</annotations>")
    assert recognise(tmp_path) == "cvat"
    assert check(tmp_path).people == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("<xmax>14", "<xmax>4", r"object 1, bndbox: from \(10, 20\) to \(4, 30\), expected"),
        ("<xmin>10", "<xmin>nan", "object 1, bndbox: xmin is nan"),
        ("<ymin>20</ymin>", "", "object 1, bndbox: ymin is None, expected a number"),
        ("bndbox>", "robndbox>", "object 1: no <bndbox>; turned boxes"),
    ],
)
def test_errors_name_file_and_object(tmp_path, old, new, message):
    path = save(tmp_path / "a.xml", HEAD.replace(old, new))
    with pytest.raises(DataError, match=rf"a\.xml: {message}"):
        read_annotations(path)
