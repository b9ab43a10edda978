"""Import the packages of extras, which not everybody installs."""

from importlib import import_module
from typing import Any

from crowdkit_core.errors import MissingPackageError


def extra_package(name: str, *, extra: str, needed_by: str) -> Any:
    """A module of a package that an extra of crowdkit-core brings.

    Args:
        name: Of the module.
        extra: Of crowdkit-core, such as ``video``.
        needed_by: Who needs it, with the verb: ``videos and cameras need``.

    Raises:
        MissingPackageError: It is not installed; says what to install.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"{needed_by} the package {name}", hint=f"pip install 'crowdkit-core[{extra}]'"
        ) from error
