"""Train on from weights with a few images of one's own."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from crowdkit_core.cards import Card, Located, MeasuredErrors, keep_own
from crowdkit_core.data.corrections import Corrections
from crowdkit_core.errors import UsageError
from crowdkit_core.files import sha256_of
from crowdkit_core.finetuning.images import Images, images_of, names_of
from crowdkit_core.finetuning.names import require_free, suggested_name
from crowdkit_core.finetuning.offering import (
    ENOUGH,
    errors_of,
    finetuned_card,
    seen_before,
    sizing_for,
)
from crowdkit_core.finetuning.parent import Parent, parent_of
from crowdkit_core.finetuning.recipe import finetuning_recipe
from crowdkit_core.finetuning.result import Finetuned, HeldOutCount
from crowdkit_core.finetuning.stopping import StoppedError, StopWhenAsked
from crowdkit_core.inference import Calibration, Model, Sizing
from crowdkit_core.inference.interval import LEAST_IMAGES
from crowdkit_core.inference.known import Known
from crowdkit_core.inference.model import count_annotated
from crowdkit_core.inference.sources import Reading
from crowdkit_core.interfaces import Trainer, TrainingTask
from crowdkit_core.registry import create
from crowdkit_core.registry.hooks import hooks
from crowdkit_core.settings import Recipe, parse_overrides
from crowdkit_core.settings.run_names import dated_folder
from crowdkit_core.training import build, train
from crowdkit_core.training.run_folder import RunFolder, StageFolder
from crowdkit_core.weights import read_weights, save_half


def finetune(
    weights: str | Path | Model,
    folder: str | Path | Corrections,
    *,
    name: str | None = None,
    output: str | Path | None = None,
    epochs: int | None = None,
    held_out: int | None = None,
    settings: Sequence[str] = (),
    counter: str | None = None,
    device: torch.device | str | None = None,
    resume: bool = False,
    stop: Callable[[], bool] | None = None,
    listeners: Sequence[object] = (),
) -> Finetuned:
    """Train on from weights with the images of a folder, and offer the result by name.

    Some images are held out. New weights are offered only if their error on these is lower than
    that of the weights they began as; without any held out, nobody knows. Every epoch is validated,
    and the best one is what is compared.

    Args:
        weights: The name of installed weights, a file, or a model of `crowdkit_core.load`.
        folder: Images with their points, as the data set `folder` reads them; or the corrections.
        name: What the new weights are called; ``WEIGHTS-mine`` by default.
        output: Folder of the run; a new one in ``runs`` by default.
        epochs: Passes over the images; by default as many as take minutes on a CPU.
        held_out: Every how many images one is held out, in natural order of their names; 0 for
            none. By default every fourth; of two or three images the last, of one none.
        settings: ``trainer.batch_size=2`` texts, as of ``crowdkit train --set``.
        counter: Which counter, where the weights do not say it.
        device: Where to train and count; None for the CPU.
        resume: Go on with the run in ``output``, begun with the same arguments.
        stop: Asked after each step; once it is true, training ends and what it reached is
            judged and offered like the rest. Another thread may change its answer.
        listeners: Told about progress; see `crowdkit_core.registry.hooks.Events`.

    Raises:
        UsageError: A name that is taken, weights that there are not or that say no counter, a
            counter that has nothing to train or that no loss fits, wrong settings, or a folder of
            the run in the wrong state. All before any work.
        DataError: The images or points cannot be read, or nobody is marked in them.
        DivergedError: A loss became NaN or infinite.
        KeyboardInterrupt: Ctrl-C; finished epochs are kept for ``resume``.
    """
    parent = parent_of(weights, counter=counter, device=device)
    name = name or suggested_name(parent.source)
    require_free(name)
    _require_one_process()
    options = dict(parse_overrides(settings).get("dataset", {}))
    images = images_of(folder, held_out, options)
    sizing = sizing_for(parent, images)
    directory = Path(output) if output is not None else dated_folder("finetune", name)
    run: dict[str, Any] = {
        "directory": str(directory),
        "accelerator": torch.device(device or "cpu").type,
    }
    recipe = finetuning_recipe(parent, images, sizing, epochs=epochs, run=run, settings=settings)
    recipe = replace(recipe, run=replace(recipe.run, resume=resume))
    task, trainer = build(recipe, validate=images.held_out is not None)
    directory = Path(recipe.run.directory or directory)  # which a setting may have changed
    _require_free_folder(directory, task, trainer, resume=resume)
    return _Finetuning(
        parent=parent,
        images=images,
        sizing=sizing,
        recipe=recipe,
        directory=directory,
        settings=settings,
        device=device,
        # The first one is told last, so that the others know of the step.
        listeners=(*([] if stop is None else [StopWhenAsked(stop)]), *listeners),
    ).done(name, task, trainer)


def _require_free_folder(
    directory: Path, task: TrainingTask, trainer: Trainer, *, resume: bool
) -> None:
    """Refuse parts that do not fit, and a folder in the wrong state, before anything is counted."""
    stages = [plan.name for plan in trainer.stages(task)]
    if len(stages) > 1:
        raise UsageError(
            f"{trainer.label} has stages {', '.join(stages)}; fine-tuning has one",
            hint="leave trainer.name out, or train by `crowdkit train --set counter.weights=...`",
        )
    RunFolder(directory, stages).claim(resume=resume)


def _require_one_process() -> None:
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "fine-tuning runs in one process",
            hint="start it without torchrun; `crowdkit train` runs in several",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finetuning:
    """Everything that is decided before work begins."""

    parent: Parent
    images: Images
    sizing: Sizing
    recipe: Recipe
    directory: Path
    settings: Sequence[str]
    device: torch.device | str | None
    listeners: Sequence[object]

    def done(self, name: str, task: TrainingTask, trainer: Trainer) -> Finetuned:
        """Train, judge, and offer what is better."""
        before = self._counts(self.parent.model)
        stopped = False
        try:
            train(task, trainer, self.recipe.run, recipe=self.recipe, listeners=self.listeners)
        except StoppedError:
            stopped = True
        files = StageFolder(self.directory)
        finished = files.state.exists()
        history = files.load_state()["history"] if finished else []
        card, after = None, None
        if finished:
            card, after = self._judged(name, files.weights, before)
        errors, judged = errors_of(before, self.images.called), errors_of(after, self.images.called)
        outcome = _outcome(card, errors, judged, files.weights)
        return Finetuned(
            name="" if card is None else name,
            card=card,
            directory=self.directory,
            began_as=self.parent.name,
            trained=names_of(self.images.train),
            held_out=self._held_out(before, after),
            before=errors,
            after=judged,
            history=history,
            stopped=stopped,
            notes=(*self._notes(), *outcome),
        )

    def _judged(
        self, name: str, weights: Path, before: Calibration | None
    ) -> tuple[Card | None, Calibration | None]:
        """The card of weights that were kept, if they are better; and their counts."""
        with TemporaryDirectory() as folder:
            file = Path(folder) / "packed.safetensors"
            save_half(file, read_weights(weights))
            model = self._model(file)
            after = self._counts(model)
            called = self.images.called
            errors, judged = errors_of(before, called), errors_of(after, called)
            if errors is not None and judged is not None and judged.mae >= errors.mae:
                return None, after
            card = finetuned_card(
                name,
                parent=self.parent,
                images=self.images,
                recipe=self.recipe,
                run=self.directory,
                model=model,
                file=file,
                before=errors,
                counts=after,
                settings=self.settings,
            )
            keep_own(card, file)
        return card, after

    def _model(self, file: Path) -> Model:
        """Weights as they will count."""
        return Model(
            counter=create("counter", self.recipe.counter.name, weights=file),
            sizing=self.sizing,
            weights=sha256_of(file),
            device=self.device,
            way="auto",
            reading=Reading(value_range=Known.of(Located(file)).value_range),
        )

    def _counts(self, model: Model) -> Calibration | None:
        if self.images.held_out is None:
            return None
        told = hooks(*self.listeners)
        return count_annotated(model, self.images.held_out, progress=told.evaluation_progress)

    def _held_out(
        self, before: Calibration | None, after: Calibration | None
    ) -> tuple[HeldOutCount, ...]:
        if before is None:
            return ()
        names = names_of(self.images.held_out)
        new = [None] * len(names) if after is None else after.predicted
        counts = zip(names, before.actual, before.predicted, new, strict=True)
        return tuple(
            HeldOutCount(image=image, actual=actual, before=old, after=then)
            for image, actual, old, then in counts
        )

    def _notes(self) -> list[str]:
        notes = []
        chosen = "name" in parse_overrides(self.settings).get("loss", {})
        if self.parent.trained_with is None and not chosen:
            notes.append(
                f"nobody says with which loss {self.parent.name} was trained; "
                f"{self.recipe.loss.name!r} was taken (--set loss.name=NAME takes another)"
            )
        held_out = self.images.held_out_images
        if held_out == 0:
            notes.append("no image is held out, so nobody knows whether the new weights are better")
            return notes
        if held_out < ENOUGH:
            notes.append(f"an error on {held_out} held-out image{'s' * (held_out > 1)} says little")
        if seen := seen_before(self.parent, self.images.held_out):
            notes.append(
                f"{self.parent.name} was fine-tuned on {seen} of the {held_out} held-out images "
                "already, so the errors are too low"
            )
        return notes


def _outcome(
    card: Card | None, before: MeasuredErrors | None, after: MeasuredErrors | None, file: Path
) -> list[str]:
    """Why nothing is offered, or what the offered weights cannot do."""
    if card is not None:
        if card.calibration is not None:
            return []
        return [
            f"counts have no interval: that takes {LEAST_IMAGES} held-out images; `crowdkit "
            "calibrate` makes one of others"
        ]
    if before is None or after is None:
        return ["stopped before an epoch was finished, so there are no new weights"]
    return [
        f"the new weights are not nearer on the held-out images (MAE {after.mae:.2f}, "
        f"before {before.mae:.2f}), so they are not offered; they are {file}"
    ]
