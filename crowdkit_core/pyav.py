"""The package that reads and writes videos."""

from typing import Any

from crowdkit_core.extras import extra_package


def pyav() -> Any:
    """The module ``av``.

    Raises:
        MissingPackageError: It is not installed.
    """
    return extra_package("av", extra="video", needed_by="videos and cameras need")
