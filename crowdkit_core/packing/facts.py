"""What a card says of a run: its software, the parts it trained with, errors and known counts."""

import math
import tomllib
from pathlib import Path

from crowdkit_core.cards import KnownCounts, MeasuredErrors, TrainedWith
from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation.scores import score
from crowdkit_core.inference import Calibration
from crowdkit_core.inference.interval import LEAST_IMAGES
from crowdkit_core.interfaces import Counter, DensityGenerator
from crowdkit_core.parsing import parse_json
from crowdkit_core.registry.discovery import CORE
from crowdkit_core.settings import Recipe, recipe_text
from crowdkit_core.settings.run_names import ENVIRONMENT_FILE

DIGITS = 3
"""Decimal places of the counts and errors in a card."""


def software_of(run: Path, counter: Counter) -> str:
    """Names and versions of what trained, without anything else of the machine.

    Raises:
        UsageError: The folder of the run does not say it.
    """
    path = run / ENVIRONMENT_FILE
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        versions = {**found["packages"], **found["libraries"], "Python": found["python"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: cannot be read as the software of a run: {error}",
            hint="`crowdkit train` writes it into the folder of each run",
        ) from error
    own = counter.origin.distribution if counter.origin else ""
    named = dict.fromkeys([CORE, own, "torch", "Python"])
    return ", ".join(f"{name} {versions[name]}" for name in named if name in versions)


def trained_with(recipe: Recipe) -> TrainedWith:
    """The parts that another training can go on with; a learnt density generator is not one."""
    sections = tomllib.loads(recipe_text(recipe))
    generator: DensityGenerator = recipe.create("density_generator")
    return TrainedWith(
        loss=sections["loss"],
        density_generator=sections["density_generator"] if generator.preserves_count else None,
    )


def measured_errors(counts: Calibration, *, dataset: str, split: str) -> MeasuredErrors:
    """The errors of counts of at least one image.

    Args:
        counts: Predicted and annotated.
        dataset: What the data set is called.
        split: The part that they are of.
    """
    scores = score(counts.predicted, [int(count) for count in counts.actual])
    nae = scores.nae.value
    return MeasuredErrors(
        dataset=dataset,
        split=split,
        images=scores.images,
        mae=round(scores.mae.value, DIGITS),
        mae_interval=(round(scores.mae.low, DIGITS), round(scores.mae.high, DIGITS)),
        rmse=round(scores.rmse.value, DIGITS),
        nae=None if math.isnan(nae) else round(nae, DIGITS),
    )


def known_counts(counts: Calibration, *, dataset: str, split: str) -> KnownCounts | None:
    """Counts that give new ones an interval; None of too few images. Arguments as above."""
    if len(counts.actual) < LEAST_IMAGES:
        return None
    return KnownCounts(
        dataset=dataset,
        split=split,
        predicted=tuple(round(count, DIGITS) for count in counts.predicted),
        actual=counts.actual,
    )
