"""The localizer that was chosen for weights, from their card or from beside their file."""

from crowdkit_core.cards import ChosenLocalizer, Located
from crowdkit_core.cards.chosen_localizer import chosen_beside
from crowdkit_core.interfaces import Localizer
from crowdkit_core.registry import create


def chosen_for(located: Located) -> ChosenLocalizer | None:
    """The choice made for weights; None where nobody made one.

    Raises:
        DataError: The file beside the weights is no choice, or was made for other weights.
    """
    return chosen_beside(located.path) if located.card is None else located.card.localizer


def localizer_for(located: Located) -> Localizer | None:
    """The chosen localizer itself; errors as of `chosen_for` and `create`."""
    chosen = chosen_for(located)
    if chosen is None:
        return None
    localizer: Localizer = create("localizer", chosen.name, **chosen.options)
    return localizer
