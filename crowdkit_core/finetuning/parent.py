"""The weights that fine-tuning begins with, and what is known of their training."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from crowdkit_core.cards import Card, Located, TrainedWith, locate
from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.finetuning.names import short_name
from crowdkit_core.inference import Model
from crowdkit_core.inference.loading import model_at
from crowdkit_core.interfaces import Counter
from crowdkit_core.interfaces.trainer import DENSITY_GENERATOR, companion_file
from crowdkit_core.settings.recipe_files import read_recipe_table
from crowdkit_core.settings.run_names import RECIPE_FILE


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """Weights and the model they make.

    Attributes:
        source: As a recipe names them: a card's name, or a file.
        name: What they are called.
        model: Counts as they count today.
        trained_with: Parts of their training; None where nobody says.
    """

    source: str
    name: str
    model: Model
    trained_with: TrainedWith | None

    @property
    def card(self) -> Card | None:
        """What is known of them; None without a card."""
        return self.model.card

    @property
    def seen(self) -> frozenset[str]:
        """sha256 of each image file that they were fine-tuned on."""
        beginning = self.card and self.card.finetuned_from
        return frozenset(beginning.seen if beginning else ())


def parent_of(
    weights: str | Path | Model,
    *,
    counter: str | None = None,
    device: torch.device | str | None = None,
) -> Parent:
    """What fine-tuning begins with.

    Args:
        weights: A model of `crowdkit_core.load`, the name of a card, or a file.
        counter: Which counter, where the weights do not say it.
        device: Where to count; None for the CPU.

    Raises:
        UsageError: There are no such weights, nobody says their counter, or it has nothing to
            train.
        WeightsError: The file cannot be read.
    """
    if isinstance(weights, Model):
        _require_trainable(weights.counter)
    source = _source_of(weights) if isinstance(weights, Model) else weights
    located = locate(source)
    model = model_at(located, counter=counter, device=device)
    _require_trainable(model.counter)
    named = str(source) if located.card else str(Path(source).resolve())
    return Parent(
        source=named, name=short_name(source), model=model, trained_with=_trained_with(located)
    )


def _require_trainable(counter: Counter) -> None:
    if not any(each.requires_grad for each in counter.parameters()):
        raise IncompatibleError(
            f"{counter.label} has nothing to train",
            hint="fine-tune the weights that it was made from",
        )


def _source_of(model: Model) -> str:
    source = model.card.name if model.card else model.counter.weights_source
    if not source:
        raise UsageError(
            "the model's counter was not loaded from a file, so there is nothing to begin with",
            hint="crowdkit_core.load(WEIGHTS)",
        )
    return source


def _trained_with(located: Located) -> TrainedWith | None:
    """As the card says, or the recipe of the run that the file lies in."""
    if located.card is not None:
        return located.card.trained_with
    recipe = located.path.parent / RECIPE_FILE
    if not recipe.is_file():
        return None
    table: Mapping[str, Any] = read_recipe_table(recipe)
    learnt = companion_file(located.path, DENSITY_GENERATOR).exists()
    if not isinstance(table.get("loss"), Mapping):
        return None
    generator = None if learnt else table.get("density_generator")
    return TrainedWith(loss=table["loss"], density_generator=generator)
