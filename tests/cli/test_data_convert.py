"""`crowdkit data convert` of a data set by name."""

import pytest
from PIL import Image

from crowdkit_core.data.annotations import read_annotations


@pytest.fixture
def jhu(tmp_path):
    """Two training images and one for validation; none for testing."""
    root = tmp_path / "jhu"
    for split, stem in (("train", "0001"), ("train", "0002"), ("val", "0003")):
        for kind in ("images", "gt"):
            (root / split / kind).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (60, 40)).save(root / split / "images" / f"{stem}.jpg")
        (root / split / "gt" / f"{stem}.txt").write_text("10 20 5 8 1 0\n")
    return ("--dataset", "jhu", "--set", f"dataset.root={root}")


def test_all_splits_that_there_are(crowdkit, jhu, tmp_path):
    done = crowdkit("data", "convert", *jhu, tmp_path / "a.csv")
    assert done.code == 0, done.err
    assert done.out.startswith("3 points of 3 images: jhu (train 2, validation 1) -> ")
    assert "not carried: occlusion (3)" in done.out
    assert "no split test" in done.err
    found = read_annotations(tmp_path / "a.csv")
    assert {image.name: image.split for image in found} == {
        "train/images/0001.jpg": "train",
        "train/images/0002.jpg": "train",
        "val/images/0003.jpg": "validation",
    }


def test_one_split_in_a_named_format(crowdkit, jhu, tmp_path):
    options = ("--to", "labelme", "--split", "validation", "--json")
    done = crowdkit("data", "convert", *jhu, *options, tmp_path / "out")
    assert done.code == 0, done.err
    assert done.json["splits"] == {"validation": 1}
    assert (done.json["source"], done.json["target"]) == ("jhu", "labelme")
    assert (tmp_path / "out/val/images/0003.json").is_file()
    none = crowdkit("data", "convert", *jhu, "--split", "test", tmp_path / "b.csv")
    assert none.code == 1
    assert "split 'test' is empty" in none.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "jhu", "in.csv", "out.csv"], "expected IN OUT, or --dataset NAME OUT"),
        (["out.csv"], "expected IN OUT, or --dataset NAME OUT"),
        (["--dataset", "jhu", "--label", "a", "out.csv"], "--label goes with IN alone"),
        (["--dataset", "jhu", "--head", "top", "out.csv"], "--head goes with IN alone"),
        (["--dataset", "jhu", "--pixel-size", "1", "out.csv"], "--pixel-size goes with IN alone"),
        (["--dataset", "jhu", "--planes", "all", "out.csv"], "--planes goes with IN alone"),
        (["--dataset", "jhu", "--columns", "x=a", "out.csv"], "--columns goes with IN alone"),
        (["--split", "test", "in.csv", "out.csv"], "--split goes with --dataset alone"),
        (["--set", "dataset.root=a", "in.csv", "out.csv"], "--set goes with --dataset alone"),
        (["--dataset", "jhu", "--set", "dataset.split=all", "out.csv"], "dataset.split"),
        (["--dataset", "jhu", "out.csv"], "dataset.root: required"),
    ],
)
def test_a_wrong_request_is_refused(crowdkit, arguments, message):
    done = crowdkit("data", "convert", *arguments)
    assert done.code == 2
    assert message in done.err


def test_a_dataset_that_is_not_there_is_an_error(crowdkit, tmp_path):
    done = crowdkit(
        "data", "convert", "--dataset", "jhu", "--set", f"dataset.root={tmp_path / 'no'}", "a.csv"
    )
    assert done.code == 1
    assert "no such folder" in done.err


def test_a_dry_run_refuses_what_training_would(crowdkit):
    done = crowdkit("train", "--counter", "mcnn", "--loss", "raz", "--dry-run")
    assert done.code == 2
    assert "loss 'raz' needs a map named 'localization'" in done.err
    assert not done.out


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(["csrnet/shanghaitech-a", "--set", "counter.pretrained=NO"], id="pretrained"),
        pytest.param(["mcnn/shanghaitech-a", "--set", "counter.weights=NO.pt"], id="weights"),
    ],
)
def test_a_dry_run_needs_no_files(crowdkit, settings):
    done = crowdkit("train", *settings, "--set", "dataset.root=NOWHERE", "--dry-run")
    assert done.code == 0, done.err
    assert "[counter]" in done.out


def test_help_names_every_format():
    from crowdkit_core.cli import options
    from crowdkit_core.data.annotations import FORMATS

    written = {name for name, each in FORMATS.items() if each.write is not None}
    assert set(options.ANNOTATION_FORMATS.split(", ")) == written
    assert set(options.READ_FORMATS.split(", ")) == set(FORMATS)


def test_a_table_in_micrometres_needs_the_size_of_a_pixel(crowdkit, tmp_path):
    table = tmp_path / "m.tsv"
    table.write_text("Image\tCentroid X µm\tCentroid Y µm\na.tif\t5.25\t10\n", encoding="utf-8")
    refused = crowdkit("data", "convert", table, tmp_path / "a.csv")
    assert refused.code == 1
    assert "in 'µm', not in pixels" in refused.err
    assert "--pixel-size" in refused.err
    done = crowdkit("data", "convert", table, tmp_path / "a.csv", "--pixel-size", "0.5")
    assert done.code == 0, done.err
    assert (tmp_path / "a.csv").read_text() == "image,x,y\na.tif,10.5,20.0\n"


def test_planes_of_a_stack_may_be_one_picture(crowdkit, tmp_path):
    (tmp_path / "a.csv").write_text("index,axis-0,axis-1,axis-2\n0,1,2,3\n1,4,5,6\n")
    refused = crowdkit("data", "convert", tmp_path / "a.csv", tmp_path / "b.csv")
    assert refused.code == 1
    assert "--planes all" in refused.err
    done = crowdkit("data", "convert", tmp_path / "a.csv", tmp_path / "b.csv", "--planes", "all")
    assert done.code == 0, done.err
    assert "not carried: planes (2)" in done.out
    assert (tmp_path / "b.csv").read_text() == "image,x,y\na,3.5,2.5\na,6.5,5.5\n"


def test_columns_may_be_called_otherwise(crowdkit, tmp_path):
    (tmp_path / "a.csv").write_text("file,col,row\na.jpg,1,2\n")
    names = ("--columns", "image=file,x=col,y=row")
    done = crowdkit("data", "convert", tmp_path / "a.csv", tmp_path / "b.json", *names)
    assert done.code == 0, done.err
    assert [(m.x, m.y) for m in read_annotations(tmp_path / "b.json")[0].marks] == [(1, 2)]
    swapped = ("--columns", "image=file,x=row,y=col")
    refused = crowdkit("data", "convert", tmp_path / "a.csv", tmp_path / "c.json", *swapped)
    assert "column 'row' counts rows, so it is y" in refused.err
