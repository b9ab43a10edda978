"""Check datasets against their contract."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import get_args

import torch

from crowdkit_core.interfaces import Annotation, Dataset, Sample, Split
from crowdkit_core.testing import signatures  # noqa: F401  # registers the common checks first
from crowdkit_core.testing.runner import check_for, run_checks

KIND = Dataset.kind
LOOKED_AT = 8


def check_dataset(
    dataset: Dataset, *, expected_failed_checks: Mapping[str, str] | None = None
) -> None:
    """Check a dataset against its contract, on its first images.

    Raises:
        ConformanceError: Lists every promise it breaks.
    """
    run_checks(dataset, expected_failed_checks)


def _pairs(dataset: Dataset) -> Iterator[tuple[Annotation, Sample]]:
    for index in islice(range(len(dataset)), LOOKED_AT):
        yield dataset.annotation(index), dataset[index]


@check_for(KIND)
def split_is_stated(dataset: Dataset) -> None:
    """``split`` is one of the known splits and the dataset is not empty."""
    assert dataset.split in get_args(Split), f"split is {dataset.split!r}"
    assert len(dataset) > 0, "the dataset is empty"


@check_for(KIND)
def annotation_and_sample_agree(dataset: Dataset) -> None:
    """Name, size, points, region, lengths and group are the same with and without pixels."""
    for annotation, sample in _pairs(dataset):
        assert annotation.name == sample.name, f"{annotation.name!r} and {sample.name!r}"
        assert annotation.size == sample.size, (
            f"{sample.name}: annotation says {annotation.size}, image is {sample.size}"
        )
        same = torch.equal(annotation.points, sample.points.as_subclass(torch.Tensor))
        assert same, f"{sample.name}: points of annotation and sample differ"
        assert (annotation.roi is None) == (sample.roi is None), f"{sample.name}: roi differs"
        assert set(annotation.lengths) == set(sample.lengths), f"{sample.name}: lengths differ"
        assert annotation.group == sample.group, f"{sample.name}: group differs"


@check_for(KIND)
def images_are_rgb(dataset: Dataset) -> None:
    """(3, H, W), uint8 or float in [0, 1]."""
    for _, sample in _pairs(dataset):
        image = sample.image
        assert image.ndim == 3, f"{sample.name}: image has {image.ndim} dimensions"
        assert image.shape[0] == 3, f"{sample.name}: image has {image.shape[0]} channels"
        if image.dtype != torch.uint8:
            assert image.is_floating_point(), f"{sample.name}: image is {image.dtype}"
            low, high = float(image.min()), float(image.max())
            assert 0 <= low <= high <= 1, f"{sample.name}: values in [{low}, {high}], not [0, 1]"


@check_for(KIND)
def points_are_inside_the_frame(dataset: Dataset) -> None:
    """(N, 2) finite floats inside ``[0, W] x [0, H]``; canvas and lengths fit."""
    for annotation, sample in _pairs(dataset):
        points, (height, width) = annotation.points, annotation.size
        assert points.shape == (len(points), 2), f"{sample.name}: {tuple(points.shape)}"
        assert points.is_floating_point(), f"{sample.name}: points are {points.dtype}"
        inside = (points >= 0) & (points <= torch.tensor([width, height]))
        assert inside.all(), f"{sample.name}: points outside {height} x {width}"
        assert sample.points.canvas_size == sample.size, f"{sample.name}: canvas_size differs"
        for name, values in annotation.lengths.items():
            assert values.shape == (len(points),), f"{sample.name}: {name} {tuple(values.shape)}"


@check_for(KIND)
def names_are_unique(dataset: Dataset) -> None:
    """No two images share a name."""
    names = [dataset.annotation(index).name for index in range(min(len(dataset), 200))]
    twice = sorted({name for name in names if names.count(name) > 1})
    assert not twice, f"names given twice: {', '.join(twice[:3])}"


@check_for(KIND)
def indices_are_bounded(dataset: Dataset) -> None:
    """An index at the length is an IndexError, so that iteration ends."""
    try:
        dataset[len(dataset)]
    except IndexError:
        return
    raise AssertionError(f"index {len(dataset)} of {len(dataset)} images raises no IndexError")


@check_for(KIND)
def same_index_same_bits(dataset: Dataset) -> None:
    """Reading an image twice gives the same pixels and points."""
    first, second = dataset[0], dataset[0]
    same = torch.equal(first.image, second.image) and torch.equal(first.points, second.points)
    assert same, "image 0 differs from one reading to the next"
