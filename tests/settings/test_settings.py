"""Recipes: layers, checks, round trips, and where they come from."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core import register
from crowdkit_core.errors import (
    AmbiguousComponentError,
    OptionsError,
    UnknownComponentError,
    UsageError,
)
from crowdkit_core.registry import isolated_registry, lookup
from crowdkit_core.settings import (
    ComponentSettings,
    Recipe,
    RunSettings,
    environment,
    hardware,
    list_recipes,
    load_recipe,
    parse_overrides,
    recipe_text,
    resolve_component,
)
from crowdkit_core.settings.layers import layered


@dataclass(frozen=True, kw_only=True)
class Loop:
    clip_norm: float | None = 1.0
    milestones: tuple[int, ...] = ()


class Counter:
    def __init__(
        self,
        *,
        width: int = 8,
        norm: Literal["none", "batch"] = "none",
        dropout: float | None = 0.5,
        root: Path = Path("here"),
    ) -> None:
        self.options = {"width": width, "norm": norm, "dropout": dropout, "root": root}

    @classmethod
    def from_weights(cls, path: str, **options: Any) -> "Counter":
        return cls(**options)


class Dataset:
    def __init__(self, *, split: str, root: Path = Path("data"), scale: float = 1.0) -> None:
        self.split, self.root, self.scale = split, root, scale


class Trainer:
    def __init__(
        self,
        *,
        epochs: int = 1,
        loop: Loop = Loop(),
        options: dict[str, float | None] | None = None,
        stages: tuple[Loop, ...] | None = None,
        crop: tuple[int | None, float] | None = None,
    ) -> None: ...


class MSE:
    def __init__(self, *, reduction: Literal["sum", "mean"] = "mean") -> None: ...


class L1:
    def __init__(self) -> None: ...


class Fixed:
    def __init__(self, *, sigma: float = 4.0, hook: Any = print) -> None: ...


COMPONENTS = {
    ("counter", "net"): Counter,
    ("dataset", "synthetic"): Dataset,
    ("trainer", "supervised"): Trainer,
    ("loss", "mse"): MSE,
    ("loss", "l1"): L1,
    ("density_generator", "fixed"): Fixed,
    ("localizer", "peaks"): L1,
}


@pytest.fixture
def components():
    with isolated_registry():
        for (kind, name), factory in COMPONENTS.items():
            register(kind, name, factory)
        yield


@pytest.fixture
def toml(tmp_path):
    def write(name: str, text: str) -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


@pytest.mark.usefixtures("components")
class TestLayers:
    def test_defaults_need_a_counter_alone(self):
        recipe = load_recipe(overrides=["counter=net"])
        assert recipe.counter.options["width"] == 8
        assert recipe.loss == ComponentSettings(name="mse", options={"reduction": "mean"})
        assert recipe.dataset.name == "synthetic"
        assert recipe.localizer is None
        assert recipe.run == RunSettings()

    def test_each_layer_wins_over_the_one_below(self, toml):
        base = toml("a.toml", 'counter = {name = "net", width = 1}\nrun.seed = 1\nrun.workers = 1')
        file = toml("b.toml", "counter.width = 2\nrun.seed = 2")
        assert load_recipe(base).counter.options["width"] == 1
        recipe = load_recipe(base, file=file, overrides=["counter.width=3"])
        assert recipe.counter.options["width"] == 3
        assert (recipe.run.seed, recipe.run.workers) == (2, 1)

    def test_another_name_drops_the_options_below(self, toml):
        base = toml("a.toml", 'counter = "net"\n[loss]\nname = "mse"\nreduction = "sum"')
        assert load_recipe(base).loss.options == {"reduction": "sum"}
        assert load_recipe(base, overrides=["loss=l1"]).loss.options == {}
        kept = load_recipe(base, overrides=["loss.name=mse"])
        assert kept.loss.options == {"reduction": "sum"}

    def test_another_name_within_an_option_drops_its_options_below(self):
        base = {"density_generator": {"base": {"name": "fixed", "sigma": 4.0}, "alpha": 0.5}}
        refined = layered(base, parse_overrides(["density_generator.base.name=geometry-adaptive"]))
        assert refined["density_generator"] == {
            "base": {"name": "geometry-adaptive"},
            "alpha": 0.5,
        }
        wider = layered(base, parse_overrides(["density_generator.base.sigma=8.0"]))
        assert wider["density_generator"]["base"] == {"name": "fixed", "sigma": 8.0}

    def test_nested_tables_are_merged(self, toml):
        base = toml("a.toml", 'counter = "net"\n[trainer.loop]\nmilestones = [3, 4]')
        recipe = load_recipe(base, overrides=["trainer.loop.clip_norm=0.1"])
        assert recipe.trainer.options["loop"] == Loop(clip_norm=0.1, milestones=(3, 4))

    def test_none_is_written_as_text_where_it_is_allowed(self):
        changes = ["counter=net", "counter.dropout=none", "trainer.loop.clip_norm=none"]
        recipe = load_recipe(overrides=changes)
        assert recipe.counter.options["dropout"] is None
        assert recipe.counter.options["norm"] == "none"
        assert recipe.trainer.options["loop"].clip_norm is None

    def test_none_in_lists_and_tables(self):
        changes = [
            "counter=net",
            'trainer.stages=[{clip_norm="none"}, {milestones=[1]}]',
            'trainer.options={a="none", b=2.0}',
            'trainer.crop=["none", 1.0]',
        ]
        options = load_recipe(overrides=changes).trainer.options
        assert options["stages"] == (Loop(clip_norm=None), Loop(milestones=(1,)))
        assert options["options"] == {"a": None, "b": 2.0}
        assert options["crop"] == (None, 1.0)

    def test_a_list_too_long_is_refused(self):
        with pytest.raises(OptionsError, match=r"trainer\.crop"):
            load_recipe(overrides=["counter=net", "trainer.crop=[1, 1.0, 2]"])

    def test_weights_leave_open_what_their_file_decides(self):
        recipe = load_recipe(overrides=["counter=net", "counter.weights=a.pth", "counter.width=3"])
        assert recipe.counter.options == {"width": 3, "weights": "a.pth"}

    def test_all_errors_at_once_with_paths_and_hints(self, toml):
        file = toml(
            "bad.toml",
            """
            conter = "net"
            dataset = {name = "synthetic", scael = 2, split = "test"}
            loss = {name = "msee"}
            trainer = {name = "supervised", loop = {clip_nrom = 1}}
            run = {devices = 0, precision = "32"}
            """,
        )
        with pytest.raises(OptionsError) as caught:
            load_recipe(file)
        message = caught.value.message
        for expected in (
            "bad.toml: ",
            "conter: unknown section; did you mean 'counter'?",
            "counter.name: required",
            "dataset.scael: unknown option; did you mean 'scale'?",
            "dataset.split: is chosen by the command",
            "loss.name: no loss named 'msee'; did you mean 'mse' or 'mse-mae'?",
            "trainer.loop.clip_nrom: unknown option; did you mean 'clip_norm'?",
            "run.devices: ",
            "run.precision: ",
        ):
            assert expected in message
        assert "\n" not in message

    def test_the_line_to_install_a_known_plugin_is_in_the_hint(self, monkeypatch):
        monkeypatch.setattr(lookup, "known_plugins", lambda _: {"elsewhere": "crowdkit-elsewhere"})
        with pytest.raises(OptionsError) as caught:
            load_recipe(overrides=["counter=elsewhere"])
        assert "pip install crowdkit-elsewhere" in caught.value.hint

    @pytest.mark.parametrize("value", ["3", "[1]", "true"])
    def test_a_section_is_a_table_or_a_name(self, value):
        with pytest.raises(OptionsError, match="loss: expected a table"):
            load_recipe(overrides=["counter=net", f"loss={value}"])

    def test_parts_are_made_from_it(self):
        recipe = load_recipe(overrides=["counter=net", "counter.width=3", "dataset.root=/d"])
        assert recipe.create("counter").options["width"] == 3
        dataset = recipe.create("dataset", split="test")
        assert (dataset.split, dataset.root) == ("test", Path("/d"))
        with pytest.raises(UsageError, match="localizer"):
            recipe.create("localizer")

    def test_one_component_alone(self):
        made = resolve_component("dataset", {"name": "synthetic", "root": "x"})
        assert made.options == {"root": Path("x"), "scale": 1.0}
        with pytest.raises(
            OptionsError, match=r"dataset\.rot: unknown option; did you mean 'root'"
        ):
            resolve_component("dataset", {"name": "synthetic", "rot": "x"})

    def test_an_object_cannot_be_written(self):
        recipe = Recipe(counter=ComponentSettings(name="net", options={"hook": print}))
        with pytest.raises(UsageError, match=r"counter\.hook"):
            recipe_text(recipe)


text = st.text(max_size=8)
loops = st.builds(
    Loop,
    clip_norm=st.none() | st.floats(0, 9),
    milestones=st.lists(st.integers(0, 9), max_size=3).map(tuple),
)
recipes = st.builds(
    lambda **parts: parts,
    counter=st.fixed_dictionaries(
        {"name": st.just("net")},
        optional={
            "width": st.integers(-(2**40), 2**40),
            "norm": st.sampled_from(["none", "batch"]),
            "dropout": st.none() | st.floats(allow_nan=False),
            "root": text.filter(lambda each: "\0" not in each),
        },
    ),
    trainer=st.fixed_dictionaries(
        {"name": st.just("supervised")},
        optional={
            "epochs": st.integers(0, 9),
            "loop": loops,
            "options": st.dictionaries(text, st.none() | st.floats(allow_nan=False), max_size=2),
            "stages": st.none() | st.lists(loops, max_size=2).map(tuple),
            "crop": st.none() | st.tuples(st.none() | st.integers(0, 9), st.floats(0, 9)),
        },
    ),
    loss=st.sampled_from([{"name": "l1"}, {"name": "mse", "reduction": "sum"}]),
    localizer=st.sampled_from([None, {"name": "peaks"}]),
    run=st.builds(
        RunSettings,
        directory=st.none() | text.map(Path),
        seed=st.integers(0, 2**32 - 1),
        precision=st.sampled_from(["32-true", "bf16-mixed"]),
        resume=st.booleans(),
    ),
)


@settings(deadline=None, max_examples=60)
@given(recipes)
def test_what_is_written_is_read_back_equal(tmp_path_factory, parts):
    with isolated_registry():
        for (kind, name), factory in COMPONENTS.items():
            register(kind, name, factory)
        run = parts.pop("run")
        resolved = {k: resolve_component(k, v) for k, v in parts.items() if v is not None}
        recipe = Recipe(
            **resolved,
            dataset=resolve_component("dataset", "synthetic"),
            density_generator=resolve_component("density_generator", "fixed"),
            run=run,
        )
        path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
        path.write_text(recipe_text(recipe), encoding="utf-8")
        assert load_recipe(path) == recipe


class TestOverrides:
    @pytest.mark.parametrize(
        ("given_text", "value"),
        [
            ("64", 64),
            ("1e-4", 1e-4),
            ("true", True),
            ("[1, 2]", [1, 2]),
            ('"64"', "64"),
            ("bare", "bare"),
            ("/a/b c=d", "/a/b c=d"),
            ('say "hi" \\ ü', 'say "hi" \\ ü'),
            ("", ""),
        ],
    )
    def test_values(self, given_text, value):
        assert parse_overrides([f"a.b={given_text}"]) == {"a": {"b": value}}

    def test_the_later_wins(self):
        assert parse_overrides(["a.b=1", "a.c=2", "a.b=3"]) == {"a": {"b": 3, "c": 2}}

    @pytest.mark.parametrize("bad", ["counter.width", "=3", "a..b=3", "a b=3"])
    def test_what_is_no_setting(self, bad):
        with pytest.raises(UsageError, match=re.escape(repr(bad))):
            parse_overrides([bad])


class TestRecipeFiles:
    POINTS = {"crowdkit.recipes": {"mine": "mine_p.recipes"}}  # noqa: RUF012
    FILES = {  # noqa: RUF012
        "mine_p/__init__.py": "",
        "mine_p/recipes/shanghaitech-a.toml": "run.seed = 5",
        "mine_p/recipes/notes.txt": "no recipe",
    }

    def test_found_by_name(self, install):
        install("crowdkit-mine", self.POINTS, self.FILES)
        (info,) = [each for each in list_recipes() if each.distribution == "crowdkit-mine"]
        assert (info.name, info.version) == ("mine/shanghaitech-a", "1.0")
        with pytest.raises(OptionsError, match=r"^mine/shanghaitech-a: counter\.name: required\n"):
            load_recipe("mine/shanghaitech-a")
        with isolated_registry(), pytest.raises(UnknownComponentError):
            load_recipe("mine/shanghaitech-a")

    def test_near_names(self, install):
        install("crowdkit-mine", self.POINTS, self.FILES)
        with pytest.raises(UnknownComponentError, match="did you mean 'mine/shanghaitech-a'"):
            load_recipe("mine/shanghaitech")

    def test_two_of_one_name(self, install):
        install("crowdkit-mine", self.POINTS, self.FILES)
        other = {name.replace("mine_p", "their_p"): text for name, text in self.FILES.items()}
        install("crowdkit-their", {"crowdkit.recipes": {"mine": "their_p.recipes"}}, other)
        with pytest.raises(AmbiguousComponentError, match="crowdkit-mine and crowdkit-their"):
            load_recipe("mine/shanghaitech-a")
        with pytest.raises(OptionsError, match="counter"):
            load_recipe("crowdkit-their:mine/shanghaitech-a")

    def test_a_broken_plugin_stops_nobody(self, install):
        install("crowdkit-mine", self.POINTS, self.FILES)
        install("crowdkit-bad", {"crowdkit.recipes": {"bad": "absent_p.recipes"}})
        listed = {each.name: each.error for each in list_recipes()}
        assert "absent_p" in listed["bad"]
        assert listed["mine/shanghaitech-a"] == ""

    def test_unreadable_files(self, tmp_path):
        with pytest.raises(UsageError, match=r"absent\.toml: no such recipe file"):
            load_recipe(tmp_path / "absent.toml")
        (tmp_path / "bad.toml").write_text("a = = 3")
        with pytest.raises(UsageError, match="is not TOML"):
            load_recipe(str(tmp_path / "bad.toml"))
        with pytest.raises(UsageError, match="cannot be read"):
            load_recipe(tmp_path)


def test_environment_is_plain_and_names_what_matters(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = environment()
    assert json.loads(json.dumps(found)) == found
    assert found["packages"]["crowdkit-core"]
    assert found["libraries"]["torch"]
    assert found["git_commit"] is None


def test_hardware_is_a_line(monkeypatch):
    import torch

    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    assert re.fullmatch(r"\S.*, 3 threads", hardware("cpu"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU number {device.index}")
    assert hardware("cuda:1") == "GPU number 1"


def test_environment_names_the_commit(monkeypatch, tmp_path):
    import subprocess

    identity = ["-c", "user.name=n", "-c", "user.email=e@x"]
    for command in (["init", "-q"], [*identity, "commit", "-q", "--allow-empty", "-m", "m"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.chdir(tmp_path)
    found = environment()
    assert re.fullmatch(r"[0-9a-f]{40}", found["git_commit"])
    assert found["git_changes"] is False
