"""Look at the files that packages bring for their cards."""

from dataclasses import replace

from crowdkit_core.cards.fetching import fetch
from crowdkit_core.cards.installed import CardInfo, find_card, list_cards
from crowdkit_core.errors import CrowdkitError


def check_cards() -> list[CardInfo]:
    """The cards as `list_cards` gives them, with an error also where a packaged file is not right.

    It is missing, or not the card's. Files elsewhere are not fetched.
    """
    return [_checked(info) for info in list_cards()]


def _checked(info: CardInfo) -> CardInfo:
    try:
        installed = find_card(info.full_name)
        if installed.card.file is not None:
            fetch(installed)
    except CrowdkitError as error:
        return replace(info, error=error.message)
    return info
