from pathlib import Path

import pytest

from crowdkit_core.settings import load_recipe
from crowdkit_core.testing import check_recipes

PUBLISHED = ("shanghaitech-a", "shanghaitech-b", "ucf-qnrf", "worldexpo")
SMALL = ("vgg-cells", "mbm", "synthetic")


def test_the_papers_recipes_are_complete() -> None:
    names = (*PUBLISHED, *SMALL, "ablations-shanghaitech-a")
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
