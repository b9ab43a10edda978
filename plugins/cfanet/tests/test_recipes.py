"""Every recipe is complete: its names exist, its options fit, and so do its parts."""

from pathlib import Path

import pytest

import crowdkit_core
from crowdkit_core.grid import load_grid
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.settings import Recipe, list_recipes, load_recipe

RECIPES = [each.name for each in list_recipes() if each.distribution == "crowdkit-cfanet"]


def test_recipes_are_found() -> None:
    sets = {"shanghaitech-a", "shanghaitech-b", "ucf-qnrf"}
    expected = {f"cfanet/{name}" for name in sets | {f"marunet-{name}" for name in sets} | {"mall"}}
    assert expected <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_parts_that_fit(name: str, tmp_path: Path) -> None:
    overrides = [f"dataset.root={tmp_path}", "counter.pretrained=false"]
    assert has_parts_that_fit(load_recipe(name, overrides=overrides))


def has_parts_that_fit(recipe: Recipe) -> bool:
    task = TrainingTask(
        counter=recipe.create("counter"),
        loss=recipe.create("loss"),
        density_generator=recipe.create("density_generator"),
        train=crowdkit_core.create("dataset", "synthetic", images=1),
    )
    return bool(recipe.create("trainer").stages(task))


def test_only_the_release_reduces_ucf_qnrf_for_testing(tmp_path: Path) -> None:
    paper, release = (
        load_recipe(f"cfanet/{name}", overrides=[f"dataset.root={tmp_path}"])
        for name in ("ucf-qnrf", "marunet-ucf-qnrf")
    )
    assert paper.dataset.options["long_side"] is None
    assert paper.trainer.options["augmentation"].long_side == (1024, 2048)
    assert release.dataset.options["long_side"] == (1, 1024)
    assert release.trainer.options["augmentation"].long_side is None


@pytest.mark.parametrize("name", ["ucf-cc-50", "marunet-ucf-cc-50"])
def test_ucf_cc_50_is_five_folds(name: str, tmp_path: Path) -> None:
    overrides = [f"dataset.root={tmp_path}", "counter.pretrained=false"]
    runs = load_grid(f"cfanet/{name}", overrides=overrides).runs
    folds = [run.recipe.dataset.options["fold"] for run in runs]
    assert folds == [0, 1, 2, 3, 4]
    assert has_parts_that_fit(runs[0].recipe)
