"""A plugin that does not behave costs nobody else anything."""

import json
import warnings

import pytest

from crowdkit_core import create, list_components
from crowdkit_core.cards import list_cards
from crowdkit_core.errors import (
    AmbiguousComponentError,
    BrokenComponentError,
    CrowdkitError,
    OptionsError,
)
from crowdkit_core.registry import isolated_registry, register
from crowdkit_core.registry.hooks import hookimpl, hooks
from crowdkit_core.registry.lookup import settled
from crowdkit_core.settings import list_recipes, load_recipe
from crowdkit_core.settings.run_names import as_it_ran

LOSSES, HOOKS = "crowdkit.losses", "crowdkit.hooks"
IMPORT = "from crowdkit_core.registry.hooks import hookimpl\n"
ENDS = {
    "exit": "raise SystemExit(3)",
    "base": "class Stop(BaseException): ...\nraise Stop('no')",
    "generator": "raise GeneratorExit",
}
every_end = pytest.mark.parametrize("source", ENDS.values(), ids=ENDS)


@every_end
def test_a_plugin_that_ends_the_program_when_imported_is_broken(install, source) -> None:
    install("crowdkit-end", {LOSSES: {"end": "end_m:Loss"}}, {"end_m.py": source})
    with pytest.raises(BrokenComponentError, match=r"'end' of crowdkit-end .*cannot be loaded"):
        create("loss", "end")
    listed = {each.name: each for each in list_components("loss", load_errors=True)}
    assert listed["end"].error
    assert not listed["mse"].error


@every_end
@pytest.mark.parametrize("group", ["crowdkit.recipes", "crowdkit.weights"])
def test_files_of_such_a_plugin_are_broken(install, source, group) -> None:
    install("crowdkit-end", {group: {"end": "end_p"}}, {"end_p/__init__.py": source})
    listed = list_recipes() if "recipes" in group else list_cards()
    assert [each.name for each in listed if each.error] == ["end"]


@every_end
def test_a_hook_of_such_a_plugin_is_left_out(install, source) -> None:
    install("crowdkit-end", {HOOKS: {"end": "end_h"}}, {"end_h.py": source})
    with pytest.warns(RuntimeWarning, match="hook 'end' of crowdkit-end is left out"):
        hooks()


@pytest.mark.parametrize(
    "value", ["", "os", "os:", ":x", "a b:c", "os:path.no", "..:x", "os:sep", "json:dumps:x"]
)
def test_odd_entry_points_are_broken_components(install, value) -> None:
    install("crowdkit-odd", {LOSSES: {"odd": value}})
    with pytest.raises(CrowdkitError) as refused:
        create("loss", "odd")
    assert "\n" not in refused.value.message
    list_components(load_errors=True)


@pytest.mark.parametrize("error", ["RuntimeError('boom')", "SystemExit('boom')"])
def test_a_hook_that_fails_is_named_once_and_told_no_more(install, error, tmp_path) -> None:
    source = IMPORT + (
        f"@hookimpl\ndef epoch_ended(record):\n    raise {error}\n"
        "@hookimpl\ndef training_ended(completed):\n    assert False\n"
    )
    install("crowdkit-bad", {HOOKS: {"bad": "bad_h"}}, {"bad_h.py": source})
    heard = []

    class Own:
        @hookimpl
        def epoch_ended(self, record):
            heard.append(record)

    events = hooks(Own())
    with pytest.warns(RuntimeWarning, match=r"'bad' of crowdkit-bad failed at epoch_ended.*boom"):
        events.epoch_ended({"epoch": 1})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        events.epoch_ended({"epoch": 2})
        events.training_ended(tmp_path, True)
    assert [each["epoch"] for each in heard] == [1, 2]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), CrowdkitError("full"), ValueError("own")])
def test_errors_that_are_meant_end_training(error) -> None:
    class Own:
        @hookimpl
        def epoch_ended(self):
            raise error

    with isolated_registry(), pytest.raises(type(error)):
        hooks(Own()).epoch_ended({})


