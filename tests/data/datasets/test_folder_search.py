"""What annotates a user's folder of images: the data set, the check and the conversion agree."""

import json
import os
from pathlib import Path

import pytest

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import convert, read_annotations, recognise
from crowdkit_core.errors import DataError

SHAPE = {"label": "p", "points": [[12, 30]], "shape_type": "point"}
KEYPOINT = {
    "id": "k",
    "type": "keypointlabels",
    "original_width": 60,
    "original_height": 40,
    "image_rotation": 0,
    "value": {"x": 20, "y": 75, "keypointlabels": ["p"]},
}
COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 60, "height": 40}],
    "categories": [{"id": 1, "name": "p"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 28, 4, 4]}],
}
VIA = {
    "a.jpg5": {
        "filename": "a.jpg",
        "regions": [{"shape_attributes": {"name": "point", "cx": 12, "cy": 30}}],
    }
}
CVAT = (
    '<annotations><image id="0" name="a.jpg" width="60" height="40">'
    '<points label="p" points="12,30"/></image></annotations>'
)
VIA_CSV = (
    "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,"
    'region_attributes\na.jpg,5,"{}",1,0,"{""name"":""point"",""cx"":12,""cy"":30}","{}"\n'
)
STUDIO = [{"data": {"image": "a.jpg"}, "annotations": [{"result": [KEYPOINT]}]}]
TABLE = "image,x,y\na.jpg,12,30\n"
YOLO = "0 0.2 0.75 0.1 0.1\n"


@pytest.fixture
def photos(tmp_path, save_image):
    """Write files into a folder of photos, images where the name says so."""

    def save(files, images=("a.jpg",)):
        root = tmp_path / "photos"
        for name in images:
            save_image(root / name)
        for name, content in files.items():
            path = root / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix in (".jpg", ".png"):
                save_image(path)
            else:
                path.write_text(content if isinstance(content, str) else json.dumps(content))
        return root

    return save


def points_of(root, **options):
    dataset = Folder(root=root, split="all", validation_every=0, **options)
    annotations = map(dataset.annotation, range(len(dataset)))
    return {each.name: each.points.round().tolist() for each in annotations}


