"""A model counts, draws and writes; a calibration gives its counts intervals."""

import csv
import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import crowdkit_core
from crowdkit_core import create
from crowdkit_core.data.transforms import Resizing
from crowdkit_core.errors import IncompatibleError, MissingPackageError, UsageError
from crowdkit_core.inference import (
    Calibration,
    Model,
    Sizing,
    calibrate,
    load_model,
    write_calibration,
)
from crowdkit_core.inference import with_calibration as calibrated
from crowdkit_core.weights import save_weights

KNOWN = Calibration(predicted=(100.0,) * 20, actual=tuple(range(80, 120, 2)))


@pytest.fixture
def model(make_counter):
    return Model(counter=make_counter("BrightnessCounter"), calibration=KNOWN)


@pytest.fixture
def photo(tmp_path):
    """90 red pixels, which the counter takes for people."""
    pixels = np.zeros((30, 40, 3), dtype=np.uint8)
    pixels[:9, :10, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_model_counts_images_and_files(model, photo, tmp_path):
    counted = model(photo)
    assert counted.count == pytest.approx(90)
    assert (counted.interval.low, counted.interval.high) == pytest.approx(
        (KNOWN.interval(90).low, KNOWN.interval(90).high)
    )
    assert counted.interval.low < 90 < counted.interval.high
    left = [[0, 0], [5, 0], [5, 30], [0, 30]]
    with Image.open(photo) as image:
        assert model(image, roi=left).count == pytest.approx(45)
    assert [each.count for each in model.count_paths([tmp_path])] == [counted.count]


def test_a_model_counts_as_it_is_set(model, photo):
    smaller = replace(model, sizing=Sizing(resizing=Resizing(scale=0.5)), level=0.8)
    counted = smaller(photo)
    assert counted.shown_size == (15, 20)
    assert counted.interval.level == 0.8
    unsure = replace(model, level=0.99)(photo)
    assert unsure.interval is None
    assert "20 images, a level of 0.99 needs 99" in unsure.notes[0]


def test_a_count_reads_as_a_sentence(model, photo):
    assert str(model(photo)) == f"90 people ({model(photo).interval})"
    assert str(replace(model, calibration=None)(photo)) == "90 people"
    one = np.zeros((8, 8, 3), dtype=np.uint8)
    one[0, 0, 0] = 255
    assert str(replace(model, calibration=None)(one)) == "1 person"


def test_the_picture_shows_the_photo(model, photo):
    with Image.open(photo) as image:
        figures = [model(each).plot() for each in (photo, image)]
    for figure in figures:
        photo_axes = figure.axes[0].get_window_extent()
        assert photo_axes.width / photo_axes.height == pytest.approx(40 / 30)
        assert figure.axes[1].texts[0].get_text() == str(model(photo))
    with pytest.raises(UsageError, match="without its pixels"):
        replace(model(photo), source=None).plot()


def test_everything_is_written_by_its_suffix(model, photo, tmp_path):
    counted = model(photo)
    for name in ("out.png", "out.npy", "out.csv", "out.json"):
        counted.save(tmp_path / "new" / name)
    with Image.open(tmp_path / "new/out.png") as picture:
        assert picture.width == 800  # and below the photo a legend
        assert 600 < picture.height < 720
    assert np.load(tmp_path / "new/out.npy").sum() == pytest.approx(90)
    with (tmp_path / "new/out.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert float(row["low"]) == pytest.approx(counted.interval.low)
    assert float(row["level"]) == 0.9
    assert json.loads((tmp_path / "new/out.json").read_text()) == json.loads(counted.to_json())
    with pytest.raises(UsageError, match=r"out\.txt: expected \.png, \.npy, \.csv or \.json"):
        counted.save(tmp_path / "out.txt")
    with pytest.raises(IncompatibleError, match="no density map"):
        replace(counted, density=None).save(tmp_path / "out.npy")


def test_json_holds_points_and_notes(model, photo, localizer):
    counted = replace(model, localizer=localizer, level=0.99)(photo)
    content = json.loads(counted.to_json())
    assert content["count"] == pytest.approx(90)
    assert content["low"] is None
    assert content["points"][0] == [0.5, 0.5, 1.0]
    assert len(content["points"]) == 90
    assert content["notes"] == list(counted.notes)
    assert "points" not in json.loads(model(photo).to_json())


def test_a_notebook_shows_picture_and_count(model, photo):
    shown = model(photo)._repr_html_()
    assert "<img src=" in shown
    assert f"photo.png: {model(photo)}" in shown
    counted = replace(model(photo), name="<b>&.png")
    assert "<b>" not in counted._repr_html_()
    assert "&lt;b&gt;&amp;.png: 90 people" in counted._repr_html_()
    counted = model(photo)
    photo.unlink()
    assert "<img" not in counted._repr_html_()


def test_a_data_frame_has_the_columns_of_the_csv(model, photo, tmp_path):
    frame = model(photo).to_dataframe()
    model(photo).save(tmp_path / "row.csv")
    header = (tmp_path / "row.csv").read_text().splitlines()[0]
    assert list(frame.columns) == header.split(",")
    assert frame["count"][0] == pytest.approx(90)


def test_a_data_frame_needs_pandas(model, photo, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        MissingPackageError, match=r"needs the package pandas\n.*pip install .*\[pandas\]"
    ):
        model(photo).to_dataframe()


def test_a_calibration_holds_counts_as_the_model_gives_them(model):
    scenes = create("dataset", "synthetic", images=20, size=(64, 64), people=(0, 9), split="test")
    smaller = replace(model, sizing=Sizing(resizing=Resizing(scale=0.5)), weights="abc")
    done = []
    known = calibrate(smaller, scenes, progress=lambda number, of: done.append((number, of)))
    assert known.actual == tuple(float(len(scene.points)) for scene in scenes)
    assert known.predicted == tuple(smaller(scene.image).count for scene in scenes)
    assert (known.weights, known.sizing) == ("abc", "scale 0.5")
    assert done[-1] == (20, 20)
    few = create("dataset", "synthetic", images=19, size=(64, 64), people=(0, 9), split="test")
    with pytest.raises(UsageError, match="has 19 images, a calibration needs 20"):
        calibrate(smaller, few)


def test_a_calibration_goes_with_its_weights_and_sizes(tmp_path, monkeypatch):
    torch.manual_seed(0)
    files = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for file in files:
        save_weights(file, create("counter", "mcnn"), component="mcnn")
    first, second = map(load_model, files)
    scenes = create("dataset", "synthetic", images=20, size=(64, 64), people=(0, 9), split="test")
    known = calibrate(first, scenes)
    assert calibrated(first, known).calibration == known
    with pytest.raises(UsageError, match="made with other weights"):
        calibrated(second, known)
    larger = replace(first, sizing=Sizing(resizing=Resizing(scale=2)))
    with pytest.raises(UsageError, match=r"another size \(own size, not scale 2\)"):
        calibrated(larger, known)
    write_calibration(tmp_path / "mine.json", known)
    loaded = crowdkit_core.load(files[0], calibration=tmp_path / "mine.json", device="cpu")
    assert (
        loaded(scenes[0].image).interval
        == replace(first, calibration=known)(scenes[0].image).interval
    )
    anyone = replace(known, weights="", sizing="")
    assert calibrated(second, anyone).calibration == anyone
