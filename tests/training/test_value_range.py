"""A run remembers by which range of values it was shown its images."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from crowdkit_core.cards import Located
from crowdkit_core.evaluation import evaluate
from crowdkit_core.evaluation.parts import evaluation_parts
from crowdkit_core.inference import load_model
from crowdkit_core.inference.known import Known
from crowdkit_core.interfaces import ValueRange
from crowdkit_core.packing import Offered, card_of_run
from crowdkit_core.settings import resolve_recipe
from crowdkit_core.training import train_recipe
from crowdkit_core.training.run_record import read_record

KNOWN = ValueRange(100.0, 3000.0)


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cells")
    random = np.random.default_rng(0)
    for index in range(8):
        values, dots = random.integers(0, 4096, (48, 48)), np.zeros((48, 48), dtype=np.uint8)
        dots[random.integers(0, 48, 12), random.integers(0, 48, 12)] = 255
        tifffile.imwrite(folder / f"{index}cell.tif", values.astype(np.uint16))
        Image.fromarray(dots).save(folder / f"{index}dots.png")
    return folder


@pytest.fixture(scope="module")
def recipe(cells, tmp_path_factory):
    recipe = resolve_recipe(
        {
            "counter": "mcnn",
            "dataset": {
                "name": "dots",
                "root": str(cells),
                "validation_every": 4,
                "value_range": [KNOWN.low, KNOWN.high],
            },
            "trainer": {"name": "supervised", "epochs": 1},
            "run": {"directory": str(tmp_path_factory.mktemp("run")), "accelerator": "cpu"},
        }
    )
    train_recipe(recipe)
    return recipe


def test_weights_know_it_and_count_by_it(recipe, cells):
    run = recipe.run.directory
    model = load_model(run / "best.safetensors")
    assert model.reading.value_range == KNOWN
    assert read_record(run / "data.json").images["train"].endswith("values 100 to 3000")
    file = sorted(cells.glob("*cell.tif"))[0]
    sample = recipe.create("dataset", split="train")[0]
    assert model(file).count == pytest.approx(model(sample.image).count, rel=1e-5)


def test_other_images_are_evaluated_by_it(recipe):
    """Though they would decide another range by themselves."""
    best = recipe.run.directory / "best.safetensors"
    section = {"name": "dots", "root": str(recipe.dataset.options["root"]), "validation_every": 4}
    other = resolve_recipe({"counter": "mcnn", "dataset": section})
    known = Known.of(Located(best)).value_range
    parts = evaluation_parts(other, best, "validation", value_range=known)
    report = evaluate(**parts, device="cpu")
    assert report.stamp["values"] == "100 to 3000 shown as black to white"
    alone = evaluation_parts(other, best, "validation")["dataset"]
    assert alone.value_range != KNOWN


def test_a_card_says_it(recipe):
    card = card_of_run(recipe.run.directory, Offered()).card
    assert card.trained_on.value_range == (100.0, 3000.0)
