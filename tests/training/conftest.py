import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def toys() -> Iterator[ModuleType]:
    """The module of small parts beside this file."""
    path = Path(__file__).with_name("toys.py")
    spec = importlib.util.spec_from_file_location("crowdkit_training_toys", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]
