from pathlib import Path

import pytest

from crowdkit_core.grid import load_grid
from crowdkit_core.settings import load_recipe
from crowdkit_core.testing import check_recipes

PUBLISHED = ("shanghaitech-a", "shanghaitech-b", "ucf-qnrf", "worldexpo")
GRIDS = (
    "ablations-shanghaitech-a",
    "counts-shanghaitech-a",
    "resolution-shanghaitech-a",
    "table-4-shanghaitech",
    "table-4-ucf-qnrf",
)
SMALL = ("vgg-cells", "mbm", "synthetic")


def test_the_papers_recipes_are_complete() -> None:
    names = (*PUBLISHED, *SMALL, *GRIDS)
    assert {f"raznet/{name}" for name in names} == set(check_recipes("crowdkit-raznet"))


@pytest.mark.parametrize("name", [*PUBLISHED, *SMALL])
def test_stages_are_those_of_the_paper(name: str, tmp_path: Path) -> None:
    root = [] if name == "synthetic" else [f"dataset.root={tmp_path}"]
    stages = load_recipe(f"raznet/{name}", overrides=root).trainer.options["stages"]
    assert [stage.name for stage in stages] == ["counting", "localization", "proposal", "zooming"]
    # RAZ-Net learns points, which the fusion may not show at all.
    assert [stage.judged_by for stage in stages] == ["", "", "", "localization+"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_settings(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(f"raznet/{name}", overrides=[f"dataset.root={tmp_path}"])
    published = {"k": 4, "beta": 0.1, "convention": "half"}
    assert published.items() <= recipe.density_generator.options.items()
    for stage in recipe.trainer.options["stages"]:
        optimization = stage.optimization
        assert optimization.optimizer == "SGD"
        assert optimization.learning_rate == 1e-4
        assert optimization.options == {"momentum": 0.95}
        if stage.name != "proposal":
            assert optimization.schedule == "ReduceLROnPlateau"
            assert optimization.schedule_options["factor"] == 0.5


@pytest.mark.parametrize(
    ("name", "recipe"),
    [("table-4-shanghaitech", "shanghaitech-a"), ("table-4-ucf-qnrf", "ucf-qnrf")],
)
def test_table_4_is_one_training_at_four_depths(name: str, recipe: str, tmp_path: Path) -> None:
    root = [f"dataset.root={tmp_path}"]
    grid = load_grid(f"raznet/{name}", overrides=root)
    run = grid.runs[0]
    assert [each.labels for each in grid.runs] == ([("A",), ("B",)] if "shanghai" in name else [()])
    trained = load_recipe(f"raznet/{recipe}", overrides=root)
    assert run.recipe.trainer == trained.trainer
    assert run.recipe.counter == trained.counter
    depths = [each.counter.options["depth"] for each in run.evaluations.values()]
    assert depths == [1, 2, 3, 4]
    assert grid.counts == ("density", "localization+", "average", "fusion")


def test_resolution_trains_the_counting_branch_alone(tmp_path: Path) -> None:
    root = [f"dataset.root={tmp_path}"]
    grid = load_grid("raznet/resolution-shanghaitech-a", overrides=root)
    strides = [run.recipe.counter.options["counting_stride"] for run in grid.runs]
    assert strides == [8, 4, 2]
    whole = load_recipe("raznet/shanghaitech-a", overrides=root).trainer.options["stages"]
    for run in grid.runs:
        assert run.recipe.trainer.options["stages"] == whole[:1]
        assert run.recipe.counter.options["count_by"] == "density"
