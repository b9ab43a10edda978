"""Bins against hand-made cases and numpy's."""

from dataclasses import replace

import numpy as np
import torch
from crowdkit_zip.blocks import BINS, bin_of, fit_centres, middle_of_bins

from crowdkit_core.interfaces import Annotation, Dataset


class Annotated(Dataset):
    """Annotations without images."""

    split = "train"

    def __init__(self, *annotations: Annotation) -> None:
        self.annotations = annotations

    def __len__(self) -> int:
        return len(self.annotations)

    def annotation(self, index: int) -> Annotation:
        return self.annotations[index]

    def __getitem__(self, index: int):
        raise AssertionError("the image is decoded")


def annotation(*xy: tuple[float, float], size=(16, 32)) -> Annotation:
    return Annotation(name=str(xy), size=size, points=torch.tensor(xy).reshape(-1, 2))


def test_bins_are_numpys_digitize() -> None:
    counts = torch.arange(40)
    for bins in BINS.values():
        assert bin_of(counts, bins).tolist() == (np.digitize(counts, bins) - 1).tolist()


def test_published_numbers_of_bins() -> None:
    assert [len(BINS[size]) for size in (8, 16, 32)] == [5, 14, 21]


def test_centres_are_means_of_the_blocks_in_each_bin() -> None:
    crowd = [(1.0, 1.0)] * 5 + [(9.0, 1.0)] * 8 + [(17.0, 1.0)] * 2 + [(17.0, 9.0)]
    dataset = Annotated(annotation(*crowd), annotation(*[(1.0, 1.0)] * 11), annotation())
    centres = fit_centres(dataset, (0, 1, 2, 4), 8)
    assert centres.tolist() == [0, 1, 2, (5 + 8 + 11) / 3]


def test_a_bin_without_blocks_keeps_its_middle() -> None:
    expected = [0, 1.5, 5, 8]  # from 1 to 2, from 3 to 7, from 8 on
    assert fit_centres(Annotated(annotation()), (0, 1, 3, 8), 16).tolist() == expected
    assert middle_of_bins((0, 1, 3, 8)).tolist() == expected


def test_only_people_inside_a_region_are_counted() -> None:
    region = torch.zeros(16, 32, dtype=torch.bool)
    region[:, :8] = True
    whole = annotation((1.0, 1.0), (2.0, 2.0), (30.0, 1.0), (30.0, 2.0), (30.0, 3.0))
    inside, everyone = Annotated(replace(whole, roi=region)), Annotated(whole)
    assert fit_centres(inside, (0, 1), 8).tolist() == [0, 2]
    assert fit_centres(everyone, (0, 1), 8).tolist() == [0, 2.5]
