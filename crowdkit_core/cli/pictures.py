"""Write the pictures of commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from crowdkit_core.cli.result_names import unique_names
from crowdkit_core.evaluation import Report
from crowdkit_core.evaluation.asked_metrics import target_of
from crowdkit_core.evaluation.evaluate import described
from crowdkit_core.inference import Model
from crowdkit_core.interfaces import Dataset, DensityGenerator
from crowdkit_core.registry import create
from crowdkit_core.visual import counts_of_parts, save, side_by_side

PARTS_FILE = "counts-of-parts.png"


def write_parts(folder: Path, report: Report) -> None:
    """Predicted against annotated people of parts of all images, where they were counted.

    Ways of counting that give the same everywhere are drawn once.
    """
    parts = [image.parts for image in report.images if image.parts]
    if not parts:
        return
    actual, *ways = (
        (name, torch.cat([each[name] for each in parts]))
        for name in parts[0]
        if all(name in each for each in parts)
    )
    different: dict[str, Tensor] = {}
    for name, counts in ways:
        if not any(torch.allclose(counts, other, atol=1e-3) for other in different.values()):
            different[name] = counts
    folder.mkdir(parents=True, exist_ok=True)
    save(counts_of_parts(different, actual[1]), folder / PARTS_FILE)


@dataclass(frozen=True, slots=True)
class Truth:
    """What draws the ground truth beside a prediction.

    Attributes:
        generator: Makes its maps; has learnt what it learns.
        label: What a picture's title says of it.
    """

    generator: DensityGenerator
    label: str

    @classmethod
    def trained_on(cls, generator: DensityGenerator) -> Self:
        """The maps that a counter learnt, or that the user chose."""
        return cls(generator, f"map of {generator.registered_name}")

    @classmethod
    def of_nothing_known(cls) -> Self:
        """Gaussians of one width, where nothing says which maps a counter learnt."""
        generator = create("density_generator", "fixed", sigma=8.0)
        return cls(generator, f"drawn with {described(generator)}")

    def stride(self, wanted: int) -> int:
        """The stride wanted, or else the finest that the generator makes."""
        strides = self.generator.strides
        return wanted if strides is None or wanted in strides else min(strides)


def write_comparisons(
    folder: Path, model: Model, dataset: Dataset, indices: Sequence[int], truth: Truth
) -> None:
    """Image, ground truth and prediction side by side, for some images of a dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    truth.generator.cpu().eval()
    stems = unique_names([Path(dataset.annotation(index).name) for index in indices])
    for index in indices:
        sample = dataset[index]
        counted = model(sample.image, roi=sample.roi)
        stride = truth.stride(counted.stride or 1)
        target = target_of(sample, truth.generator)
        with torch.no_grad():
            density = target.density(stride)[0, 0]
        figure = side_by_side(
            sample.image,
            actual_points=target.points[0],
            count=counted.count,
            density=counted.density,
            stride=counted.stride or 1,
            target=density,
            target_stride=stride,
            target_label=truth.label,
            points=None if counted.points is None else counted.points.xy,
        )
        save(figure, folder / f"{stems[str(Path(sample.name))]}.png")
