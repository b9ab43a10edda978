"""A card of weights as text and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from crowdkit_core.cards import Card, InstalledCard, KnownCounts, MeasuredErrors, TrainedOn
from crowdkit_core.cards.installed import KIND
from crowdkit_core.tables import table


def card_dict(installed: InstalledCard) -> dict[str, Any]:
    """A card and where it came from, as plain values."""
    source = {"distribution": installed.distribution, "version": installed.version}
    return {"kind": KIND, **source, **asdict(installed.card)}


def format_card(installed: InstalledCard) -> str:
    """A card for people to read."""
    card = installed.card
    title = f"{KIND} {card.name}  ({installed.distribution} {installed.version})"
    first, *rows = _rows(card)
    return "\n".join([title, "", card.summary, "", table(rows, first)])


def _rows(card: Card) -> Iterator[tuple[str, str]]:
    yield "counter", card.counter
    if card.default_for:
        yield "default for", ", ".join(card.default_for)
    yield "file", f"{card.place} ({card.bytes / 1e6:.1f} MB, sha256 {card.sha256[:12]}...)"
    yield from _of_training(card.trained_on)
    for measured in card.errors:
        yield "errors", _errors(measured)
    if card.calibration is not None:
        yield "intervals", _intervals(card.calibration)
    for number, line in enumerate(card.terms.strip().splitlines()):
        yield "" if number else "terms", line


def _of_training(trained: TrainedOn) -> Iterator[tuple[str, str]]:
    yield "trained on", f"{trained.dataset}, {trained.images} {trained.split} images"
    yield "longer sides", "{} to {} pixels".format(*trained.long_side)
    if trained.head_distance is not None:
        yield "heads", "{:g} to {:g} pixels apart".format(*trained.head_distance)
    if trained.front_end:
        yield "front end", trained.front_end
    yield "command", trained.command
    yield "seed", str(trained.seed)
    yield "software", trained.software


def _errors(measured: MeasuredErrors) -> str:
    low, high = measured.mae_interval
    return (
        f"MAE {measured.mae:.2f} (95 %: {low:.2f} to {high:.2f}), RMSE {measured.rmse:.2f}, NAE "
        f"{measured.nae:.3f} on {measured.images} {measured.split} images of {measured.dataset}"
    )


def _intervals(known: KnownCounts) -> str:
    return f"from {len(known.actual)} {known.split} images of {known.dataset}"
