"""Counting without torch gives what crowdkit counts."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from crowdkit_onnx import load
from crowdkit_onnx import tiles as tiles_alone
from PIL import Image

from crowdkit_core import create
from crowdkit_core.inference import load_model
from crowdkit_core.inference.ways import PLAIN

CLOSE = {"rtol": 1e-4, "atol": 1e-6}
"""Of torch and onnxruntime, whose sums differ by rounding."""


def assert_same(alone, counted):
    assert alone.name == counted.name
    assert alone.size == counted.size
    assert alone.shown_size == (counted.shown_size or counted.size)
    assert alone.count == pytest.approx(counted.count, rel=1e-4)
    assert alone.stride == counted.stride
    assert alone.notes == counted.notes
    np.testing.assert_allclose(alone.density, counted.density.numpy(), **CLOSE)
    assert (alone.interval is None) == (counted.interval is None)
    if counted.interval is not None:
        assert alone.interval.level == counted.interval.level
        assert alone.interval.low == pytest.approx(counted.interval.low, rel=1e-3)
        assert alone.interval.high == pytest.approx(counted.interval.high, rel=1e-3)
    assert alone.found == counted.found
    np.testing.assert_allclose(
        sorted(alone.points.tolist()), sorted(counted.points.xy.tolist()), rtol=1e-5
    )
    np.testing.assert_allclose(alone.scores, counted.points.score.numpy(), **CLOSE)
    assert str(alone) == str(counted)


def test_counts_as_the_model_does(model, file, scenes):
    alone = load(file, points=True)
    second = 0
    for scene in scenes:
        found = alone(str(scene))
        second += found.shown_size != alone.metadata.sizing.first(found.size)
        assert_same(found, model(str(scene)))
    assert 0 < second < len(scenes)  # both ways were taken


def test_in_its_own_size_where_nothing_is_known(plain_file, scenes):
    alone = load(plain_file)
    for scene in scenes:
        counted = alone(scene)
        assert counted.shown_size == counted.size
        assert counted.interval is None
        assert counted.points is None
        assert counted.things == "people"


def test_pictures_arrays_and_files_are_one(file, scenes):
    alone = load(file)
    image = Image.open(scenes[0])
    by_file = alone(scenes[0])
    for given in (image, np.array(image)):
        counted = alone(given)
        assert counted.name == ""
        assert counted.count == by_file.count
    grey = image.convert("L")
    assert alone(np.array(grey)).count == alone(grey).count


def test_tiles_give_the_map_of_the_whole(plain_file, scenes, monkeypatch):
    alone = load(plain_file, points=True)
    whole = alone(scenes[2])
    monkeypatch.setattr(tiles_alone, "AUTO_PIXELS", 100 * 100)
    seen = []
    run = alone.session.run
    monkeypatch.setattr(
        type(alone.session), "run", lambda self, *given: seen.append(given) or run(*given)
    )
    tiled = alone(scenes[2])
    assert len(seen) > 1
    assert tiled.count == pytest.approx(whole.count, rel=1e-5)
    np.testing.assert_allclose(tiled.density, whole.density, **CLOSE)


def test_neither_torch_nor_crowdkit_is_imported(file, scenes):
    program = """
import sys
from crowdkit_onnx.__main__ import main
code = main(sys.argv[1:])
print(sorted({"torch", "crowdkit_core", "scipy"} & {name.split(".")[0] for name in sys.modules}))
sys.exit(code)
"""
    arguments = [str(scenes[0]), "--model", str(file), "--level", "0.8"]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    line, imported = done.stdout.splitlines()
    assert line.startswith(f"{scenes[0]}\t")
    assert "(80 %:" in line
    assert imported == "[]"


@pytest.mark.slow
def test_people(tmp_path):
    model = load_model("people")
    exported = model.export(tmp_path / "people.onnx")
    alone = load(exported.path, points=True)
    assert alone.metadata.terms == model.card.terms
    assert alone.metadata.sha256 == model.card.sha256
    model = replace(model, localizer=create("localizer", "local-maxima"), way=PLAIN)
    dataset = create("dataset", "synthetic", images=2, size=(300, 401), people=(100, 300))
    for index in range(2):
        image = tmp_path / f"{index}.png"
        Image.fromarray(dataset[index].image.permute(1, 2, 0).numpy()).save(image)
        assert_same(alone(str(image)), model(str(image)))