def test_a_component_that_cannot_be_made_says_so_in_a_line() -> None:
    def toy(*, width: int = 1):
        return [0] * width[0]

    with (
        register("loss", "toy", toy),
        pytest.raises(OptionsError, match=r"loss 'toy' cannot be made .*TypeError"),
    ):
        create("loss", "toy")


# --- another distribution takes a name ---


@pytest.fixture
def rival(install):
    """A package that offers a loss named as the core's."""
    source = "from crowdkit_core.losses import L1\n"
    install("crowdkit-rival", {LOSSES: {"mse": "rival_m:L1"}}, {"rival_m.py": source})


RUN = '[counter]\nname = "mcnn"\n[loss]\nname = "mse"\n'


def environment(folder, *packages) -> None:
    (folder / "environment.json").write_text(json.dumps({"packages": dict.fromkeys(packages, "1")}))


@pytest.mark.usefixtures("rival")
def test_a_recipe_of_a_run_means_the_packages_of_its_time(tmp_path) -> None:
    (tmp_path / "recipe.toml").write_text(RUN)
    with pytest.raises(OptionsError, match="'mse' is offered by"):
        load_recipe(tmp_path / "recipe.toml")
    environment(tmp_path, "crowdkit-core", "crowdkit_mcnn")
    assert load_recipe(tmp_path / "recipe.toml").loss.name == "crowdkit-core:mse"
    environment(tmp_path, "crowdkit-rival")
    assert load_recipe(tmp_path / "recipe.toml").loss.name == "crowdkit-rival:mse"
    environment(tmp_path, "crowdkit-core", "crowdkit-rival")
    with pytest.raises(OptionsError, match="'mse' is offered by"):
        load_recipe(tmp_path / "recipe.toml")


def test_names_that_are_not_ambiguous_stay_bare(tmp_path) -> None:
    (tmp_path / "recipe.toml").write_text(RUN)
    environment(tmp_path, "crowdkit-core")
    assert load_recipe(tmp_path / "recipe.toml").loss.name == "mse"


@pytest.mark.parametrize("content", ["", "[1]", "{}", '{"packages": 3}'])
def test_a_damaged_environment_settles_nothing(tmp_path, content) -> None:
    (tmp_path / "recipe.toml").write_text(RUN)
    (tmp_path / "environment.json").write_text(content)
    assert load_recipe(tmp_path / "recipe.toml").loss.name == "mse"


def test_components_within_components_are_settled_too(install, tmp_path) -> None:
    generators = {"crowdkit.density_generators": {"fixed": "rival_g:Fixed"}}
    source = "from crowdkit_core.density import Fixed\n"
    install("crowdkit-rival", generators, {"rival_g.py": source})
    environment(tmp_path, "crowdkit-core")
    table = {"density_generator": {"name": "refiner", "base": [{"name": "fixed", "sigma": 3}]}}
    settled_table = as_it_ran(table, tmp_path / "recipe.toml")
    assert settled_table["density_generator"] == {
        "name": "refiner",
        "base": [{"name": "crowdkit-core:fixed", "sigma": 3}],
    }


@pytest.mark.usefixtures("rival")
def test_a_name_is_settled_by_what_was_there() -> None:
    assert settled("loss", "mse", ["Crowdkit_Core"]) == "crowdkit-core:mse"
    assert settled("loss", "mse", []) == "mse"
    assert settled("loss", "l1", ["crowdkit-core"]) == "l1"
    with pytest.raises(AmbiguousComponentError):
        create("loss", "mse")


def test_weights_remember_whose_counter_they_are_for(install, weights, tmp_path) -> None:
    from crowdkit_core.inference.loading import load_model
    from crowdkit_core.weights import save_weights

    source = "from crowdkit_mcnn import MCNN\n"
    install(
        "crowdkit-rival", {"crowdkit.counters": {"mcnn": "rival_c:MCNN"}}, {"rival_c.py": source}
    )
    with pytest.raises(AmbiguousComponentError):
        load_model(weights)  # written without a distribution
    own = tmp_path / "own.safetensors"
    counter = create("counter", "crowdkit-mcnn:mcnn")
    save_weights(own, counter, component="mcnn", distribution="crowdkit-mcnn")
    assert load_model(own).counter.origin.distribution == "crowdkit-mcnn"
