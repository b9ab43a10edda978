"""Weights by name: packages offer cards, and a card leads to a file that was checked.

Importing this needs no torch.
"""

from crowdkit_core.cards.cache import CACHE_VARIABLE, cache_folder
from crowdkit_core.cards.card import (
    Card,
    FinetunedFrom,
    KnownCounts,
    MeasuredErrors,
    MeasuredSpeed,
    TrainedOn,
    TrainedWith,
    card_text,
    parse_card,
)
from crowdkit_core.cards.checking import check_cards
from crowdkit_core.cards.chosen_localizer import ChosenLocalizer
from crowdkit_core.cards.fetching import fetch
from crowdkit_core.cards.installed import (
    CardInfo,
    InstalledCard,
    default_card,
    find_card,
    list_cards,
)
from crowdkit_core.cards.own import WEIGHTS_VARIABLE, keep_own, own_folder, remove_own
from crowdkit_core.cards.sources import Located, locate, locate_default

__all__ = [
    "CACHE_VARIABLE",
    "WEIGHTS_VARIABLE",
    "Card",
    "CardInfo",
    "ChosenLocalizer",
    "FinetunedFrom",
    "InstalledCard",
    "KnownCounts",
    "Located",
    "MeasuredErrors",
    "MeasuredSpeed",
    "TrainedOn",
    "TrainedWith",
    "cache_folder",
    "card_text",
    "check_cards",
    "default_card",
    "fetch",
    "find_card",
    "keep_own",
    "list_cards",
    "locate",
    "locate_default",
    "own_folder",
    "parse_card",
    "remove_own",
]
