"""Make the parts of an evaluation from a recipe and a weights file."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from crowdkit_core.evaluation.asked_metrics import asked_metrics, map_metrics
from crowdkit_core.evaluation.chosen_split import chosen_images
from crowdkit_core.evaluation.report import Fact
from crowdkit_core.evaluation.stamp import weights_stamp
from crowdkit_core.interfaces import (
    Counter,
    Dataset,
    DensityGenerator,
    Localizer,
    Metric,
    Split,
    ValueRange,
)
from crowdkit_core.interfaces.trainer import DENSITY_GENERATOR, companion_file
from crowdkit_core.settings import Recipe
from crowdkit_core.weights import read_weights


class EvaluationParts(TypedDict):
    """Arguments of `evaluate` that say what is evaluated, on what, and against what."""

    counter: Counter
    dataset: Dataset
    localizer: Localizer | None
    metrics: Sequence[Metric]
    density_generator: DensityGenerator | None
    train: Dataset | None
    stamp: dict[str, Fact]


def evaluation_parts(
    recipe: Recipe,
    weights: Path,
    split: Split | None,
    metrics: Sequence[str] = (),
    *,
    density_generator: bool = True,
    baseline: bool = True,
    maps: bool = False,
    value_range: ValueRange | None = None,
    otherwise: Split = "validation",
) -> EvaluationParts:
    """Make what a recipe names, with a counter's weights.

    Where density maps are compared, they are compared with those the weights were trained on: a
    density generator that was trained too has the weights that belong to the counter's.

    Args:
        recipe: Of the run the weights are from, or of options; its localizer, if it names one, is
            scored too.
        weights: The counter's, such as ``best.safetensors`` of a run folder.
        split: Images to evaluate on; None for the test images, or ``otherwise`` without any.
        metrics: Names as of `evaluate`.
        density_generator: Whether the recipe's is the one to compare maps with.
        baseline: Whether the mean count of the recipe's training images is to be beaten.
        maps: Whether the generator is wanted though no metric compares maps, to draw its own.
        value_range: What was black and white in the training; None leaves it to the data set.
        otherwise: What to evaluate on where nobody chose and there are no test images.

    Raises:
        CrowdkitError: A part cannot be made, or the weights do not fit.
    """

    def images(part: Split) -> Dataset:
        made: Dataset = recipe.create("dataset", split=part)
        return made if value_range is None else made.with_value_range(value_range)

    dataset, choice = chosen_images(images, split, otherwise=otherwise)
    stamp = {**choice, **weights_stamp(weights, dataset.split)}
    asked = asked_metrics(metrics)
    generator = None
    if density_generator and (maps or map_metrics(asked)):
        generator, trained = fitted_generator(recipe, weights)
        if trained is not None and map_metrics(asked):
            stamp["density_generator_weights"] = str(trained)
    compared = baseline and dataset.split in ("validation", "test")
    return EvaluationParts(
        counter=recipe.create("counter", weights=weights),
        dataset=dataset,
        localizer=recipe.create("localizer") if recipe.localizer else None,
        metrics=asked,
        density_generator=generator,
        train=images("train") if compared else None,
        stamp=stamp,
    )


def fitted_generator(recipe: Recipe, weights: Path) -> tuple[DensityGenerator, Path | None]:
    """The generator whose maps the weights were trained on, and the file it was loaded from.

    It has learnt from the training images what it learns from them; one that was trained together
    with the counter has the weights that belong to the counter's.

    Raises:
        CrowdkitError: It cannot be made, or its weights do not fit.
    """
    generator: DensityGenerator = recipe.create("density_generator")
    if type(generator).fit is not DensityGenerator.fit:  # else the images are not needed
        generator.fit(recipe.create("dataset", split="train"))
    if (trained := _weights_beside(weights, generator)) is not None:
        generator.load_weights(trained)
    return generator, trained


def _weights_beside(weights: Path, generator: DensityGenerator) -> Path | None:
    """The file of a generator trained with a counter, unless another kind is asked for."""
    file = companion_file(weights, DENSITY_GENERATOR)
    if not file.exists():
        return None
    name = generator.origin.name if generator.origin else ""
    return file if read_weights(file).component == name else None
