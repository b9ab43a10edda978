"""From the folder of a run to weights that others can use."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from crowdkit_core.cards import (
    Card,
    Located,
    MeasuredErrors,
    TrainedOn,
    card_text,
    parse_card,
)
from crowdkit_core.cards.chosen_localizer import chosen_beside
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.files import atomic_write, sha256_of
from crowdkit_core.inference import Calibration, Model, Sizing
from crowdkit_core.inference.interval import LEAST_IMAGES
from crowdkit_core.inference.known import Known
from crowdkit_core.inference.loading import counter_of
from crowdkit_core.inference.model import count_annotated
from crowdkit_core.inference.sources import Reading
from crowdkit_core.inference.ways import BF16
from crowdkit_core.interfaces import Counter, Dataset
from crowdkit_core.packing.facts import (
    known_counts,
    measured_errors,
    software_of,
    trained_with,
)
from crowdkit_core.packing.offered import Offered
from crowdkit_core.packing.sizes import trained_sizing
from crowdkit_core.packing.speed import measured_speed
from crowdkit_core.registry import create
from crowdkit_core.settings import Recipe, load_recipe
from crowdkit_core.weights import WeightsFile, read_weights, save_half

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRun:
    """Weights ready to be offered.

    Attributes:
        card: What is known of them.
        notes: A line each on what the card could not say.
    """

    card: Card
    notes: tuple[str, ...] = ()


def card_of_run(
    run: str | Path,
    offered: Offered,
    *,
    device: torch.device | str | None = None,
    progress: Progress | None = None,
) -> PackedRun:
    """The card of a run's weights as `pack_run` would write them.

    The weights are packed and then count the validation images in the sizes that the card says, so
    its errors are those that a user gets. The speed is that of the device they are counted on.

    Args:
        run: Folder of `crowdkit train`. Its data must be there still.
        offered: What the run does not say.
        device: Where to count; None for the CPU.
        progress: Called with how many validation images are counted, and of how many.

    Raises:
        UsageError: The folder is not that of a run, its validation images show nobody, or
            ``offered`` does not make a card or its options are not the counter's.
        DataError: The data cannot be read.
        WeightsError: The weights cannot be read, or do not fit ``counter_options``.
    """
    with _packed(Path(run), offered, device, progress) as (packed, _):
        return packed


def pack_run(
    run: str | Path,
    offered: Offered,
    folder: str | Path,
    *,
    device: torch.device | str | None = None,
    progress: Progress | None = None,
) -> PackedRun:
    """Write ``NAME.safetensors`` in half precision and its card ``NAME.toml``; see `card_of_run`.

    Args:
        run: Folder of `crowdkit train`.
        offered: What the run does not say.
        folder: Where both files go; nothing is written before both are ready.
        device: Where to count; None for the CPU.
        progress: As for `card_of_run`.

    Raises:
        CrowdkitError: As `card_of_run`.
        OSError: A file cannot be written.
    """
    with _packed(Path(run), offered, device, progress) as (packed, file):
        name = packed.card.name
        with atomic_write(Path(folder) / f"{name}.safetensors") as temporary:
            shutil.copyfile(file, temporary)
        with atomic_write(Path(folder) / f"{name}.toml") as temporary:
            temporary.write_text(card_text(packed.card), encoding="utf-8")
        return packed


@contextmanager
def _packed(
    run: Path, offered: Offered, device: torch.device | str | None, progress: Progress | None
) -> Iterator[tuple[PackedRun, Path]]:
    """The card of a run, and its packed weights for as long as the block lasts."""
    recipe = load_recipe(run / "recipe.toml")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "packed.safetensors"
        weights = run / f"{offered.weights}.safetensors"
        save_half(file, _with_options(weights, offered.counter_options))
        train: Dataset = recipe.create("dataset", split="train")
        model = Model(
            counter=create("counter", counter_of(Located(file), None), weights=file),
            sizing=trained_sizing(train),
            weights=sha256_of(file),
            device=device,
            way="auto",
            reading=Reading(value_range=Known.of(Located(file)).value_range or train.value_range),
        )
        card = _checked(
            Card(
                **_identity(offered, model.counter, recipe),
                sha256=model.weights,
                bytes=file.stat().st_size,
                trained_on=_trained_on(run, recipe, train, model, offered),
                trained_with=trained_with(recipe),
            )
        )
        splits = list(dict.fromkeys([recipe.run.validate_on, *offered.tested_on]))
        datasets: list[Dataset] = [recipe.create("dataset", split=split) for split in splits]
        counts = [count_annotated(model, dataset, progress=progress) for dataset in datasets]
        called = card.trained_on.dataset
        known = known_counts(counts[0], dataset=called, split=splits[0])
        measured = replace(
            card,
            speed=measured_speed(model, card.trained_on.long_side[1]),
            bf16_change=_bf16_change(model, datasets[0], counts[0], progress),
            errors=tuple(map(partial(_measured, recipe, called), splits, counts)),
            calibration=known,
            localizer=chosen_beside(weights),
        )
        yield PackedRun(card=measured, notes=() if known else (_few(datasets[0]),)), file


def _with_options(weights: Path, options: Mapping[str, Any]) -> WeightsFile:
    """The weights of a run whose counter has other options than there."""
    trained = read_weights(weights)
    # Refused here, an option that does not fit is not said of a temporary file.
    create("counter", counter_of(Located(weights), None), weights=weights, **options)
    return replace(trained, options={**trained.options, **options})


def _bf16_change(
    model: Model, dataset: Dataset, counts: Calibration, progress: Progress | None
) -> float:
    """How far bfloat16 changes a count at most."""
    half = count_annotated(replace(model, way=BF16), dataset, progress=progress)
    pairs = zip(half.predicted, counts.predicted, strict=True)
    change = max(abs(there - here) / max(abs(here), 1.0) for there, here in pairs)
    return float(f"{change:.2g}")


def _checked(card: Card) -> Card:
    """A card that can be read again; said before images are counted, which takes time."""
    try:
        return parse_card(card_text(card), "the card")
    except DataError as error:
        raise UsageError(f"what is said of the weights makes no card: {error.message}") from error


def _identity(offered: Offered, counter: Counter, recipe: Recipe) -> Mapping[str, Any]:
    """What a card says of the weights before anything is known of them."""
    of_counter = counter.registered_name
    dataset = offered.dataset or recipe.dataset.name
    name = offered.name or f"{of_counter}-{recipe.dataset.name}"
    elsewhere = offered.url is not None or offered.hf is not None
    return {
        "name": name,
        "summary": offered.summary or f"{of_counter} trained on {dataset}",
        "counter": of_counter,
        "file": None if elsewhere else f"{name}.safetensors",
        "url": offered.url,
        "hf": offered.hf,
        "things": offered.things,
        "default_for": offered.default_for,
        "terms": offered.terms,
    }


def _trained_on(
    run: Path, recipe: Recipe, train: Dataset, model: Model, offered: Offered
) -> TrainedOn:
    sizing: Sizing = model.sizing
    assert sizing.long_side is not None  # measured
    values = model.reading.value_range
    return TrainedOn(
        dataset=offered.dataset or recipe.dataset.name,
        split="train",
        images=len(train),
        seed=recipe.run.seed,
        front_end=offered.front_end,
        command=offered.command,
        software=software_of(run, model.counter),
        long_side=sizing.long_side,
        head_distance=sizing.head_distance,
        value_range=None if values is None else (values.low, values.high),
    )


def _measured(recipe: Recipe, called: str, split: str, counts: Calibration) -> MeasuredErrors:
    if not any(counts.actual):
        raise UsageError(
            f"the {split} images of {recipe.dataset.name!r} show nobody, so they "
            "say nothing of the errors of counts"
        )
    return measured_errors(counts, dataset=called, split=split)


def _few(validation: Dataset) -> str:
    return (
        f"no [calibration]: {validation.label} has {len(validation)} {validation.split} images, "
        f"intervals need {LEAST_IMAGES}"
    )
