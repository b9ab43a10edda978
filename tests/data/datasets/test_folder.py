import json

import numpy as np
import pytest
from PIL import Image

from crowdkit_core.data import Columns, Folder
from crowdkit_core.errors import DataError, MissingFileError, SizeMismatchError, UsageError
from crowdkit_core.testing import check_dataset


@pytest.fixture
def photos(tmp_path, save_image):
    """Ten photos, 1.jpg to 10.jpg, 60 wide and 40 high."""
    for number in range(1, 11):
        save_image(tmp_path / f"{number}.jpg")
    return tmp_path


def table(folder, rows, header="image,x,y", name="annotations.csv"):
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def points_of(dataset):
    annotations = [dataset.annotation(i) for i in range(len(dataset))]
    return {annotation.name: annotation.points.tolist() for annotation in annotations}


ALL = {f"{n}.jpg": [[float(n), 2.0], [3.5, 4.25]] for n in range(1, 11)}
ROWS = [f"{name},{x},{y}" for name, points in ALL.items() for x, y in points]


def test_csv_of_all_points(photos):
    table(photos, ROWS)
    dataset = Folder(root=photos, split="all")
    assert points_of(dataset) == ALL
    sample = dataset[2]
    assert sample.size == (40, 60)
    assert sample.points.canvas_size == (40, 60)
    check_dataset(dataset)


@pytest.mark.parametrize("separator", [";", "\t"])
def test_other_separators_and_byte_order_mark(photos, separator):
    text = "\n".join(["image,x,y", *ROWS]).replace(",", separator)
    (photos / "annotations.csv").write_text(text, encoding="utf-8-sig")
    assert points_of(Folder(root=photos, split="all")) == ALL


@pytest.mark.parametrize(
    "content",
    [
        ALL,
        [{"image": name, "points": points} for name, points in ALL.items()],
        [{"image": n, "x": x, "y": y} for n, points in ALL.items() for x, y in points],
    ],
    ids=["by image", "records of images", "records of points"],
)
def test_json(photos, content):
    (photos / "annotations.json").write_text(json.dumps(content))
    assert points_of(Folder(root=photos, split="all")) == ALL


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".csv", "x,y\n{0},2\n3.5,4.25\n"),
        (".csv", "{0},2\n3.5,4.25"),
        (".txt", "{0} 2\n3.5 4.25\n"),
    ],
)
@pytest.mark.parametrize("where", ["", "labels"])
def test_a_list_for_each_image(photos, suffix, text, where):
    (photos / where).mkdir(exist_ok=True)
    for number in range(1, 11):
        (photos / where / f"{number}{suffix}").write_text(text.format(number))
    dataset = Folder(root=photos, annotations=where or None, split="all")
    assert points_of(dataset) == ALL


def test_columns_can_be_named(photos):
    rows = [f"{y},{x},{name}" for name, points in ALL.items() for x, y in points]
    table(photos, rows, header="row,col,photo", name="dots.csv")
    columns = Columns(image="photo", x="col", y="row")
    dataset = Folder(root=photos, annotations="dots.csv", columns=columns, split="all")
    assert points_of(dataset) == ALL


def test_a_wrong_column_is_named_with_those_found(photos):
    table(photos, ROWS, header="image,x,why")
    with pytest.raises(
        DataError, match=r"annotations.csv: no column 'y', found 'image', 'x', 'why'"
    ):
        Folder(root=photos)


def test_one_based_points_are_half_a_pixel_less(photos):
    table(photos, ROWS)
    moved = points_of(Folder(root=photos, split="all", one_based=True))
    assert moved["3.jpg"] == [[2.5, 1.5], [3.0, 3.75]]


def test_images_may_be_named_shortly_where_that_is_clear(tmp_path, save_image):
    save_image(tmp_path / "images" / "a.jpg")
    save_image(tmp_path / "images" / "b.png")
    table(tmp_path, ["a,1,2", "b.png,3,4"])
    expected = {"images/a.jpg": [[1.0, 2.0]], "images/b.png": [[3.0, 4.0]]}
    assert points_of(Folder(root=tmp_path, split="all")) == expected


def test_an_ambiguous_short_name_is_refused(tmp_path, save_image):
    save_image(tmp_path / "day" / "a.jpg")
    save_image(tmp_path / "night" / "a.jpg")
    table(tmp_path, ["a.jpg,1,2"])
    with pytest.raises(DataError, match=r"'a.jpg' may be .*day.* or .*night"):
        Folder(root=tmp_path, split="all")


class TestImagesWithoutPoints:
    def test_an_empty_row_lists_an_image_without_people(self, photos):
        table(photos, ["1.jpg,,", *ROWS[2:]])
        assert points_of(Folder(root=photos, split="all"))["1.jpg"] == []

    def test_an_image_nothing_mentions_is_an_error(self, photos):
        table(photos, ROWS[2:])
        dataset = Folder(root=photos, split="all")
        with pytest.raises(MissingFileError, match=r"annotations.csv: no points of image 1.jpg"):
            dataset.annotation(0)

    def test_unless_it_is_said_to_be_empty(self, photos):
        table(photos, ROWS[2:])
        points = points_of(Folder(root=photos, split="all", unannotated="empty"))
        assert len(points) == 10
        assert points["1.jpg"] == []

    def test_or_left_out(self, photos):
        table(photos, ROWS[2:])
        points = points_of(Folder(root=photos, split="all", unannotated="skip"))
        assert points == {name: p for name, p in ALL.items() if name != "1.jpg"}

    def test_a_missing_list_is_an_error(self, photos):
        (photos / "1.txt").write_text("1 2")
        dataset = Folder(root=photos, split="all")
        assert dataset.annotation(0).points.tolist() == [[1.0, 2.0]]
        with pytest.raises(MissingFileError, match=r"2.jpg"):
            dataset.annotation(1)

    def test_an_empty_list_means_nobody(self, photos):
        (photos / "1.txt").write_text("")
        assert len(Folder(root=photos, split="all").annotation(0).points) == 0


