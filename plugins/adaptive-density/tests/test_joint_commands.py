"""A joint run from the command line: trained, evaluated, and its generator used again."""

import csv
import json
import tomllib
from pathlib import Path

import pytest
from safetensors.torch import load_file

from crowdkit_core import create, register
from crowdkit_core.cli import main
from crowdkit_core.evaluation.parts import evaluation_parts
from crowdkit_core.settings import load_recipe
from crowdkit_core.testing.toys import ToyCounter, ToyDataset, ToyGenerator

RECIPE = """
counter = "toy"
[dataset]
name = "toys"
length = 4
[density_generator]
name = "toy-generator"
sigma = 3.0
[trainer]
name = "joint"
epochs = 1
batch_size = 2
generator_optimization.learning_rate = 1e-2
"""

GRID = """
[grid]
metrics = ["ssim"]
[[grid.axes]]
name = "target"
[grid.axes.values.learnt]
density_generator = { name = "toy-generator", sigma = 3.0 }
trainer = { name = "joint", epochs = 1 }
[grid.axes.values.fixed]
density_generator = { name = "fixed", sigma = 3.0 }
trainer = { name = "supervised", epochs = 1 }
"""


@pytest.fixture(autouse=True)
def toys():
    with (
        register("counter", "toy", ToyCounter),
        register("dataset", "toys", ToyDataset),
        register("density_generator", "toy-generator", ToyGenerator),
    ):
        yield


@pytest.fixture
def crowdkit(capfd, monkeypatch):
    """Run `crowdkit ARGUMENTS`, which must succeed, and give back what it prints."""

    def run(*arguments) -> str:
        monkeypatch.setattr("sys.argv", ["crowdkit", *map(str, arguments)])
        capfd.readouterr()
        code = None
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        captured = capfd.readouterr()
        assert not code, captured.err
        return str(captured.out)

    return run


@pytest.fixture
def run(tmp_path, crowdkit) -> Path:
    """The folder of a joint run."""
    recipe = tmp_path / "joint.toml"
    recipe.write_text(RECIPE)
    crowdkit("train", recipe, "--output", tmp_path / "run")
    return tmp_path / "run"


def test_maps_are_compared_with_those_of_the_generator_as_it_was_trained(run, crowdkit) -> None:
    recipe, best = load_recipe(run / "recipe.toml"), run / "best.safetensors"
    trained = load_file(run / "best-density-generator.safetensors")["body.weight"]
    generator = evaluation_parts(recipe, best, "test", ["ssim"])["density_generator"]
    assert generator.body.weight.equal(trained)
    assert not generator.body.weight.equal(ToyGenerator().body.weight)

    of_run = json.loads(crowdkit("eval", run, "--metrics", "ssim", "--json"))
    named = run / "best-density-generator.safetensors"
    assert of_run["stamp"]["density_generator_weights"] == str(named)
    other = ["--density-generator", "fixed"]
    with_other = json.loads(crowdkit("eval", run, "--metrics", "ssim", "--json", *other))
    assert "density_generator_weights" not in with_other["stamp"]
    named.unlink()
    untrained = json.loads(crowdkit("eval", run, "--metrics", "ssim", "--json"))
    assert untrained["quality"]["ssim"]["value"] != of_run["quality"]["ssim"]["value"]


def test_a_trained_generator_trains_another_counter(run, crowdkit, tmp_path) -> None:
    """Table 6 of the paper."""
    file = run / "last-density-generator.safetensors"
    again = tmp_path / "again"
    again.mkdir()
    settings = ["--set", "trainer.name=supervised", "--set", "trainer.epochs=1"]
    settings += ["--set", f'density_generator={{name="toy-generator", weights="{file}"}}']
    crowdkit("train", run.parent / "joint.toml", *settings, "--output", again)
    assert not list(again.glob("*density-generator*"))
    kept = tomllib.loads((again / "recipe.toml").read_text())["density_generator"]
    assert kept["weights"] == str(file)
    made = create("density_generator", "toy-generator", weights=file)
    assert made.gaussians.sigma == 3.0
    used = evaluation_parts(
        load_recipe(again / "recipe.toml"), again / "best.safetensors", "test", ["ssim"]
    )["density_generator"]
    assert used.body.weight.equal(load_file(file)["body.weight"])
    crowdkit("eval", again, "--metrics", "ssim")


def test_a_grid_of_learnt_and_hand_made_targets(crowdkit, tmp_path) -> None:
    grid = tmp_path / "targets.toml"
    grid.write_text(RECIPE + GRID)
    crowdkit("grid", grid, "--output", tmp_path / "out")
    with (tmp_path / "out/runs.csv").open() as file:
        rows = {row["target"]: row for row in csv.DictReader(file)}
    assert {row["state"] for row in rows.values()} == {"finished"}
    learnt, fixed = (sorted((tmp_path / "out" / rows[n]["run"]).glob("*-density-*")) for n in rows)
    assert [file.name for file in learnt] == [
        "best-density-generator.safetensors",
        "last-density-generator.safetensors",
    ]
    assert fixed == []
    assert all(row["ssim"] for row in rows.values())
    assert "| learnt |" in crowdkit("grid", grid, "--output", tmp_path / "out")
