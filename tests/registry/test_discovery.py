"""Names, from installed distributions to loaded components."""

import re
import sys

import pytest

import crowdkit_core
from crowdkit_core import list_components
from crowdkit_core.errors import (
    AmbiguousComponentError,
    BrokenComponentError,
    UnknownComponentError,
    UsageError,
)
from crowdkit_core.registry import KINDS, describe, kinds_offering, load, lookup, register
from crowdkit_core.registry.catalogue import known_plugins

COUNTERS = "crowdkit.counters"
LOSSES = "crowdkit.losses"


def info_of(name):
    (info,) = [info for info in list_components() if info.name == name]
    return info


def test_installed_component_is_listed_and_loaded(install):
    install(
        "crowdkit-alpha", {COUNTERS: {"alpha": "alpha_a:Alpha"}}, {"alpha_a.py": "Alpha = dict"}
    )
    info = info_of("alpha")
    assert (info.kind, info.distribution, info.version) == ("counter", "crowdkit-alpha", "1.0")
    assert info.error == ""
    assert "alpha_a" not in sys.modules, "listing imported a plugin"
    assert load("counter", "alpha") is dict


def test_core_registers_its_own_components_as_a_plugin_does():
    names = {(info.kind, info.name) for info in list_components("density_generator")}
    assert ("density_generator", "fixed") in names
    assert {info.kind for info in list_components("density-generator")} == {"density_generator"}


def test_a_distribution_installed_while_running_is_seen(install):
    with pytest.raises(UnknownComponentError):
        load("counter", "late")
    install("crowdkit-late", {COUNTERS: {"late": "late_a:Late"}}, {"late_a.py": "Late = list"})
    assert load("counter", "late") is list


def test_two_distributions_of_one_name(install):
    for letter, value in (("x", "dict"), ("y", "list")):
        files = {f"same_{letter}.py": f"Same = {value}"}
        install(f"crowdkit-{letter}", {COUNTERS: {"same": f"same_{letter}:Same"}}, files)
    with pytest.raises(AmbiguousComponentError) as caught:
        load("counter", "same")
    for expected in ("crowdkit-x", "crowdkit-y", "crowdkit-x:same", "crowdkit-y:same"):
        assert expected in str(caught.value)
    assert load("counter", "crowdkit-x:same") is dict
    assert load("counter", "Crowdkit_Y:same") is list
    assert [info.distribution for info in list_components() if info.name == "same"] == [
        "crowdkit-x",
        "crowdkit-y",
    ]


def test_a_stale_copy_behind_is_the_same_distribution(install):
    install(
        "crowdkit-z",
        {COUNTERS: {"z": "z_old:Z", "gone": "z_old:Gone"}},
        {"z_old.py": "Z = Gone = list"},
        version="0.9",
        folder="behind",
    )
    install("crowdkit_Z", {COUNTERS: {"z": "z_new:Z"}}, {"z_new.py": "Z = dict"}, folder="front")
    assert load("counter", "z") is dict
    assert info_of("z").version == "1.0"
    with pytest.raises(UnknownComponentError):
        load("counter", "gone")


def test_in_process_name_that_is_installed_too_is_ambiguous(install):
    install("crowdkit-w", {COUNTERS: {"w": "w_w:W"}}, {"w_w.py": "W = dict"})
    with register("counter", "w", list):
        with pytest.raises(AmbiguousComponentError, match=r"crowdkit-w and this process"):
            load("counter", "w")
        assert load("counter", "local:w") is list
        assert load("counter", "crowdkit-w:w") is dict
    assert load("counter", "w") is dict


def test_unknown_name_with_a_known_plugin_says_what_to_install(monkeypatch):
    monkeypatch.setattr(lookup, "known_plugins", lambda _: {"elsewhere": "crowdkit-elsewhere"})
    with pytest.raises(UnknownComponentError) as caught:
        load("counter", "elsewere")
    assert "did you mean 'elsewhere'" in caught.value.message
    assert "pip install crowdkit-elsewhere" in caught.value.hint


def test_unknown_name_lists_what_is_installed_and_the_kind_that_has_it():
    with pytest.raises(UnknownComponentError) as caught:
        load("loss", "fixed")
    assert "mse" in caught.value.message
    assert "'fixed' is a density generator" in caught.value.message
    assert caught.value.hint == ""


def test_catalogue_has_known_kinds_and_no_component_of_core():
    for kind in KINDS:
        own = {i.name for i in list_components(kind) if i.distribution == "crowdkit-core"}
        assert not own & known_plugins(kind).keys()
        assert all(
            re.fullmatch(r"crowdkit-[a-z0-9-]+", each) for each in known_plugins(kind).values()
        )
    assert known_plugins("counter")["rdcc"] == "crowdkit-recurrent-distillation"


def test_unknown_kind_lists_kinds():
    with pytest.raises(UsageError, match="density_generator"):
        list_components("countr")


