"""Find what reads weights of a format of a plugin, by the suffix of their file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from crowdkit_core.errors import AmbiguousComponentError, MissingPackageError
from crowdkit_core.registry.catalogue import known_plugins
from crowdkit_core.registry.discovery import Offer, offers
from crowdkit_core.registry.kinds import WEIGHTS_FORMATS_GROUP
from crowdkit_core.registry.lookup import load_offer

_KIND = "weights_format"
"""What formats are called in the catalogue."""


def format_suffixes() -> tuple[str, ...]:
    """The suffixes of installed and known formats, such as ``.onnx``."""
    names = {*known_plugins(_KIND), *(offer.name for offer in offers(WEIGHTS_FORMATS_GROUP))}
    return tuple(sorted(f".{name}" for name in names))


def format_reader(path: Path) -> Callable[[Path], Any] | None:
    """What reads a file of weights, by its suffix; None where no plugin has to do with it.

    Raises:
        MissingPackageError: The plugin that reads it is not installed.
        AmbiguousComponentError: Two distributions read it.
        BrokenComponentError: The plugin cannot be loaded.
    """
    name = path.suffix.lower().removeprefix(".")
    found = [offer for offer in offers(WEIGHTS_FORMATS_GROUP) if offer.name == name]
    if len(found) > 1:
        raise AmbiguousComponentError(
            f"{path}: weights of this suffix are read by {_listed(found)}",
            hint="uninstall all but one",
        )
    if found:
        reader: Callable[[Path], Any] = load_offer(found[0], f"weights format {name!r}")
        return reader
    if package := known_plugins(_KIND).get(name):
        raise MissingPackageError(
            f"{path}: reading it needs the package {package}", hint=f"pip install {package}"
        )
    return None


def _listed(found: list[Offer]) -> str:
    return " and ".join(offer.distribution for offer in found)
