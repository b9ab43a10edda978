"""The package that reads and writes videos, which not everybody needs."""

from importlib import import_module
from typing import Any

from crowdkit_core.errors import MissingPackageError


def pyav() -> Any:
    """The module ``av``.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        return import_module("av")
    except ImportError as error:
        raise MissingPackageError(
            "videos and cameras need the package av", hint="pip install 'crowdkit-core[video]'"
        ) from error
