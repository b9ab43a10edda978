"""The page of weights that are installed."""

from crowdkit_core.cards import Card, InstalledCard, find_card, list_cards
from crowdkit_core.cli import card_facts
from generate.components import anchor
from generate.markdown import code, listing, page, table
from generate.papers import paper_link

TITLE = "# Which weights"
HEADER = (
    "weights",
    "count",
    "default for",
    "error",
    "interval",
    "size",
    "speed",
    "trained on sizes",
    "package",
)
LITERAL = ("file", "command")
"""What a card says that is typed or looked up."""


def weights_page() -> str:
    """Every card in a row, and all that it says in a section."""
    cards = [find_card(info.full_name) for info in list_cards() if info.version]
    if not cards:
        return page(
            TITLE,
            "No weights are installed where these pages were made."
            " [Weights by name](../weights.md) says how packages offer them.",
        )
    return page(
        TITLE,
        "`crowdkit count photo.jpg --weights NAME` counts with any of these; without a name, with"
        " the default for people. [Weights by name](../weights.md) says what their cards change.",
        "The error is the mean absolute error, in heads or whatever is counted, with its 95 %"
        " interval; images unlike those it is from have other errors. A count has an interval where"
        " there are images to learn it from. Images are resized to the sizes of training, given as"
        " their longer side; the speed is that of an image of the greatest.",
        table(HEADER, map(_row, cards)),
        *map(_section, cards),
    )


def _row(installed: InstalledCard) -> tuple[str, ...]:
    card = installed.card
    return (
        f"[{card.name}](#{anchor(card.name)})",
        card.summary,
        ", ".join(card.default_for),
        "; ".join(
            f"{card_facts.mean_error(each)} on {card_facts.measured_on(each)}"
            for each in card.errors
        ),
        "none" if card.calibration is None else f"from {len(card.calibration.actual)} images",
        card_facts.megabytes(card),
        "" if card.speed is None else card_facts.speed(card.speed),
        card_facts.long_side(card.trained_on),
        paper_link(installed.distribution),
    )


def _section(installed: InstalledCard) -> str:
    card = installed.card
    rows = [
        (name, code(value) if name in LITERAL else value)
        for name, value in card_facts.card_rows(card)
    ]
    return page(f"## {card.name}", card.summary, table(("", ""), rows), _terms(card)).rstrip()


def _terms(card: Card) -> str:
    return f"Terms of use:\n\n{listing(card.terms)}" if card.terms else ""
