"""The folder in which fetched weights are kept."""

import os
from pathlib import Path

CACHE_VARIABLE = "CROWDKIT_CACHE"
"""Environment variable that names another folder."""


def cache_folder() -> Path:
    """The user's cache of crowdkit, or the folder that ``CROWDKIT_CACHE`` names."""
    if chosen := os.environ.get(CACHE_VARIABLE):
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("crowdkit"))
