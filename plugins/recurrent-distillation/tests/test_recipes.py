"""Every recipe is complete: its names exist, its options fit, and so do its parts."""

from pathlib import Path

import pytest

import crowdkit_core
from crowdkit_core.grid import load_grid
from crowdkit_core.interfaces import StagePlan, TrainingTask
from crowdkit_core.settings import Recipe, list_grids, list_recipes, load_recipe

PLUGIN = "recurrent-distillation"
OWNER = f"crowdkit-{PLUGIN}"


def test_recipes_and_grids_are_found() -> None:
    recipes, grids = (
        {each.name.removeprefix(f"{PLUGIN}/") for each in found() if each.distribution == OWNER}
        for found in (list_recipes, list_grids)
    )
    assert recipes == {"shanghaitech-a", "shanghaitech-b", "ucf-qnrf", "ucsd"}
    short = {"generators-shanghaitech-a", "stages-shanghaitech-a"}
    assert grids == {"ablation-shanghaitech-a", "table-5-small", "distillation-small"} | short


def stages(recipe: Recipe) -> list[StagePlan]:
    """What would be trained; an error where the parts do not fit."""
    task = TrainingTask(
        counter=recipe.create("counter"),
        loss=recipe.create("loss"),
        density_generator=recipe.create("density_generator"),
        train=crowdkit_core.create("dataset", "synthetic", images=1),
    )
    return list(recipe.create("trainer").stages(task))


@pytest.mark.parametrize(
    ("name", "number", "epochs"),
    [
        ("shanghaitech-a", 4, {100}),
        ("shanghaitech-b", 4, {100}),
        ("ucf-qnrf", 4, {4 * 670, 4 * 120}),
        ("ucsd", 3, {100}),
    ],
)
def test_a_recipe_has_the_papers_stages(
    name: str, number: int, epochs: set[int], tmp_path: Path
) -> None:
    overrides = [f"dataset.root={tmp_path}", "counter.pretrained=false"]
    plans = stages(load_recipe(f"{PLUGIN}/{name}", overrides=overrides))
    assert len(plans) == number
    assert {plan.epochs for plan in plans} == epochs


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [("ucf-qnrf", "long_side", (1080, 1080)), ("ucsd", "scale", 2.0)],
)
def test_training_and_evaluation_see_the_papers_scale(
    name: str, option: str, value: object, tmp_path: Path
) -> None:
    recipe = load_recipe(f"{PLUGIN}/{name}", overrides=[f"dataset.root={tmp_path}"])
    augmentation = recipe.trainer.options["augmentation"]
    assert recipe.dataset.options[option] == value
    assert (augmentation.long_side, augmentation.scale) == (None, (1.0, 1.0))


@pytest.mark.parametrize(
    ("name", "overrides", "runs"),
    [
        ("ablation-shanghaitech-a", ["counter.pretrained=false"], 7),
        ("table-5-small", [], 4 * 3),
        ("distillation-small", [], 3),
    ],
)
def test_runs_of_a_grid_make_parts_that_fit(
    name: str, overrides: list[str], runs: int, tmp_path: Path
) -> None:
    found = load_grid(f"{PLUGIN}/{name}", overrides=[f"dataset.root={tmp_path}", *overrides]).runs
    assert len(found) == runs
    assert all(stages(run.recipe) for run in found)


def test_the_small_grids_differ_only_in_what_they_compare(tmp_path: Path) -> None:
    runs = load_grid(f"{PLUGIN}/table-5-small", overrides=[f"dataset.root={tmp_path}"]).runs
    one, *others = [run.recipe for run in runs]
    for other in others:
        assert (other.counter, other.loss, other.trainer) == (one.counter, one.loss, one.trainer)
    assert len({run.recipe.density_generator.name for run in runs}) == 4
