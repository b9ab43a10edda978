"""Every registered component that needs no file keeps its contract, from the day it is there."""

import tomllib
from functools import lru_cache
from pathlib import Path

import pytest

from crowdkit_core import create, list_components
from crowdkit_core.errors import OptionsError
from crowdkit_core.testing.runner import CHECKS

NEED_FILES = {
    "dots",
    "folder",
    "jhu",
    "mall",
    "nwpu",
    "shanghaitech",
    "ucf-cc-50",
    "ucf-qnrf",
    "ucsd",
    "worldexpo",
}
"""Datasets on disk; checked on miniature trees in the tests of the data."""

NEED_OPTIONS = NEED_FILES | {"empty-regions", "joined", "onnx"}

QUICKER = tomllib.loads((Path(__file__).parents[1] / "quicker.toml").read_text())


def cases():
    for info in list_components():
        if info.name in NEED_OPTIONS:
            continue
        for check in CHECKS[info.kind.replace("_", " ")]:
            label = f"{info.kind}-{info.name}-{check.__name__}"
            yield pytest.param(info.kind, f"{info.distribution}:{info.name}", check, id=label)


@lru_cache(maxsize=1)
def component(kind, name):
    """One instance for all its checks, as `check_counter` and its siblings are given."""
    return create(kind, name, **QUICKER.get(kind, {}).get(name.rpartition(":")[2], {}))


@pytest.mark.parametrize(("kind", "name", "check"), list(cases()))
def test_contract(kind, name, check):
    check(component(kind, name))


@pytest.mark.parametrize("name", sorted(NEED_FILES))
def test_datasets_on_disk_say_that_they_need_a_folder(name):
    with pytest.raises(OptionsError, match="root"):
        create("dataset", name)
