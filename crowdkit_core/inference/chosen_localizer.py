"""The localizer that was chosen for weights, from their card or from beside their file."""

from crowdkit_core.cards import Card, ChosenLocalizer, Located
from crowdkit_core.cards.chosen_localizer import chosen_beside
from crowdkit_core.interfaces import Localizer
from crowdkit_core.registry import create


def chosen_for(located: Located, card: Card | None) -> ChosenLocalizer | None:
    """The choice made for weights; None where nobody made one.

    Args:
        located: The weights.
        card: Theirs, which may be in their file; a choice beside that file comes before it.

    Raises:
        DataError: The file beside the weights is no choice, or was made for other weights.
    """
    beside = chosen_beside(located.path) if located.card is None else None
    if beside is not None or card is None:
        return beside
    return card.localizer


def localizer_for(located: Located, card: Card | None) -> Localizer | None:
    """The chosen localizer itself; arguments and errors as of `chosen_for` and `create`."""
    chosen = chosen_for(located, card)
    if chosen is None:
        return None
    localizer: Localizer = create("localizer", chosen.name, **chosen.options)
    return localizer
