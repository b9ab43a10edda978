"""Every registered component that needs no file keeps its contract, from the day it is there."""

import pytest

from crowdkit_core import create, list_components
from crowdkit_core.errors import OptionsError
from crowdkit_core.testing import checks_of

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

QUICKER = {
    ("counter", "csrnet"): {"backbone": "resnet18"},
    ("counter", "deepcount"): {"tile": (128, 128), "branches": (4, 5)},
    ("dataset", "synthetic"): {"images": 4},
}


def cases():
    for info in list_components():
        if info.name in NEED_FILES:
            continue
        options = QUICKER.get((info.kind, info.name), {})
        name = f"{info.distribution}:{info.name}"
        component = create(info.kind, name, **options)
        for check in checks_of(component):
            label = f"{info.kind}-{info.name}-{check.__name__}"
            yield pytest.param(info.kind, name, options, check, id=label)


@pytest.mark.parametrize(("kind", "name", "options", "check"), list(cases()))
def test_contract(kind, name, options, check):
    check(create(kind, name, **options))


@pytest.mark.parametrize("name", sorted(NEED_FILES))
def test_datasets_on_disk_say_that_they_need_a_folder(name):
    with pytest.raises(OptionsError, match="root"):
        create("dataset", name)
