"""What holds for all tests: which examples hypothesis draws, and whose files are used.

Hypothesis draws the same examples on every machine of a CI, and new ones elsewhere.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("dev", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep tests, and the commands they start, out of the user's cache and own weights."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROWDKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("CROWDKIT_WEIGHTS", str(tmp_path_factory.mktemp("weights")))
        yield
