"""The `local-maxima` localizer."""

import pytest
import torch
from scipy import ndimage

from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Prediction
from crowdkit_core.localization import LocalMaxima


def spikes(size, *heights):
    """A density map from (row, column, value)."""
    density = torch.zeros(1, 1, *size)
    for row, column, value in heights:
        density[0, 0, row, column] = value
    return density


def points_of(density, stride=1, size=None, **options):
    prediction = Prediction.from_density(density, stride)
    size = size or (density.shape[-2] * stride, density.shape[-1] * stride)
    return LocalMaxima(**options)(prediction, size)[0]


def test_points_are_cell_centres_in_pixels_best_first():
    found = points_of(spikes((4, 6), (1, 2, 0.5), (3, 5, 0.9)), stride=8)
    assert found.xy.tolist() == [[44, 28], [20, 12]]
    assert found.score.tolist() == pytest.approx([0.9, 0.5])


def test_a_centre_beyond_the_frame_moves_onto_it():
    # The last cell of a side of 25 covers one pixel, its centre would be at 28.
    assert points_of(spikes((1, 4), (0, 3, 1.0)), stride=8, size=(8, 25)).xy.tolist() == [[25, 4]]


def test_thresholds():
    density = spikes((9, 9), (1, 1, 1.0), (7, 7, 0.2), (1, 7, 0.05))
    assert len(points_of(density).xy) == 2
    assert len(points_of(density, threshold=0.0).xy) == 3
    assert len(points_of(density, threshold=0.5).xy) == 1
    assert len(points_of(10 * density, threshold=0.5).xy) == 1
    assert len(points_of(10 * density, threshold=0.4, threshold_kind="absolute").xy) == 3


def test_least_distance_is_in_pixels():
    density = spikes((5, 20), (2, 4, 1.0), (2, 7, 0.8))
    for stride in (1, 4):
        kept = [
            len(points_of(density, stride=stride, min_distance=cells * stride).xy)
            for cells in (0, 2, 3, 3.5, 4)
        ]
        assert kept == [2, 2, 2, 1, 1]


def test_match_count_keeps_the_highest():
    density = spikes((5, 20), (2, 4, 1.2), (2, 9, 0.9), (2, 15, 0.3))
    assert points_of(density, match_count=True).xy[:, 0].tolist() == [4.5, 9.5]
    prediction = Prediction(count=torch.tensor([-3.0]), density=density, stride=1)
    assert len(LocalMaxima(match_count=True)(prediction, (5, 20))[0].xy) == 0


def test_smoothing_is_a_gaussian_in_pixels():
    noisy = torch.rand(1, 1, 30, 40, generator=torch.Generator().manual_seed(0))
    found = points_of(noisy, stride=2, smoothing=5.0, threshold=0.0)
    blurred = ndimage.gaussian_filter(
        noisy[0, 0].double().numpy(), 2.5, mode="nearest", truncate=3.2
    )
    peak = blurred == ndimage.maximum_filter(blurred, 3, mode="constant")
    rows, columns = peak.nonzero()
    expected = {(2 * (c + 0.5), 2 * (r + 0.5)) for r, c in zip(rows, columns, strict=True)}
    assert {tuple(point) for point in found.xy.tolist()} == expected
    assert found.score[0].item() == pytest.approx(blurred.max(), rel=1e-4)


def test_empty_maps_and_batches():
    density = torch.cat([spikes((5, 5)), spikes((5, 5), (2, 2, 1.0)), -spikes((5, 5), (2, 2, 1.0))])
    found = LocalMaxima()(Prediction.from_density(density, 2), (10, 10))
    assert [each.xy.tolist() for each in found] == [[], [[5, 5]], []]


def test_refinement_moves_towards_the_heavier_side():
    found = points_of(torch.tensor([[[[0.0, 0.2, 1.0, 0.6, 0.0]]]]), stride=4, refine=True)
    assert 10 < found.xy[0, 0].item() < 12


def test_misuse_is_refused():
    with pytest.raises(IncompatibleError, match="needs a density map"):
        LocalMaxima()(Prediction(count=torch.ones(1)), (4, 4))
    with pytest.raises(OptionsError, match="smoothing is -1"):
        LocalMaxima(smoothing=-1)
    with pytest.raises(OptionsError, match="a share below 1"):
        LocalMaxima(threshold=2.0)


@pytest.mark.gpu
def test_cuda_points_stay_there_and_agree():
    density = torch.rand(2, 1, 30, 40, generator=torch.Generator().manual_seed(0))
    localizer = LocalMaxima(smoothing=3.0, min_distance=6.0, refine=True)
    here = localizer(Prediction.from_density(density, 4), (120, 160))
    there = localizer(Prediction.from_density(density.cuda(), 4), (120, 160))
    for one, other in zip(here, there, strict=True):
        assert other.xy.is_cuda
        torch.testing.assert_close(one.xy, other.xy.cpu(), atol=1e-2, rtol=0)
