"""The user's own weights: cards and files in a folder of theirs, found like those of packages."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from crowdkit_core.cards.card import Card, card_text
from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.files import atomic_write

WEIGHTS_VARIABLE = "CROWDKIT_WEIGHTS"
"""Environment variable that names another folder."""

OWN = "own"
"""What stands for the distribution in the full name of a card of one's own: ``own:people-mine``."""


def own_folder() -> Path:
    """The folder of the user's own weights, or the one that ``CROWDKIT_WEIGHTS`` names."""
    if chosen := os.environ.get(WEIGHTS_VARIABLE):
        return Path(chosen).expanduser()
    from platformdirs import user_data_path

    return user_data_path("crowdkit", appauthor=False) / "weights"


def own_cards() -> Iterator[Path]:
    """The files of the user's own cards, by name; none where there is no such folder."""
    found = own_folder().glob("*.toml")
    yield from sorted(path for path in found if not path.name.startswith("."))


def keep_own(card: Card, file: Path) -> Path:
    """Keep weights among the user's own; from then on they are found by their name.

    Args:
        card: Its ``file`` is ``NAME.safetensors``.
        file: The weights; copied.

    Returns:
        The card's file.

    Raises:
        UsageError: There are own weights of the name.
        CrowdkitError: They cannot be written.
    """
    folder = own_folder()
    place = folder / f"{card.name}.toml"
    if place.exists():
        raise UsageError(f"{place}: there are weights of this name", hint="choose another name")
    text = card_text(card)
    try:
        # The card comes last: it is what the weights are found by.
        with atomic_write(folder / f"{card.name}.safetensors") as temporary:
            shutil.copyfile(file, temporary)
        with atomic_write(place) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CrowdkitError(
            f"{folder}: weights cannot be kept here: {error.strerror or error}",
            hint=f"name a folder that can be written: {WEIGHTS_VARIABLE}=FOLDER",
        ) from error
    return place


def remove_own(name: str) -> None:
    """Remove weights from the user's own.

    Raises:
        UsageError: There are none of the name.
        CrowdkitError: They cannot be removed.
    """
    places = [path for path in own_cards() if path.stem == name]
    if not places:
        known = ", ".join(path.stem for path in own_cards()) or "none"
        raise UsageError(f"{own_folder()}: no weights named {name!r}; there are: {known}")
    try:
        for path in places:
            path.unlink()
            path.with_suffix(".safetensors").unlink(missing_ok=True)
    except OSError as error:
        raise CrowdkitError(f"{places[0]}: cannot be removed: {error}") from error
