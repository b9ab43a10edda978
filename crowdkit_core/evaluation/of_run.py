"""What evaluating a run takes, from its recipe and a weights file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from crowdkit_core.evaluation.quality import MAP_METRICS
from crowdkit_core.evaluation.report import Fact
from crowdkit_core.evaluation.stamp import weights_stamp
from crowdkit_core.interfaces import Counter, Dataset, DensityGenerator, Localizer, Split
from crowdkit_core.interfaces.trainer import DENSITY_GENERATOR, companion_file
from crowdkit_core.settings import Recipe
from crowdkit_core.weights import read_weights


class EvaluationParts(TypedDict):
    """Arguments of `evaluate` that say what is evaluated, on what, and against what."""

    counter: Counter
    dataset: Dataset
    localizer: Localizer | None
    metrics: Sequence[str]
    density_generator: DensityGenerator | None
    train: Dataset | None
    stamp: dict[str, Fact]


def parts_of_run(
    recipe: Recipe, weights: Path, split: Split, metrics: Sequence[str] = ()
) -> EvaluationParts:
    """The parts of a run's evaluation.

    Where density maps are compared, they are compared with those the run was trained on: a density
    generator that was trained too has the weights that belong to the counter's.

    Args:
        recipe: Of the run; its localizer, if it names one, is scored too.
        weights: The counter's, ``best.safetensors`` of the run folder, say.
        split: Images to evaluate on.
        metrics: As of `evaluate`.

    Raises:
        CrowdkitError: A part cannot be made, or the weights do not fit.
    """
    stamp = weights_stamp(weights, split)
    generator = None
    if MAP_METRICS.keys() & set(metrics):
        generator = recipe.create("density_generator")
        fit_if_it_learns(generator, lambda: recipe.create("dataset", split="train"))
        if (learnt := _weights_beside(weights, generator)) is not None:
            generator.load_weights(learnt)
            stamp["density_generator_weights"] = str(learnt)
    return EvaluationParts(
        counter=recipe.create("counter", weights=weights),
        dataset=recipe.create("dataset", split=split),
        localizer=recipe.create("localizer") if recipe.localizer else None,
        metrics=metrics,
        density_generator=generator,
        train=recipe.create("dataset", split="train") if split in ("validation", "test") else None,
        stamp=stamp,
    )


def fit_if_it_learns(generator: DensityGenerator, train: Callable[[], Dataset]) -> None:
    """Show a generator the training images, where it has a use for them."""
    if type(generator).fit is not DensityGenerator.fit:
        generator.fit(train())


def _weights_beside(weights: Path, generator: DensityGenerator) -> Path | None:
    """The file of a generator trained with a counter, unless another kind is asked for."""
    file = companion_file(weights, DENSITY_GENERATOR)
    if not file.exists():
        return None
    name = generator.origin.name if generator.origin else ""
    return file if read_weights(file).component == name else None