def test_a_row_without_its_image_names_the_image(photos):
    table(photos, [*ROWS, "gone.jpg,1,2"])
    dataset = Folder(root=photos, split="all")
    assert len(dataset) == 11
    with pytest.raises(MissingFileError, match=r"gone.jpg: no such file"):
        dataset.annotation(10)


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("1.jpg,abc,2", r"line 22: \('abc', '2'\), expected two numbers"),
        ("1.jpg,,2", r"line 22: \('', '2'\), expected two numbers"),
        ("1.jpg,nan,2", "expected finite numbers"),
        ("1.jpg,5000,2", "outside the image of 60 x 40"),
    ],
)
def test_a_bad_row_names_file_and_place(photos, row, cause):
    table(photos, [*ROWS, row])
    with pytest.raises(DataError, match=cause) as caught:
        Folder(root=photos, split="all").annotation(0)
    assert str(photos / "annotations.csv") in caught.value.message


def test_a_row_with_too_many_cells_is_refused(photos):
    table(photos, [*ROWS, "1.jpg,1,2,3"])
    with pytest.raises(DataError, match=r"line 22 has 4 cells, the header 3"):
        Folder(root=photos)


@pytest.mark.parametrize("text", ["{", "3", '{"1.jpg": [[1, 2, 3]]}', '{"1.jpg": 5}', '[{"x": 1}]'])
def test_json_of_another_form_is_refused(photos, text):
    (photos / "annotations.json").write_text(text)
    with pytest.raises(DataError, match=r"annotations.json"):
        Folder(root=photos)


class TestSplits:
    def names(self, root, split, **options):
        return [entry.name for entry in Folder(root=root, split=split, **options).entries]

    def test_validation_is_every_tenth_in_natural_order(self, photos):
        table(photos, ROWS)
        assert self.names(photos, "validation") == ["10.jpg"]
        assert self.names(photos, "train") == [f"{n}.jpg" for n in range(1, 10)]

    def test_options_divide_without_overlap(self, photos):
        table(photos, ROWS)
        rule = {"test_every": 3, "test_last": 2, "validation_every": 4}
        test = self.names(photos, "test", **rule)
        validation = self.names(photos, "validation", **rule)
        train = self.names(photos, "train", **rule)
        assert test == ["3.jpg", "6.jpg", "9.jpg", "10.jpg"]
        assert validation == ["5.jpg"]
        assert sorted(test + validation + train) == sorted(ALL)

    def test_no_test_images_says_what_to_set(self, photos):
        table(photos, ROWS)
        with pytest.raises(DataError, match=r"split 'test' is empty") as caught:
            Folder(root=photos, split="test")
        assert "test_every" in caught.value.hint

    def test_a_column_names_splits(self, photos):
        splits = ["train"] * 6 + ["val", "validation", "test", "test"]
        rows = [f"{n}.jpg,1,1,{split}" for n, split in enumerate(splits, 1)]
        table(photos, rows, header="image,x,y,split")
        assert self.names(photos, "validation") == ["7.jpg", "8.jpg"]
        assert self.names(photos, "test") == ["9.jpg", "10.jpg"]
        assert len(self.names(photos, "train")) == 6

    def test_an_unknown_split_is_refused(self, photos):
        table(photos, [f"{n}.jpg,1,1,trian" for n in range(1, 11)], header="image,x,y,split")
        with pytest.raises(DataError, match="'trian'"):
            Folder(root=photos)

    def test_folders_name_splits_and_have_their_own_tables(self, tmp_path, save_image):
        for part in ("train", "test"):
            for number in range(1, 11):
                save_image(tmp_path / part / f"{number}.jpg")
            table(tmp_path / part, ROWS)
        assert self.names(tmp_path, "test") == [f"test/{n}.jpg" for n in range(1, 11)]
        assert self.names(tmp_path, "validation") == ["train/10.jpg"]

    def test_holding_out_every_image_is_refused(self, photos):
        table(photos, ROWS)
        with pytest.raises(UsageError):
            Folder(root=photos, validation_every=1)


class TestRegion:
    def test_masks_say_where_people_count(self, photos):
        table(photos, ROWS)
        (photos / "masks").mkdir()
        mask = np.zeros((40, 60), dtype=np.uint8)
        mask[:, :5] = 255
        Image.fromarray(mask).save(photos / "masks" / "1.png")
        dataset = Folder(root=photos, roi="masks", split="all")
        assert len(dataset) == 10
        assert dataset[0].roi.sum() == 40 * 5
        assert dataset[1].roi is None

    def test_a_mask_of_another_size_is_refused(self, photos):
        table(photos, ROWS)
        (photos / "masks").mkdir()
        Image.new("L", (10, 10)).save(photos / "masks" / "1.png")
        with pytest.raises(SizeMismatchError, match=r"1.png: the mask is 10 x 10"):
            Folder(root=photos, roi="masks", split="all").annotation(0)


def test_a_folder_without_annotations_says_what_is_expected(photos):
    with pytest.raises(MissingFileError, match=r"no annotations, expected annotations.csv"):
        Folder(root=photos)


def test_a_missing_root_is_named(tmp_path):
    with pytest.raises(DataError, match="gone: no such folder"):
        Folder(root=tmp_path / "gone")
