"""From what a user names weights by to a file."""

import os
from dataclasses import dataclass
from pathlib import Path

from crowdkit_core.cards.card import Card
from crowdkit_core.cards.fetching import fetch
from crowdkit_core.cards.hub import SCHEME, fetch_from_hub
from crowdkit_core.cards.installed import PEOPLE, InstalledCard, default_card, find_card
from crowdkit_core.cards.terms import show_terms_once
from crowdkit_core.errors import UsageError
from crowdkit_core.registry.discovery import required_by
from crowdkit_core.registry.weights_formats import format_suffixes

SUFFIXES = (".safetensors", ".pt", ".pth", ".h5", ".hdf5", ".tar", ".bin", ".ckpt")
"""What ends in one of these, or in one of a plugin's, is a file, whether it is there or not."""


@dataclass(frozen=True, slots=True)
class Located:
    """A file of weights.

    Attributes:
        path: The file; one that a user named may not be there.
        card: What is known of it; None without a card.
        packages: The distribution that offers the card, and those it requires: the counter is of
            one of them.
    """

    path: Path
    card: Card | None = None
    packages: tuple[str, ...] = ()


def locate(source: str | Path) -> Located:
    """The file that weights are in, fetched if need be.

    Args:
        source: A file; the name of a card (``NAME`` or ``DISTRIBUTION:NAME``); or a file of the
            Hugging Face hub (``hf://org/repo@revision/path``). A `Path` is a file, and so is text
            that names an existing one, ends in a suffix of weights or has a folder in it.

    Raises:
        UsageError: No card has the name, or an address does not say what to fetch.
        BrokenComponentError: The card cannot be read.
        WeightsError: The file cannot be fetched, or is not what its card says.
    """
    if isinstance(source, Path):
        return Located(source)
    if source.startswith(SCHEME):
        return Located(fetch_from_hub(source))
    if source.startswith(("http://", "https://")):
        raise UsageError(
            f"{source}: an address alone does not say which bytes to expect",
            hint="download it and give the file, or install a card with its sha256",
        )
    if is_file(source):
        return Located(Path(source))
    return _located(find_card(source))


def locate_default(purpose: str = PEOPLE) -> Located:
    """The file of the weights that count something by default.

    Raises:
        UsageError: None are installed, or two claim it.
        WeightsError: The file cannot be fetched, or is not what its card says.
    """
    return _located(default_card(purpose))


def _located(installed: InstalledCard) -> Located:
    path = fetch(installed)
    show_terms_once(installed.card.terms, installed.label)
    required = [] if installed.is_own else required_by(installed.distribution)
    packages = (installed.distribution, *required)
    return Located(path, installed.card, packages)


def is_file(source: str) -> bool:
    """Whether text is taken for a file rather than for the name of a card."""
    has_folder = "/" in source or os.sep in source
    suffixes = (*SUFFIXES, *format_suffixes())
    return has_folder or source.lower().endswith(suffixes) or Path(source).is_file()
