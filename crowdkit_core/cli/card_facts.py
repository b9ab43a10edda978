"""A card of weights as text and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from crowdkit_core.cards import (
    Card,
    CardInfo,
    FinetunedFrom,
    InstalledCard,
    KnownCounts,
    MeasuredErrors,
    MeasuredSpeed,
    TrainedOn,
    find_card,
)
from crowdkit_core.cards.installed import KIND
from crowdkit_core.errors import CrowdkitError
from crowdkit_core.tables import table


def card_dict(installed: InstalledCard) -> dict[str, Any]:
    """A card and where it came from, as plain values."""
    source = {"distribution": installed.distribution, "version": installed.version}
    return {"kind": KIND, **source, **asdict(installed.card)}


def listed_dict(info: CardInfo) -> dict[str, Any]:
    """A listed card as plain values: all that it says, or why it cannot be read."""
    try:
        known = asdict(find_card(info.full_name).card)
    except CrowdkitError as error:
        known = {"error": error.message}
    return {**asdict(info), **known}


def format_card(installed: InstalledCard) -> str:
    """A card for people to read."""
    card = installed.card
    source = f"{installed.distribution} {installed.version}".strip()
    title = f"{KIND} {card.name}  ({source})"
    first, *rows = [*card_rows(card), *_terms(card)]
    return "\n".join([title, "", card.summary, "", table(rows, first)])


def card_rows(card: Card) -> Iterator[tuple[str, str]]:
    """What a card says, its name, summary and terms apart, as names and values."""
    yield "counter", card.counter
    if card.default_for:
        yield "default for", ", ".join(card.default_for)
    yield "file", f"{card.place} ({megabytes(card)}, sha256 {card.sha256[:12]}...)"
    yield from _of_training(card.trained_on)
    if card.trained_with is not None:
        yield "loss", card.trained_with.loss["name"]
    if card.finetuned_from is not None:
        yield from _of_beginning(card.finetuned_from)
    for measured in card.errors:
        yield "errors", _errors(measured)
    if card.calibration is not None:
        yield "intervals", intervals(card.calibration)
    if card.localizer is not None:
        yield "points", f"{card.localizer.described()}, tuned: {card.localizer.origin()}"
    if card.speed is not None:
        yield "speed", speed(card.speed)
    if card.bf16_change is not None:
        yield "bfloat16", f"changes a count by {card.bf16_change:.2%} at most"


def megabytes(card: Card) -> str:
    """How large the file is."""
    return f"{card.bytes / 1e6:.1f} MB"


def mean_error(measured: MeasuredErrors) -> str:
    """The mean absolute error with its interval."""
    if measured.mae_interval is None:
        return f"MAE {measured.mae:.2f}"
    low, high = measured.mae_interval
    return f"MAE {measured.mae:.2f} (95 %: {low:.2f} to {high:.2f})"


def measured_on(measured: MeasuredErrors) -> str:
    """The images that errors are of."""
    return f"{measured.images} {measured.split} images of {measured.dataset}"


def intervals(known: KnownCounts) -> str:
    """The images that give counts an interval."""
    return f"from {len(known.actual)} {known.split} images of {known.dataset}"


def long_side(trained: TrainedOn) -> str:
    """The sizes of the images that weights were trained on."""
    return f"{' to '.join(map(str, sorted({*trained.long_side})))} pixels"


def speed(measured: MeasuredSpeed) -> str:
    """The time for an image, and on what."""
    width, height = measured.image
    return f"{measured.seconds:g} s for {width} x {height} on {measured.hardware}"


def _terms(card: Card) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(card.terms.strip().splitlines()):
        yield "" if number else "terms", line


def _of_training(trained: TrainedOn) -> Iterator[tuple[str, str]]:
    yield "trained on", f"{trained.dataset}, {trained.images} {trained.split} images"
    yield "longer sides", long_side(trained)
    if trained.head_distance is not None:
        yield "heads", "{:g} to {:g} pixels apart".format(*trained.head_distance)
    if trained.value_range is not None:
        yield "values", "{:.6g} (black) to {:.6g} (white)".format(*trained.value_range)
    if trained.front_end:
        yield "front end", trained.front_end
    yield "command", trained.command
    yield "seed", str(trained.seed)
    yield "software", trained.software


def _of_beginning(beginning: FinetunedFrom) -> Iterator[tuple[str, str]]:
    yield "began as", f"{beginning.weights} (sha256 {beginning.sha256[:12]}...)"
    if beginning.errors is not None:
        yield "errors then", _errors(beginning.errors)


def _errors(measured: MeasuredErrors) -> str:
    relative = "" if measured.nae is None else f", NAE {measured.nae:.3f}"
    return f"{mean_error(measured)}, RMSE {measured.rmse:.2f}{relative} on {measured_on(measured)}"
