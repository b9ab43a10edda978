"""From a file to runs: layers, order, and what is refused before anything runs."""

import re
from pathlib import Path

import pytest

from crowdkit_core.errors import CrowdkitError, OptionsError, UnknownComponentError, UsageError
from crowdkit_core.grid import load_grid
from crowdkit_core.settings import list_grids, list_recipes, load_recipe

COLUMNS = """
[[grid.axes]]
name = "target"
[grid.axes.values.narrow]
density-generator = { name = "fixed", sigma = 2.0 }
[grid.axes.values.wide]
density-generator = { name = "fixed", sigma = 8.0 }
"""


@pytest.fixture
def grid(grid_file):
    from_conftest = grid_file().read_text()

    def load(*changes, overrides=(), more=""):
        text = from_conftest + more
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return load_grid(grid_file(text), overrides=overrides)

    return load


def test_every_combination_each_cell_once_before_any_twice(grid):
    runs = grid(more=COLUMNS).runs
    assert [run.label for run in runs] == [
        f"{row}/{column}/seed-{seed}"
        for seed in (0, 1, 2)
        for row in ("MSE", "Slow")
        for column in ("narrow", "wide")
    ]
    last = runs[-1].recipe
    assert last.run.seed == 2
    assert last.loss.options["factor"] == 2.0
    assert last.density_generator.options["sigma"] == 8.0
    assert last.trainer.options["optimization"].learning_rate == 1e-4
    assert last.trainer.options["epochs"] == 2


def test_another_name_starts_the_component_anew(grid):
    loaded = grid(
        ('counter = "toy"', 'counter = "toy"\nloss = { name = "mse", reduction = "sum" }')
    )
    by_row = {run.labels[0]: run.recipe.loss for run in loaded.runs}
    assert by_row["MSE"].options["reduction"] == "sum"
    assert by_row["Slow"].options == {"factor": 2.0}


def test_settings_on_top_of_every_run(grid):
    loaded = grid(overrides=["trainer.epochs=7", "grid.split=validation"])
    assert {run.recipe.trainer.options["epochs"] for run in loaded.runs} == {7}
    assert loaded.split == "validation"


def test_without_replicates_the_recipes_own_seed(grid):
    loaded = grid(('replicate = { "run.seed" = [0, 1, 2] }', ""), overrides=["run.seed=5"])
    assert [run.label for run in loaded.runs] == ["MSE/seed-5", "Slow/seed-5"]


def test_without_axes_replicates_alone(grid_file):
    text = 'counter = "toy"\ndataset = "folds"\n[grid]\nreplicate = { "dataset.fold" = [0, 1, 2] }'
    runs = load_grid(grid_file(text)).runs
    assert [run.label for run in runs] == ["fold-0", "fold-1", "fold-2"]
    assert [run.recipe.dataset.options["fold"] for run in runs] == [0, 1, 2]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (("factor", "fcator"), ["loss 'Slow'", "loss.fcator", "did you mean 'factor'"]),
        (("learning_rate", "rate"), ["loss 'Slow'", "trainer.optimization.rate"]),
        (('loss = "mse"', 'loss = "mes"'), ["loss 'MSE'", "mes"]),
        (("values.MSE", "values.Mse]\n[grid.axes.values.MSE"), ["Mse", "different folders"]),
        (('"run.seed" =', '"run.sede" ='), ["run.sede"]),
        (("[0, 1, 2]", "[]"), ["grid.replicate"]),
        (("[0, 1, 2]", "[0, 1, 1]"), ["MSE/seed-1", "same run"]),
        (("[grid]", "[grid]\nspilt = 1"), ["grid: spilt", "split"]),
        (("[grid]", '[grid]\nweights = "first"'), ["grid: weights", "first"]),
        (("[grid]", "[run]\ndevices = 2\n[grid]"), ["2 processes"]),
    ],
)
def test_mistakes_are_named(grid, change, names):
    with pytest.raises(UsageError) as caught:
        grid(change)
    for name in names:
        assert name in caught.value.message


def test_an_axis_that_is_overridden_is_refused(grid):
    with pytest.raises(UsageError, match="MSE/seed-0 and MSE/seed-1 would be the same run"):
        grid(overrides=["run.seed=3"])


def test_a_third_axis_is_refused(grid):
    third = COLUMNS.replace("target", "third")
    with pytest.raises(OptionsError, match="rows and columns at most"):
        grid(more=COLUMNS + third)
    with pytest.raises(OptionsError, match="rows and columns at most"):
        grid(more=COLUMNS, overrides=['grid.stages=["first", "second"]'])


def test_a_stage_named_twice_is_refused(grid):
    with pytest.raises(OptionsError, match="each stage once"):
        grid(overrides=['grid.stages=["first", "first"]'])


def test_only_known_rows(grid):
    loaded = grid()
    assert {run.labels for run in loaded.rows(["Slow"])} == {("Slow",)}
    with pytest.raises(UsageError, match=re.escape("no row 'Slwo'; did you mean 'Slow'?")):
        loaded.rows(["Slwo"])


def test_a_recipe_is_no_grid_and_a_grid_no_recipe(grid_file, tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('counter = "toy"')
    with pytest.raises(UsageError, match=r"(?s)not a grid.*crowdkit train"):
        load_grid(recipe)
    with pytest.raises(UsageError, match=r"(?s)is a grid of runs.*crowdkit grid .*losses\.toml"):
        load_recipe(grid_file())


def test_plugins_ship_grids_beside_recipes(install, grid_file):
    files = {
        "mine_p/__init__.py": "",
        "mine_p/recipes/table-4.toml": grid_file().read_text(),
        "mine_p/recipes/one.toml": 'counter = "toy"',
        "mine_p/recipes/damaged.toml": "counter = =",
    }
    install("crowdkit-mine", {"crowdkit.recipes": {"mine": "mine_p.recipes"}}, files)

    def names(listed):
        return [each.name for each in listed if each.distribution == "crowdkit-mine"]

    assert names(list_grids()) == ["mine/table-4"]
    assert names(list_recipes()) == ["mine/damaged", "mine/one"]
    assert load_grid("mine/table-4").source == "mine/table-4"
    with pytest.raises(CrowdkitError, match="crowdkit grid mine/table-4"):
        load_recipe("mine/table-4")
    with pytest.raises(UnknownComponentError, match="did you mean 'mine/table-4'"):
        load_grid("mine/table-5")


def test_folders_are_safe_names(grid):
    (run, *_) = grid(("values.MSE", 'values."../L2 (λ = 1) / |x|"')).runs
    assert run.folder == Path("L2-λ-=-1-x", "seed-0")
    assert run.labels == ("../L2 (λ = 1) / |x|",)
