"""pytest fixtures for plugin authors: ``from crowdkit_core.testing.fixtures import *``."""

from collections.abc import Iterator

import pytest

from crowdkit_core import registry


@pytest.fixture
def isolated_registry() -> Iterator[None]:
    """Hide installed components; what a test registers is undone after it."""
    with registry.isolated_registry():
        yield


__all__ = ["isolated_registry"]
