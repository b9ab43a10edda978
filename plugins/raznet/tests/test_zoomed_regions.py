"""Regions as images of their own."""

from dataclasses import replace

import pytest
import torch
from crowdkit_raznet.regions import Regions
from crowdkit_raznet.zoomed_regions import ZoomedRegions
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Annotation, Dataset, Sample
from crowdkit_core.testing.datasets import check_dataset
from crowdkit_core.testing.toys import ToyDataset

BOXES = [(0, (0, 0, 20, 10)), (3, (5, 4, 25, 30)), (3, (30, 20, 48, 32))]


class WithExtras(Dataset):
    """The toy dataset with a region, a length and a group."""

    def __init__(self) -> None:
        self.split = "train"
        self.toy = ToyDataset()

    def __len__(self) -> int:
        return len(self.toy)

    def annotation(self, index: int) -> Annotation:
        return replace(self.toy.annotation(index), **self.extras(index))

    def __getitem__(self, index: int) -> Sample:
        return replace(self.toy[index], **self.extras(index))

    def extras(self, index: int) -> dict:
        roi = torch.ones(32, 48, dtype=torch.bool)
        roi[:, 40:] = False
        number = len(self.toy.annotation(index).points)
        return {"roi": roi, "lengths": {"head": torch.arange(1.0, 1 + number)}, "group": "scene"}


def test_conformance() -> None:
    check_dataset(ZoomedRegions(WithExtras(), BOXES))


def test_everything_is_enlarged_together() -> None:
    whole = WithExtras()
    zoomed = ZoomedRegions(whole, BOXES)
    assert len(zoomed) == 3
    for index, (image, (x0, y0, x1, y1)) in enumerate(BOXES):
        sample, source = zoomed[index], whole[image]
        window = source.image[None, :, y0:y1, x0:x1].float()
        wanted = F.interpolate(window, scale_factor=2, mode="bilinear", align_corners=False)[0]
        assert (sample.image.float() - wanted).abs().max() <= 1  # both round to bytes
        xy = source.points.as_subclass(Tensor)
        inside = [x0 <= x < x1 and y0 <= y < y1 for x, y in xy.tolist()]
        corner = torch.tensor([x0, y0])
        torch.testing.assert_close(sample.points.as_subclass(Tensor), 2 * (xy[inside] - corner))
        torch.testing.assert_close(sample.lengths["head"], 2 * source.lengths["head"][inside])
        assert torch.equal(sample.roi[::2, ::2], source.roi[y0:y1, x0:x1])
        assert sample.group == "scene"


def test_annotations_are_those_of_the_samples() -> None:
    zoomed = ZoomedRegions(WithExtras(), BOXES)
    for index in range(len(zoomed)):
        annotation, sample = zoomed.annotation(index), zoomed[index]
        assert annotation.size == sample.size
        assert annotation.name == sample.name
        assert annotation.group == sample.group
        assert torch.equal(annotation.points, sample.points.as_subclass(Tensor))
        assert torch.equal(annotation.roi, sample.roi)
        torch.testing.assert_close(annotation.lengths["head"], sample.lengths["head"])


def test_regions_are_proposed_once_for_every_image() -> None:
    asked: list[Tensor] = []

    def propose(image: Tensor) -> Regions:
        asked.append(image)
        number = len(asked) - 1
        boxes = torch.tensor([[1, 2, 9, 12]]).expand(number, 4)
        return Regions(boxes, torch.ones(number, dtype=torch.float64))

    zoomed = ZoomedRegions.proposed(ToyDataset(length=3), propose)
    assert [image for image, _ in zoomed.regions] == [1, 2, 2]
    assert all(0 <= each.min() <= each.max() <= 1 for each in asked)
    assert zoomed[0].size == (20, 16)
    assert len(asked) == 3


def test_without_a_region_it_says_so() -> None:
    with pytest.raises(DataError, match="no region of the 4 train images"):
        ZoomedRegions(ToyDataset(), [])
