"""A progress bar on standard error, and a line for each epoch."""

import sys
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from crowdkit_core.printable import mebibytes, printable
from crowdkit_core.registry.hooks import hookimpl

FEW_IMAGES = 10
"""Fewer images than these tell little."""


class Progress:
    """Shows the steps of an epoch and the images of an evaluation as bars.

    Bars are shown on a terminal only; the line per epoch is written in any case.
    """

    def __init__(self) -> None:
        self._stages: Mapping[str, int] = {}
        self._epoch: tqdm[Any] | None = None
        self._evaluation: tqdm[Any] | None = None

    @hookimpl
    def training_started(
        self, stages: Mapping[str, int], images: Mapping[str, int], in_memory: Mapping[str, int]
    ) -> None:
        """Take over the length of each stage; say what memory images take, warn of few."""
        self._stages = stages
        if in_memory:
            tqdm.write(memory_line(images, in_memory), file=sys.stderr)
        number = images.get("validation", 0)
        if 0 < number < FEW_IMAGES:
            tqdm.write(few_validation_images(number), file=sys.stderr)

    @hookimpl
    def step_ended(
        self, stage: str, epoch: int, step: int, steps: int, losses: Mapping[str, float] | None
    ) -> None:
        """Move the bar of the epoch."""
        if self._epoch is None:
            title = f"{stage} {epoch + 1}/{self._stages.get(stage, '?')}"
            self._epoch = _bar(title, steps, "step")
        if losses:
            self._epoch.set_postfix({k: f"{v:.4g}" for k, v in losses.items()}, refresh=False)
        _move_to(self._epoch, step)

    @hookimpl
    def epoch_ended(self, record: Mapping[str, Any]) -> None:
        """Close the bar of the epoch and write its line."""
        self._close()
        tqdm.write(printable(epoch_line(record, self._stages)), file=sys.stderr)

    @hookimpl
    def evaluation_progress(self, done: int, total: int) -> None:
        """Move the bar of the evaluation."""
        if self._evaluation is None:
            self._evaluation = _bar("evaluating", total, "image")
        _move_to(self._evaluation, done)
        if done >= total:
            self._evaluation.close()
            self._evaluation = None

    @hookimpl
    def training_ended(self) -> None:
        """Close all bars."""
        self._close()

    def _close(self) -> None:
        for bar in (self._epoch, self._evaluation):
            if bar is not None:
                bar.close()
        self._epoch = self._evaluation = None


def memory_line(images: Mapping[str, int], in_memory: Mapping[str, int]) -> str:
    """What images that stay in memory take there.

    Example:
        >>> memory_line({"train": 270, "validation": 30}, {"train": 500 << 20})
        'kept in memory once decoded: 270 train images, 500 MiB'
    """
    parts = [f"{images[name]} {name} images, {mebibytes(size)}" for name, size in in_memory.items()]
    return f"kept in memory once decoded: {'; '.join(parts)}"


def few_validation_images(number: int) -> str:
    """A warning for a validation split of a few images.

    Example:
        >>> few_validation_images(1).partition(":")[0]
        'only 1 validation image'
    """
    return (
        f"only {number} validation image{'s' * (number > 1)}: which epoch's weights count as the "
        f"best is mostly luck; hold out at least {FEW_IMAGES}, as by dataset.validation_every"
    )


def epoch_line(record: Mapping[str, Any], stages: Mapping[str, int]) -> str:
    """An epoch in one line.

    Example:
        >>> epoch_line({"stage": "train", "epoch": 1, "mae": 12.345678}, {"train": 9})
        'train 1/9  mae 12.35'
    """
    stage, epoch = record.get("stage", ""), record.get("epoch", 0)
    values = [
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in _labelled(record).items()
    ]
    return "  ".join([f"{stage} {epoch}/{stages.get(stage, '?')}", *values])


def _labelled(record: Mapping[str, Any]) -> dict[str, Any]:
    """The losses by their own names, a lone term left out for the total, then the metrics."""
    losses = {
        f"{name}_term" if name in record else name: value
        for name, value in record.get("losses", {}).items()
    }
    if len(losses) == 2:
        losses = {"loss": losses["loss"]}
    hidden = ("stage", "epoch", "losses", "learning_rates")
    return losses | {name: value for name, value in record.items() if name not in hidden}


def _bar(title: str, total: int, unit: str) -> "tqdm[Any]":
    return tqdm(total=total, desc=title, unit=unit, leave=False, disable=None, file=sys.stderr)


def _move_to(bar: "tqdm[Any]", done: int) -> None:
    bar.update(done - bar.n)
