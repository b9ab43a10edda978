"""Options, creation, and registration in the process."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from torch import nn

from crowdkit_core import create, list_components, register
from crowdkit_core.errors import (
    BrokenComponentError,
    OptionsError,
    UnknownComponentError,
    UsageError,
)
from crowdkit_core.interfaces import Component
from crowdkit_core.registry import isolated_registry


@dataclass(frozen=True, kw_only=True)
class Loop:
    clip_norm: float | None = None
    every: int = 1


class Thing(Component):
    kind = "counter"

    def __init__(
        self,
        *,
        width: int,
        up: Literal["nearest", "bilinear"] = "nearest",
        sizes: tuple[int, ...] = (1,),
        root: Path | None = None,
        loop: Loop = Loop(),
        module: nn.Module | None = None,
        schema: str = "",
    ) -> None:
        self.seen = {"width": width, "up": up, "sizes": sizes, "root": root, "loop": loop}
        self.module, self.schema = module, schema


@pytest.fixture(autouse=True)
def thing():
    with isolated_registry(), register("counter", "thing", Thing):
        yield


def test_options_arrive_as_their_types():
    relu = nn.ReLU()
    made = create(
        "counter",
        "thing",
        width=3,
        sizes=[1, 2],
        root="a/b",
        loop={"clip_norm": 1},
        module=relu,
        schema="x",
    )
    assert made.seen == {
        "width": 3,
        "up": "nearest",
        "sizes": (1, 2),
        "root": Path("a/b"),
        "loop": Loop(clip_norm=1.0),
    }
    assert made.module is relu
    assert made.schema == "x"


def test_origin_has_what_was_given_without_defaults():
    made = create("counter", "thing", width=3, sizes=[4])
    assert made.origin is not None
    assert (made.origin.kind, made.origin.name, made.origin.distribution) == (
        "counter",
        "thing",
        "",
    )
    assert made.origin.options == {"width": 3, "sizes": (4,)}
    assert made.label == "counter 'thing'"


def test_all_errors_at_once_with_paths_and_near_names():
    with pytest.raises(OptionsError) as caught:
        create(
            "counter",
            "thing",
            widht=3,
            up="cubic",
            sizes=[1, "a"],
            loop={"clip_nrom": 1, "every": "often"},
            module=3,
        )
    message = caught.value.message
    for expected in (
        "counter 'thing': ",
        "widht: unknown option; did you mean 'width'?",
        "width: required option missing",
        "'nearest' or 'bilinear' (got 'cubic')",
        "sizes.1: ",
        "(got 'a')",
        "loop.clip_nrom: unknown option; did you mean 'clip_norm'?",
        "loop.every: ",
        "module: ",
    ):
        assert expected in message
    assert "\n" not in message
    assert "options of counter 'thing': width, up, sizes" in caught.value.hint


def test_union_branches_do_not_show_in_paths():
    def either(*, path: str | Path = "", many: list[int] | int = 0) -> None: ...

    with register("loss", "either", either), pytest.raises(OptionsError) as caught:
        create("loss", "either", path=3, many=["x"])
    assert "path: input should be a valid string" in caught.value.message
    assert "lax" not in caught.value.message
    assert "many.0: " in caught.value.message


def test_string_annotations_are_evaluated():
    def quoted(*, width: "int" = 1) -> "int":
        return width

    with register("loss", "quoted", quoted):
        assert create("loss", "quoted", width=4) == 4
        with pytest.raises(OptionsError):
            create("loss", "quoted", width="x")


@pytest.mark.parametrize("options", [{}, {"width": 3}])
def test_hidden_options_are_refused(options):
    def hidden(**options: Any) -> None: ...

    with register("loss", "hidden", hidden), pytest.raises(BrokenComponentError, match="options"):
        create("loss", "hidden", **options)


@pytest.mark.parametrize("word", ["kind", "name"])
def test_words_of_the_registry_are_no_options(word):
    space: dict[str, Any] = {}
    exec(f"def clash(*, {word}: str = ''): ...", space)
    clash = register("loss", "clash", space["clash"])
    with clash, pytest.raises(BrokenComponentError, match=f"named '{word}'"):
        create("loss", "clash")


def test_a_module_without_constructor_has_no_options():
    class Plain(nn.Module): ...

    with register("loss", "plain", Plain):
        assert isinstance(create("loss", "plain"), Plain)
        with pytest.raises(OptionsError, match="unknown option"):
            create("loss", "plain", width=3)


def test_frozen_dataclass_component_gets_an_origin():
    @dataclass(frozen=True, kw_only=True)
    class Frozen(Component):
        kind = "trainer"
        epochs: int = 1
        names: list[str] = field(default_factory=list)

    with register("trainer", "frozen", Frozen):
        made = create("trainer", "frozen", epochs=2)
    assert made.epochs == 2
    assert made.origin.options == {"epochs": 2}


class Loaded(nn.Module):
    """Stands for a weighted component: the file fixes an option."""

    origin = None

    def __init__(self, *, channels: int, width: int = 1) -> None:
        super().__init__()
        self.channels, self.width = channels, width

    @classmethod
    def from_weights(cls, path: str, **options: Any) -> "Loaded":
        given = {"channels": 1, "width": 5, **options}
        made = cls(**given)
        made.weights_options = given
        made.path = path
        return made


def test_weights_go_through_from_weights_and_lose_to_what_is_given():
    with register("counter", "loaded", Loaded):
        made = create("counter", "loaded", weights="a.safetensors", width="7")
        assert (made.path, made.channels, made.width) == ("a.safetensors", 1, 7)
        assert made.origin.options == {"channels": 1, "width": 7}
        with pytest.raises(OptionsError, match="did you mean 'width'"):
            create("counter", "loaded", weights="absent.safetensors", widht=7)
        with pytest.raises(OptionsError, match="channels: required"):
            create("counter", "loaded")


def test_real_weighted_counter_keeps_the_options_of_its_file(tmp_path):
    from crowdkit_core.interfaces import Weighted
    from crowdkit_core.weights import save_weights

    class Small(Weighted, Component):
        kind = "counter"

        def __init__(self, *, widths: tuple[int, ...] = (2,), bias: bool = True) -> None:
            super().__init__()
            self.widths = widths
            self.layer = nn.Linear(widths[0], 1, bias=bias)

    with register("counter", "small", Small):
        first = create("counter", "small", widths=[3], bias=False)
        path = tmp_path / "small.safetensors"
        save_weights(path, first, component="small", options=first.origin.options)
        again = create("counter", "small", weights=path)
        assert again.widths == (3,)
        torch.testing.assert_close(again.layer.weight, first.layer.weight)
        assert again.origin.options == first.origin.options
        save_weights(path, first, component="other", options={"extra": 1})
        with pytest.raises(OptionsError, match=r"weights of 'other'.*extra: unknown option"):
            create("counter", "small", weights=path)


def test_registration_is_undone():
    with register("loss", "mine", Thing):
        assert [info.name for info in list_components("loss")] == ["mine"]
    handle = register("loss", "other", Thing)
    handle.undo()
    handle.undo()
    assert list_components("loss") == []


def test_decorator_returns_what_it_decorates():
    @register("loss", "decorated")
    class Decorated: ...

    assert isinstance(create("loss", "decorated"), Decorated)


def test_undo_leaves_a_later_registration_alone():
    first = register("loss", "mine", Thing)
    first.undo()
    with register("loss", "mine", Loaded):
        first.undo()
        assert [info.name for info in list_components("loss")] == ["mine"]


def test_a_taken_name_is_refused():
    with pytest.raises(UsageError, match="already registered"):
        register("counter", "thing", Loaded)
    with pytest.raises(UsageError, match="already registered"):
        register("counter", "thing", Thing)


def test_a_notebook_cell_may_run_again():
    cell = "class Mine:\n    pass\n"
    first: dict[str, Any] = {"__name__": "__main__"}
    second: dict[str, Any] = {"__name__": "__main__"}
    exec(cell, first)
    exec(cell, second)
    register("loss", "cell", first["Mine"])
    register("loss", "cell", second["Mine"])
    assert isinstance(create("loss", "cell"), second["Mine"])


@pytest.mark.parametrize("name", ["", "a:b"])
def test_unusable_names_are_refused(name):
    with pytest.raises(UsageError, match="cannot be named"):
        register("loss", name, Thing)


def test_isolated_registry_hides_all_and_restores():
    with isolated_registry():
        assert list_components() == []
        register("loss", "inner", Thing)
        with pytest.raises(UnknownComponentError, match="installed: none"):
            create("counter", "thing")
    assert [info.name for info in list_components()] == ["thing"]
