"""Make the maps that `crowdkit density` is asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from crowdkit_core.data.files import as_float
from crowdkit_core.errors import UsageError
from crowdkit_core.inference.attention import attention_maps
from crowdkit_core.inference.loading import load_counter
from crowdkit_core.interfaces import DensityGenerator, Sample, evaluating
from crowdkit_core.parsing import parse_toml
from crowdkit_core.registry import create
from crowdkit_core.registry.lookup import settled
from crowdkit_core.visual import ShownMap
from crowdkit_core.weights import read_weights


@dataclass(frozen=True, slots=True)
class MapMaker:
    """A density generator under the label it was asked for.

    Attributes:
        label: What to call its maps.
        generator: Has learnt what it learns from the training images.
    """

    label: str
    generator: DensityGenerator

    @classmethod
    def parse(
        cls, text: str, plain: Mapping[str, Any], dataset: str, dataset_options: Mapping[str, Any]
    ) -> Self:
        """A generator from NAME or ``LABEL={...}``.

        Args:
            text: As on the command line.
            plain: Options of a generator that is named without any.
            dataset: Its training images are what a generator learns from.
            dataset_options: Of ``dataset``.

        Raises:
            UsageError: The text is neither, or names no component.
        """
        label, equals, table = text.partition("=")
        options = _table(text, table) if equals else {"name": text, **plain}
        if "name" not in options and "weights" in options:
            file = read_weights(options["weights"])
            options["name"] = settled("density_generator", file.component, [file.distribution])
        if not options.get("name"):
            raise UsageError(f"--density-generator {text!r} does not say its name", hint=_FORM)
        generator: DensityGenerator = create("density_generator", **options)
        if "weights" not in options and type(generator).fit is not DensityGenerator.fit:
            generator.fit(create("dataset", dataset, **{**dataset_options, "split": "train"}))
        return cls(label.strip(), generator)

    def make(self, sample: Sample, stride: int, *, details: bool) -> ShownMap:
        """The map of an image, widths measured on all of it."""
        points = sample.points.as_subclass(Tensor)
        sigmas = self.generator.measure(points, sample.size).get("sigma")
        images = _pixels(sample)
        self.generator.eval()
        with torch.no_grad():
            density: Tensor = self.generator(
                [points],
                sample.size,
                stride=stride,
                sigmas=None if sigmas is None else [sigmas],
                images=images,
            )
            made_from = (
                self.generator.details(
                    points, sample.size, stride=stride, sigmas=sigmas, images=images
                )
                if details
                else {}
            )
        return ShownMap(
            label=self.label, density=density[0, 0], stride=stride, details=dict(made_from)
        )


def predicted_map(text: str, sample: Sample, *, details: bool) -> ShownMap:
    """What a trained counter predicts, from ``LABEL=WEIGHTS``.

    Raises:
        UsageError: The text is not of that form, or the counter predicts no map.
    """
    label, equals, file = text.rpartition("=")
    if not equals:
        raise UsageError(f"--prediction {text!r}", hint="write it as LABEL=WEIGHTS")
    counter = load_counter(file, None, {})
    with evaluating(counter):
        prediction = counter.predict(_pixels(sample))
    if prediction.density is None or prediction.stride is None:
        raise UsageError(f"--prediction {text!r}: {counter.label} predicts no density map")
    return ShownMap(
        label=label,
        density=prediction.density[0, 0],
        stride=prediction.stride,
        details=attention_maps(prediction) if details else {},
    )


_FORM = "write it as fixed, or as 'narrow={name = \"fixed\", sigma = 4.0}'"


def _table(text: str, table: str) -> dict[str, Any]:
    try:
        parsed = parse_toml(f"options = {table}")["options"]
    except ValueError as error:
        raise UsageError(f"--density-generator {text!r}: {error}", hint=_FORM) from error
    if not isinstance(parsed, dict):
        raise UsageError(f"--density-generator {text!r} is no table of options", hint=_FORM)
    return parsed


def _pixels(sample: Sample) -> Tensor:
    """(1, 3, H, W) in [0, 1]."""
    image = sample.image.as_subclass(Tensor)
    return as_float(image)[None]
