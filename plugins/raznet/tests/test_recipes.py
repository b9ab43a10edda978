"""Every recipe is complete: its names exist, its options fit, and so do its parts."""

from collections.abc import Callable
from pathlib import Path

import pytest
from crowdkit_raznet.raznet import RAZNet

import crowdkit_core
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.settings import list_recipes, load_recipe

PUBLISHED = ("shanghaitech-a", "shanghaitech-b", "ucf-qnrf", "worldexpo")
SMALL = ("vgg-cells", "mbm", "synthetic")
RECIPES = [each.name for each in list_recipes() if each.distribution == "crowdkit-raznet"]


def test_recipes_are_found() -> None:
    assert {f"raznet/{name}" for name in (*PUBLISHED, *SMALL)} == set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_makes_stages_that_fit(
    narrow: Callable[..., RAZNet], name: str, tmp_path: Path
) -> None:
    root = [] if name.endswith("/synthetic") else [f"dataset.root={tmp_path}"]
    recipe = load_recipe(name, overrides=[*root, "counter.pretrained=false"])
    assert isinstance(narrow(), RAZNet)
    task = TrainingTask(
        counter=recipe.create("counter"),
        loss=recipe.create("loss"),
        density_generator=recipe.create("density_generator"),
        train=crowdkit_core.create("dataset", "synthetic", images=1),
    )
    stages = recipe.create("trainer").stages(task)
    assert [stage.name for stage in stages] == ["counting", "localization", "proposal", "zooming"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_settings(name: str, tmp_path: Path) -> None:
    recipe = load_recipe(f"raznet/{name}", overrides=[f"dataset.root={tmp_path}"])
    assert recipe.density_generator.options["preset"] == "raznet"
    for stage in recipe.trainer.options["stages"]:
        optimization = stage.optimization
        assert optimization.optimizer == "SGD"
        assert optimization.learning_rate == 1e-4
        assert optimization.options == {"momentum": 0.95}
        if stage.name != "proposal":
            assert optimization.schedule == "ReduceLROnPlateau"
            assert optimization.schedule_options["factor"] == 0.5
