"""The card of fine-tuned weights."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from crowdkit_core.cards import Card, FinetunedFrom, MeasuredErrors, TrainedOn
from crowdkit_core.finetuning.images import Images, file_digests
from crowdkit_core.finetuning.parent import Parent
from crowdkit_core.inference import Calibration, Model, Sizing
from crowdkit_core.interfaces import Dataset
from crowdkit_core.packing.facts import known_counts, measured_errors, software_of, trained_with
from crowdkit_core.packing.sizes import trained_sizing
from crowdkit_core.printable import printable
from crowdkit_core.settings import Recipe

HELD_OUT = "held-out"

ENOUGH = 10
"""Images from which on an error has an interval."""


def errors_of(counts: Calibration | None, called: str) -> MeasuredErrors | None:
    """The errors of counts of held-out images, with an interval where they are `ENOUGH`."""
    if counts is None:
        return None
    errors = measured_errors(counts, dataset=called, split=HELD_OUT)
    return errors if errors.images >= ENOUGH else replace(errors, mae_interval=None)


def finetuned_card(
    name: str,
    *,
    parent: Parent,
    images: Images,
    recipe: Recipe,
    run: Path,
    model: Model,
    file: Path,
    before: MeasuredErrors | None,
    counts: Calibration | None,
    settings: Sequence[str],
) -> Card:
    """What is known of new weights.

    Terms of use are those of the weights they began as, and so are the sizes of images, in which
    they were trained on. An interval is made of held-out images alone, and of enough of them.

    Args:
        name: What they are called.
        parent: What they began as.
        images: What they were trained on and judged by.
        recipe: Of their training.
        run: Its folder.
        model: The new weights as they count.
        file: Theirs.
        before: Errors of ``parent`` on the held-out images.
        counts: Of ``model`` on those; None without any.
        settings: That the user set.
    """
    known, called = parent.card, printable(images.called)
    after = errors_of(counts, called)
    values = model.reading.value_range
    long_side = model.sizing.long_side
    assert long_side is not None  # of a card, or measured
    before_that = known.summary if known else f"{recipe.counter.name} of {parent.name}."
    return Card(
        name=name,
        summary=f"{before_that} Fine-tuned on {called}.",
        counter=recipe.counter.name,
        file=f"{name}.safetensors",
        sha256=model.weights,
        bytes=file.stat().st_size,
        things=known.things if known else "people",
        terms=known.terms if known else "",
        trained_on=TrainedOn(
            dataset=called,
            split="train",
            images=len(images.train),
            seed=recipe.run.seed,
            command=" ".join(["crowdkit finetune", parent.name, called, *_said(settings)]),
            software=software_of(run, model.counter),
            long_side=long_side,
            head_distance=model.sizing.head_distance,
            front_end=known.trained_on.front_end if known else "",
            value_range=None if values is None else (values.low, values.high),
        ),
        speed=known.speed if known else None,
        errors=() if after is None else (after,),
        calibration=None
        if counts is None
        else known_counts(counts, dataset=called, split=HELD_OUT),
        trained_with=trained_with(recipe),
        finetuned_from=FinetunedFrom(
            weights=parent.name,
            sha256=parent.model.weights,
            held_out=images.held_out_images,
            errors=before,
            seen=tuple(sorted({*parent.seen, *file_digests(images.train)})),
        ),
    )


def seen_before(parent: Parent, held_out: Dataset | None) -> int:
    """How many held-out images the weights were fine-tuned on already."""
    if held_out is None or not parent.seen:
        return 0
    return sum(digest in parent.seen for digest in file_digests(held_out))


def sizing_for(parent: Parent, images: Images) -> Sizing:
    """The size in which new weights see images: that of a card, or else as the images are."""
    if parent.card is not None:
        return parent.model.sizing
    return trained_sizing(images.train)


def _said(settings: Sequence[str]) -> list[str]:
    return [f"--set {printable(text)!r}" for text in settings]