@pytest.mark.parametrize(
    ("files", "format"),
    [
        ({"instances_default.json": COCO}, "coco"),
        ({"annotations/instances_default.json": COCO}, "coco"),
        ({"_annotations.coco.json": COCO, "README.txt": "x y"}, "coco"),
        ({"result.json": COCO, "notes.json": {"by": "Anna"}, "counts.csv": "image,n\na,1"}, "coco"),
        ({"project-1-at-2024-05-01-10-00-0a1b2c3d.json": STUDIO}, "label-studio"),
        ({"via_project_1May2024_10h0m.json": {"_via_img_metadata": VIA}}, "via-json"),
        ({"via_export_json.json": VIA}, "via-json"),
        ({"via_export_csv.csv": VIA_CSV}, "via-csv"),
        ({"default.xml": CVAT, "voc.xml": "<annotation/>"}, "cvat"),
        ({"points.csv": TABLE}, "csv"),
        ({"points.json": {"a.jpg": [[12, 30]]}}, "json"),
        ({"points.json": [{"image": "a.jpg", "x": 12, "y": 30}]}, "json"),
        ({"labels_my-project_2024-05-01.csv": "p,12,30,a.jpg,60,40\n"}, "make-sense"),
        ({"annotations.csv": TABLE, "points.csv": TABLE}, "csv"),
        ({"a.txt": "12 30\n", "points.csv": "image,x,y\na.jpg,1,1\n"}, "txt"),
        ({"A.TXT": "12 30\n"}, "txt"),
        ({"a.jpg.txt": "12 30\n"}, "txt"),
        ({"a.txt": "10,28,4,4,1,1,0,0\n"}, "visdrone"),
        ({"a.csv": "x,y\n12,30\n"}, "txt"),
        ({"a.txt": YOLO}, "yolo"),
        ({"a.json": {"shapes": [SHAPE], "imagePath": "a.jpg"}}, "labelme"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else value,
)
def test_annotations_are_found_under_the_names_tools_give(photos, tmp_path, files, format):
    root = photos(files)
    assert points_of(root) == {"a.jpg": [[12, 30]]}
    assert check(root).ok
    assert recognise(root) == format
    done = convert(root, tmp_path / "out.csv")
    assert (done.source, done.images, done.points) == (format, 1, 1)
    assert read_annotations(tmp_path / "out.csv")[0].name == "a.jpg"


@pytest.mark.parametrize(
    ("files", "images"),
    [
        (
            {"labels/train/a.txt": YOLO, "labels/val/b.txt": "", "labels/classes.txt": "head\n"},
            ("images/train/a.jpg", "images/val/b.jpg"),
        ),
        (
            {"annotations/a.txt": "10,28,4,4,1,1,0,0\n", "annotations/b.txt": ""},
            ("images/a.jpg", "images/b.jpg"),
        ),
        (
            {"train/labels/a.txt": YOLO, "valid/labels/b.txt": "", "README.dataset.txt": "x"},
            ("train/images/a.jpg", "valid/images/b.jpg"),
        ),
        (
            {
                "train/_annotations.coco.json": COCO,
                "valid/_annotations.coco.json": {
                    "images": [{"id": 1, "file_name": "b.jpg"}],
                    "annotations": [],
                    "categories": [],
                },
            },
            ("train/a.jpg", "valid/b.jpg"),
        ),
        (
            {"all.json": {**COCO, "images": [*COCO["images"], {"id": 2, "file_name": "b.jpg"}]}},
            ("train/a.jpg", "test/b.jpg"),
        ),
    ],
    ids=["yolo", "visdrone", "yolo by split", "coco by split", "one export of all splits"],
)
def test_folders_as_tools_lay_them_out(photos, tmp_path, files, images):
    root = photos(files, images)
    assert points_of(root) == {images[0]: [[12, 30]], images[1]: []}
    done = convert(root, tmp_path / "out.csv")
    assert (done.images, done.points) == (2, 1)
    assert {each.name for each in read_annotations(tmp_path / "out.csv")} == set(images)


@pytest.mark.parametrize(
    "files",
    [
        {"instances.json": COCO, "points.csv": TABLE},
        {"annotations.csv": TABLE, "annotations.json": COCO},
    ],
    ids="+".join,
)
def test_several_files_of_all_images_are_refused(photos, tmp_path, files):
    root = photos(files)
    for read in (points_of, lambda root: convert(root, tmp_path / "out.csv")):
        with pytest.raises(DataError, match="several files annotate its images") as caught:
            read(root)
        assert all(name in caught.value.message for name in files)
        assert "`annotations`" in caught.value.hint
    assert points_of(root, annotations=Path(next(iter(files)))) == {"a.jpg": [[12, 30]]}


def test_an_export_that_cannot_be_read_is_named(photos, tmp_path):
    root = photos({"instances_default.json": '{"images": ['})
    for read in (points_of, lambda root: convert(root, tmp_path / "out.csv")):
        with pytest.raises(DataError, match=r"no annotations, .*instances_default\.json: not JSON"):
            read(root)


def test_a_list_that_names_another_image_is_refused(photos):
    root = photos({"a.csv": "image,x,y\na.jpg,12,30\nb.jpg,1,1\n"})
    with pytest.raises(DataError, match=r"a\.csv: line 3: image 'b\.jpg' in what is by its name"):
        points_of(root)
    (root / "a.csv").write_text("image,x,y\nA.JPG,12,30\n")
    assert points_of(root) == {"a.jpg": [[12, 30]]}


def test_a_lone_export_in_a_folder_without_images(photos, tmp_path):
    folder = photos({"export/instances_default.json": COCO}) / "export"
    assert convert(folder, tmp_path / "out.csv").source == "coco"
    lists = photos({"lists/a.csv": "12,30\n"}) / "lists"
    assert convert(lists, tmp_path / "other.csv").source == "txt"


def test_conversion_leaves_out_images_that_nothing_is_said_of(photos, tmp_path):
    root = photos({"a.txt": "12 30\n"}, ("a.jpg", "b.jpg"))
    assert convert(root, tmp_path / "out.csv").images == 1
    assert not check(root).ok


def test_one_list_of_two_images_is_refused(photos, tmp_path):
    root = photos({"a.txt": "12 30\n"}, ("a.jpg", "a.png"))
    for read in (points_of, lambda root: convert(root, tmp_path / "out.csv")):
        with pytest.raises(DataError, match=r"a\.txt: annotates two images, .*a\.jpg and .*a\.png"):
            read(root)
    both = photos({"labels/a.txt": "12 30\n"})
    with pytest.raises(DataError, match="annotates two images"):
        points_of(both, annotations="labels")


def test_lists_may_keep_the_endings_of_their_images(photos):
    root = photos({"a.jpg.txt": "12 30\n", "a.png.txt": "1 1\n"}, ("a.jpg", "a.png"))
    assert points_of(root) == {"a.jpg": [[12, 30]], "a.png": [[1, 1]]}


def test_splits_may_be_in_capitals(photos):
    root = photos({"annotations.csv": "image,x,y,split\na.jpg,12,30,Train\n"})
    assert len(Folder(root=root, split="train", validation_every=0)) == 1


def test_two_lists_of_one_image_are_refused(photos):
    root = photos({"images/a.txt": "12 30\n", "labels/a.txt": "1 1\n"}, ("images/a.jpg",))
    with pytest.raises(DataError, match=r"a\.jpg: annotated twice, by .*images/a.* and .*labels/a"):
        points_of(root)


@pytest.mark.parametrize(
    "left_behind",
    [
        "._a.txt",
        "._b.jpg",
        ".DS_Store",
        "Thumbs.db",
        "a.txt~",
        "~$a.csv",
        ".ipynb_checkpoints/a-checkpoint.txt",
        ".ipynb_checkpoints/a-checkpoint.jpg",
        "__MACOSX/a.txt",
        "__MACOSX/a.jpg",
        "@eaDir/a.jpg/thumbnail.jpg",
    ],
)
def test_what_systems_leave_behind_is_no_list_and_no_image(photos, left_behind):
    files = {f"labels/{left_behind}": "1 1\n", f"images/{left_behind}": "1 1\n"}
    root = photos({"labels/a.txt": "12 30\n", **files}, ("images/a.jpg",))
    report = check(root / "images", annotations=root / "labels")
    assert (report.ok, report.images, report.people) == (True, 1, 1)
    assert points_of(root) == {"images/a.jpg": [[12, 30]]}
    assert len(read_annotations(root)) == 1
    for file in (root / "images").rglob("*"):
        if file.is_file():
            file.unlink()
    assert [image.name for image in read_annotations(root / "labels")] == ["a"]


class TestNames:
    @pytest.mark.parametrize("name", ["{}/a.jpg", "file://{}/a.jpg", "../photos/A.JPG"])
    def test_absolute_names_of_images_below_a_relative_root(self, photos, monkeypatch, name):
        root = photos({})
        (root / "annotations.csv").write_text(f"image,x,y\n{name.format(root)},12,30\n")
        monkeypatch.chdir(root.parent)
        assert points_of(Path("photos")) == {"a.jpg": [[12, 30]]}

    @pytest.mark.parametrize(
        "name",
        [
            "/etc/hosts",
            "../b.jpg",
            r"D:\other\a.jpg",
            "https://example.org/a.jpg",
            "x" * 300,
            "x/" * 3000 + "a.jpg",
        ],
    )
    def test_names_of_other_places_are_refused_and_never_read(self, photos, save_image, name):
        root = photos({"annotations.csv": f"image,x,y\n{name},12,30\n"})
        save_image(root.parent / "b.jpg")
        with pytest.raises(DataError, match=r"annotations\.csv: .* is no image of .*photos"):
            points_of(root)
        [finding] = check(root).findings
        assert "name images by their path below" in finding.message

    @pytest.mark.parametrize("name", ["a\0.jpg", "\ud800.jpg"])
    def test_names_that_no_file_can_have(self, photos, name):
        root = photos({"annotations.json": {name: [[12, 30]]}})
        with pytest.raises(DataError, match=r"annotations\.json: .* is no image of"):
            points_of(root)

    def test_two_spellings_of_one_image_are_refused(self, photos):
        root = photos({"annotations.csv": f"{TABLE}A.JPG,1,1\n"})
        with pytest.raises(DataError, match=r"'a\.jpg' and 'A\.JPG' are the same image"):
            points_of(root)


def test_yolo_beyond_the_image_is_no_point(photos):
    root = photos({"a.txt": "0 1.0003 0.75 0.25 0.2\n"})
    [finding] = check(root).findings
    assert "a.txt: line 1: cx is 1.0003, expected a share of the image" in finding.message


def test_shares_of_the_image_are_no_pixels(photos):
    root = photos({"a.txt": "0.1 0.2\n0.3 0.4\n0.5 0.6\n"})
    with pytest.raises(DataError, match=r"a\.txt.*all 3 points lie in the first pixel") as caught:
        points_of(root)
    assert "shares of the image" in caught.value.hint
    (root / "a.txt").write_text("0.5 0.5\n1 1\n")
    assert points_of(root)
