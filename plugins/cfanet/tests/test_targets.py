"""Attention targets: against scipy, numpy and values made by hand."""

import numpy as np
import pytest
import torch
from crowdkit_cfanet.targets import (
    BACKGROUND,
    class_borders,
    coarse_attention,
    crowd_cells,
    density_quantiles,
    fine_classes,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from torch import Tensor

from crowdkit_core.density import Fixed, GeometryAdaptive
from crowdkit_core.interfaces import Annotation, Dataset, Target
from crowdkit_core.testing.toys import ToyDataset


class Crowd(Dataset):
    """Given people, in given regions."""

    split = "train"

    def __init__(self, *points: Tensor, size=(48, 64), roi=None) -> None:
        self.points, self.size, self.roi = points, size, roi

    def __len__(self) -> int:
        return len(self.points)

    def annotation(self, index: int) -> Annotation:
        return Annotation(name=str(index), size=self.size, points=self.points[index], roi=self.roi)

    def __getitem__(self, index):
        raise AssertionError("pixels are not read")


def points(count: int, seed: int, size=(48, 64)) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, 2, generator=random) * torch.tensor([size[1], size[0]])


def crowd_values(dataset: Dataset, generator) -> np.ndarray:
    densities = [
        Target([dataset.annotation(i).points], dataset.annotation(i).size, generator).density(1)
        for i in range(len(dataset))
    ]
    values = np.concatenate([each.numpy().ravel() for each in densities]).astype(np.float64)
    return values[values >= BACKGROUND]


