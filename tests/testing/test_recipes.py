"""Recipes that are broken are told apart from those whose packages are not installed."""

import pytest

from crowdkit_core.testing import ConformanceError, check_recipes
from crowdkit_core.testing.plugins import check_plugin

POINTS = {
    "crowdkit.recipes": {"mine": "mine_r"},
    "crowdkit.losses": {"mine": "crowdkit_core.losses.pixelwise:MSE"},
}
SOUND = '[dataset]\nname = "synthetic"\n\n[counter]\nname = "mcnn"\n'
UNFIT = SOUND + '\n[trainer]\nname = "supervised"\nepochs = 0\n'
UNKNOWN = SOUND + '\n[loss]\nname = "nowhere"\n'
GRID = SOUND + '\n[[grid.axes]]\nname = "loss"\n\n[grid.axes.values.mse]\nloss = "mse"\n'


@pytest.fixture
def install_recipes(install):
    def install_them(requires="", **recipes):
        files = {f"mine_r/{name}.toml": text for name, text in recipes.items()}
        install("crowdkit-mine", POINTS, {"mine_r/__init__.py": "", **files}, requires=requires)

    return install_them


def test_sound_recipes_and_grids_are_named(install_recipes):
    install_recipes(sound=SOUND, grid=GRID)
    assert check_recipes("crowdkit-mine") == ["mine/sound", "mine/grid"]


@pytest.mark.parametrize(("text", "why"), [(UNFIT, "epochs"), (UNKNOWN, "nowhere")])
def test_a_broken_recipe_is_named_with_its_problem(install_recipes, text, why):
    install_recipes(sound=SOUND, broken=text)
    with pytest.raises(ConformanceError, match=rf"^mine/broken: .*{why}"):
        check_recipes("crowdkit-mine")


def test_a_check_of_the_plugin_tells_too(install_recipes):
    install_recipes(sound=SOUND, broken=UNKNOWN)
    results = {each.subject: each for each in check_plugin("crowdkit-mine")}
    assert results["recipe mine/sound"].passed
    assert "nowhere" in results["recipe mine/broken"].problem


def test_recipes_wait_for_the_packages_they_need(install_recipes):
    install_recipes(requires="crowdkit-absent; extra == 'recipes'", broken=UNKNOWN)
    lines = [each.line() for each in check_plugin("crowdkit-mine")]
    assert any("recipes of crowdkit-mine: left out, need crowdkit-absent" in line for line in lines)
    assert not any("nowhere" in line for line in lines)
