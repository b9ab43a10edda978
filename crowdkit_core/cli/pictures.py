"""Write the pictures of commands."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from crowdkit_core.density import Fixed
from crowdkit_core.evaluation import Report
from crowdkit_core.inference import Model
from crowdkit_core.interfaces import Dataset, points_inside
from crowdkit_core.visual import counts_of_parts, save, side_by_side

PARTS_FILE = "counts-of-parts.png"


def unique_names(files: Sequence[Path]) -> dict[str, str]:
    """A file stem for each image's results; images of one name get their folder's in front.

    Example:
        >>> unique_names([Path("a/1.jpg"), Path("b/1.jpg"), Path("b/2.jpg")])
        {'a/1.jpg': 'a-1', 'b/1.jpg': 'b-1', 'b/2.jpg': '2'}
    """
    stems = [file.stem for file in files]
    names: dict[str, str] = {}
    for file in files:
        name = file.stem
        if stems.count(file.stem) > 1:
            name = "-".join([*file.with_suffix("").parts]).strip("/-.")
        names[str(file)] = name
    return names


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


def write_comparisons(folder: Path, model: Model, dataset: Dataset, indices: Sequence[int]) -> None:
    """Image, ground truth and prediction side by side, for some images of a dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    target = Fixed(sigma=8.0)
    for index in indices:
        sample = dataset[index]
        counted = model(sample.image, roi=sample.roi)
        everyone = sample.points.as_subclass(Tensor)
        points = everyone[points_inside(everyone, sample.roi)]
        figure = side_by_side(
            sample.image,
            actual_points=points,
            count=counted.count,
            density=counted.density,
            stride=counted.stride or 1,
            target=target([points], sample.size, stride=counted.stride or 1)[0, 0],
            target_stride=counted.stride or 1,
            points=None if counted.points is None else counted.points.xy,
        )
        save(figure, folder / f"{Path(sample.name).stem}.png")