BROKEN = [
    ("", "absent_module:X", "No module named 'absent_module'"),
    ("import absent_library\nX = 1", "broken_m:X", "No module named 'absent_library'"),
    ("from absent_library.y import X", "broken_m:X", "No module named 'absent_library'"),
    ("def X(:", "broken_m:X", "SyntaxError"),
    ("raise RuntimeError('boom')\nX = 1", "broken_m:X", "RuntimeError: boom"),
    ("Y = 1", "broken_m:X", "no attribute 'X'"),
]


@pytest.mark.parametrize(("module", "value", "shown"), BROKEN)
def test_a_broken_plugin_stops_nobody(install, module, value, shown):
    install("crowdkit-broken", {COUNTERS: {"broken": value}}, {"broken_m.py": module})
    assert info_of("broken").kind == "counter"
    assert "broken_m" not in sys.modules
    assert load("loss", "mse").__name__ == "MSE"
    with pytest.raises(BrokenComponentError) as caught:
        load("counter", "broken")
    assert "crowdkit-broken 1.0" in caught.value.message
    assert value in caught.value.message
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize(("module", "value", "shown"), BROKEN)
def test_a_check_shows_why_a_plugin_is_broken(install, module, value, shown):
    install("crowdkit-broken", {COUNTERS: {"broken": value}}, {"broken_m.py": module})
    listed = {each.name: each.error for each in list_components("counter", load_errors=True)}
    assert shown in listed["broken"]
    assert listed["mcnn"] == ""


@pytest.mark.parametrize(
    ("value", "missing"),
    [("absent_module:X", "absent_module"), ("present_p.absent.deep:X", "present_p.absent")],
)
def test_a_missing_module_shows_without_importing_its_package(install, value, missing):
    files = {"present_p/__init__.py": "raise RuntimeError('imported')"}
    install("crowdkit-broken", {COUNTERS: {"broken": value}}, files)
    assert info_of("broken").error == f"ModuleNotFoundError: No module named {missing!r}"


def test_a_module_in_a_package_is_found_without_importing_it(install):
    files = {"present_p/__init__.py": "raise RuntimeError('imported')", "present_p/m.py": "X = 1"}
    install("crowdkit-present", {COUNTERS: {"present": "present_p.m:X"}}, files)
    assert info_of("present").error == ""


def test_what_breaks_only_when_imported_shows_when_asked(install):
    source = "X = 1\nif X:\n    raise OSError('late')"
    install("crowdkit-late", {LOSSES: {"late": "late_m:X"}}, {"late_m.py": source})
    assert info_of("late").error == ""
    (info,) = [each for each in list_components("loss", load_errors=True) if each.name == "late"]
    assert info.error == "OSError: late"


def test_core_out_of_range_is_said_before_loading(install, monkeypatch):
    monkeypatch.setattr(crowdkit_core, "__version__", "0.1.0")
    install(
        "crowdkit-future",
        {COUNTERS: {"future": "future_m:X"}},
        {"future_m.py": "X = dict"},
        requires="crowdkit-core>=7,<8",
    )
    assert ">=7" in info_of("future").error
    with pytest.raises(BrokenComponentError) as caught:
        load("counter", "future")
    assert "crowdkit-core 0.1.0" in caught.value.message
    assert "<8,>=7" in caught.value.message
    assert "future_m" not in sys.modules
    monkeypatch.setattr(crowdkit_core, "__version__", "7.3.1")
    assert load("counter", "future") is dict


@pytest.mark.parametrize("damage", ["entry_points", "metadata"])
def test_damaged_metadata_stays_its_own(install, damage):
    text = f"[{COUNTERS}]\nno equals sign here\n" if damage == "entry_points" else ""
    root = install("crowdkit-damaged", text or {COUNTERS: {"x": "x:X"}})
    if damage == "metadata":
        next(root.glob("*/METADATA")).unlink()
    (damaged,) = [info for info in list_components() if info.distribution == "crowdkit-damaged"]
    assert "metadata" in damaged.error
    assert load("loss", "mse").__name__ == "MSE"


def test_kinds_offering(install):
    points = {COUNTERS: {"both": "b:B"}, LOSSES: {"both": "b:B"}}
    install("crowdkit-both", points)
    assert kinds_offering("both") == ["counter", "loss"]
    with pytest.raises(UnknownComponentError, match="did you mean 'both'"):
        kinds_offering("bothh")


def test_describe(install):
    source = '''
class Thing:
    """Counts things.

    Args:
        width: Channels of the
            first layer.
        up: How to enlarge.

    Reference:
        A. Author, "Things", 2020, Eq. 3.
    """

    def __init__(self, *, width: int, up: str = "nearest") -> None: ...
'''
    install("crowdkit-thing", {COUNTERS: {"thing": "thing_m:Thing"}}, {"thing_m.py": source})
    thing = describe("counter", "thing")
    assert (thing.distribution, thing.version) == ("crowdkit-thing", "1.0")
    assert thing.summary == "Counts things."
    assert thing.reference == 'A. Author, "Things", 2020, Eq. 3.'
    width, up = thing.options
    assert (width.name, width.type, width.required) == ("width", "int", True)
    assert width.help == "Channels of the first layer."
    assert (up.name, up.type, up.default) == ("up", "str", "'nearest'")