@settings(deadline=None, max_examples=30)
@given(
    size=st.tuples(st.integers(1, 21), st.integers(1, 21)),
    stride=st.sampled_from([1, 2, 3, 4, 8]),
    seed=st.integers(0, 99),
)
def test_soft_attention_is_the_bilinear_value_at_each_cell_centre(size, stride, seed) -> None:
    density = torch.rand(1, 1, *size, generator=torch.Generator().manual_seed(seed)) * 2e-5
    found = coarse_attention(density, stride)
    crowd = (density[0, 0].numpy() >= 1e-5).astype(float)
    rows, columns = (np.arange(-(-side // stride)) * stride + stride / 2 - 0.5 for side in size)
    grid = np.meshgrid(rows, columns, indexing="ij")
    expected = map_coordinates(crowd, grid, order=1, mode="nearest")
    np.testing.assert_allclose(found[0, 0].numpy(), expected, atol=1e-6)


def test_hard_attention_is_that_of_the_centre_pixel() -> None:
    density = torch.zeros(1, 1, 5, 6)
    density[..., 1, 1] = 1.0  # centre of the first cell of 2 x 2 or 3 x 3
    assert coarse_attention(density, 3, interpolation="nearest")[0, 0].tolist() == [[1, 0], [0, 0]]
    assert coarse_attention(density, 2, interpolation="nearest").sum().item() == 1
    assert coarse_attention(density, 4, interpolation="nearest").sum().item() == 0
    assert coarse_attention(density, 2)[0, 0, 0, 0].item() == 0.25


@settings(deadline=None, max_examples=20)
@given(
    cells=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    stride=st.sampled_from([1, 2, 4]),
    classes=st.integers(2, 8),
    seed=st.integers(0, 99),
)
def test_classes_are_what_numpy_sorts_centre_pixels_into(cells, stride, classes, seed) -> None:
    random = torch.Generator().manual_seed(seed)
    density = torch.rand(2, 1, *(stride * n for n in cells), generator=random)
    borders = torch.rand(classes - 1, generator=random).sort().values
    found = fine_classes(density, borders, stride)
    centres = density[:, 0, stride // 2 :: stride, stride // 2 :: stride].numpy()
    np.testing.assert_array_equal(found.numpy(), np.digitize(centres, borders.numpy()))
    assert found.dtype == torch.int64


def test_class_0_is_the_background_of_the_coarse_attention() -> None:
    density = Fixed(sigma=2.0)([points(4, 0)], (48, 64))
    borders = torch.tensor([BACKGROUND, 1e-3, 1e-2])
    torch.testing.assert_close(
        (fine_classes(density, borders) > 0).float(), coarse_attention(density)[:, 0]
    )


@pytest.mark.parametrize("generator", [Fixed(sigma=3.0), GeometryAdaptive()])
@pytest.mark.parametrize("classes", [2, 4, 6, 8, 10])
def test_the_crowd_fills_its_classes_equally(generator, classes) -> None:
    dataset = ToyDataset(length=6, size=(64, 96))
    quantiles = density_quantiles(dataset, generator)
    assert quantiles is not None
    borders = class_borders(quantiles, classes)
    values = crowd_values(dataset, generator)
    counts = np.bincount(np.digitize(values, borders.double().numpy()), minlength=classes)
    assert len(counts) == classes
    np.testing.assert_allclose(counts[1:] / len(values), 1 / (classes - 1), atol=2e-3)
    expected = np.quantile(values, np.arange(1, classes - 1) / (classes - 1))
    np.testing.assert_allclose(borders[1:].numpy(), expected, rtol=1e-2)
    assert borders[0].item() == pytest.approx(1e-5)


def test_bins_are_as_fine_as_promised() -> None:
    """Moved by a bin's width down or up, a quantile has too few or enough values below it."""
    dataset = Crowd(*(points(20, seed) for seed in range(4)))
    quantiles = density_quantiles(dataset, Fixed(sigma=6.0))
    assert quantiles is not None
    values = np.sort(crowd_values(dataset, Fixed(sigma=6.0)))
    wanted = np.linspace(0, 1, len(quantiles)) * len(values)
    bins = 1 + 2.4e-4
    assert bool((np.searchsorted(values, quantiles.numpy() / bins) <= wanted).all())
    assert bool((np.searchsorted(values, quantiles.numpy() * bins, side="right") >= wanted).all())


def test_people_outside_the_region_do_not_shift_the_classes() -> None:
    left, size = points(9, 1, (32, 32)), (32, 96)
    lone = torch.tensor([[80.0, 16.0]]).repeat(500, 1)
    roi = torch.zeros(size, dtype=torch.bool)
    roi[:, :64] = True
    generator = Fixed(sigma=3.0)
    alone = density_quantiles(Crowd(left, size=size, roi=roi), generator)
    beside = density_quantiles(Crowd(torch.cat([left, lone]), size=size, roi=roi), generator)
    torch.testing.assert_close(alone, beside)
    everywhere = density_quantiles(Crowd(torch.cat([left, lone]), size=size), generator)
    assert everywhere[-1] > 10 * beside[-1]


def test_nobody_has_no_quantiles() -> None:
    assert density_quantiles(Crowd(torch.zeros(0, 2)), Fixed(sigma=3.0)) is None


def test_piles_beyond_any_crowd_are_the_densest_class() -> None:
    pile = torch.tensor([[20.5, 20.5]]).repeat(5000, 1)
    quantiles = density_quantiles(Crowd(pile, points(30, 2)), Fixed(sigma=0.5))
    assert quantiles is not None
    assert bool(quantiles.isfinite().all())
    assert bool((quantiles.diff() >= 0).all())


class Coarse(Fixed):
    """Makes no map finer than stride 4."""

    strides = frozenset({4, 8})


@settings(deadline=None, max_examples=20)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    stride=st.sampled_from([1, 2, 4, 8]),
    seed=st.integers(0, 99),
)
def test_a_cell_is_background_where_all_its_pixels_are(size, stride, seed) -> None:
    target = Target([points(2, seed, size)], size, Fixed(sigma=1.5))
    pixels = target.density(1)[0, 0].numpy()
    found = crowd_cells(target, stride)[0, 0]
    for row in range(found.shape[0]):
        for column in range(found.shape[1]):
            block = pixels[row * stride :][:stride, column * stride :][:, :stride]
            assert bool(found[row, column]) == bool((block >= 1e-5).any())


def test_a_generator_of_coarse_maps_is_asked_for_its_finest() -> None:
    target = Target([points(3, 0)], (48, 64), Coarse(sigma=1.5))
    finest = target.density(4) >= 1e-5 * 16
    torch.testing.assert_close(crowd_cells(target, 4), finest)
    expected = finest.unflatten(-1, (8, 2)).unflatten(2, (6, 2)).any(-1).any(3)
    torch.testing.assert_close(crowd_cells(target, 8), expected)
