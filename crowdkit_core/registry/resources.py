"""Find the files that an entry point's package brings."""

from importlib.resources import files
from importlib.resources.abc import Traversable

from crowdkit_core.errors import BrokenComponentError
from crowdkit_core.registry.discovery import Offer
from crowdkit_core.registry.lookup import core_conflict


def toml_files(offer: Offer, what: str) -> list[Traversable]:
    """The TOML files in the package that an entry point names.

    Args:
        offer: Its value is a package.
        what: What the files are, for messages: ``recipes``.

    Raises:
        BrokenComponentError: The package cannot be imported or needs another crowdkit-core.
    """
    where = f"{what} {offer.name!r} of {offer.distribution} {offer.version}"
    if conflict := core_conflict(offer):
        raise BrokenComponentError(f"{where}: {conflict}")
    try:
        found = list(files(offer.value).iterdir())
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever importing the plugin's package raises
        reason = f"{type(error).__name__}: {error}"
        raise BrokenComponentError(
            f"{where} cannot be read from {offer.value!r}: {reason}"
        ) from error
    return [file for file in found if file.name.endswith(".toml")]
