"""Check the weights of a distribution: their cards, their files, and that they count."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch

from crowdkit_core.cards import CardInfo, InstalledCard, Located, fetch, find_card, list_cards
from crowdkit_core.inference import Model
from crowdkit_core.inference.loading import model_at
from crowdkit_core.testing.runner import in_a_line, names_of_sound

BLACK = torch.zeros(3, 96, 128, dtype=torch.uint8)


def check_weights(distribution: str) -> list[str]:
    """Check every card of a distribution, and the weights that are packaged with it.

    A card can be read; its file is there and is the card's; its counter loads the file and gives a
    finite count of a black image. A file elsewhere is not fetched, so of it only the card is
    checked.

    Args:
        distribution: Its name, such as ``crowdkit-people``.

    Returns:
        The names of its cards.

    Raises:
        ConformanceError: A card or its weights are broken; names all such.
    """
    found = weights_problems(distribution)
    return names_of_sound(
        (name, f"{check}: {problem}" if problem else "") for name, check, problem in found
    )


def weights_problems(distribution: str) -> Iterator[tuple[str, str, str]]:
    """Each card of a distribution, a check of it, and what is wrong; empty if nothing is."""
    for info in list_cards():
        if info.distribution == distribution:
            for check, problem in _card_problems(info):
                yield info.name, check, problem


def _card_problems(info: CardInfo) -> Iterator[tuple[str, str]]:
    """Each check works on what the one before it gave, so the first that fails is the last."""
    given: Any = info
    for check in CHECKS:
        if isinstance(given, InstalledCard) and given.card.file is None:
            yield f"file left out, {given.card.place} is not fetched", ""
            return
        try:
            given = check(given)
        except Exception as error:
            yield check.__name__, in_a_line(error)
            return
        yield check.__name__, ""


def is_read(info: CardInfo) -> InstalledCard:
    """The card can be read, and its name leads to it."""
    return find_card(info.full_name)


def has_its_file(installed: InstalledCard) -> Located:
    """Its file is in the package, of the card's sha256 and size."""
    return Located(fetch(installed), installed.card)


def counter_loads_its_file(located: Located) -> Model:
    """The counter that the card names is installed and loads the file."""
    return model_at(located)


def counts_a_black_image(model: Model) -> None:
    """In the sizes of the card, with a number as the result."""
    count = model(BLACK).count
    assert math.isfinite(count), f"counted {count}"


CHECKS: tuple[Callable[[Any], Any], ...] = (
    is_read,
    has_its_file,
    counter_loads_its_file,
    counts_a_black_image,
)
