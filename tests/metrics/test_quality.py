"""SSIM, PSNR and the false recognition ratio of density maps."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)

from crowdkit_core.density import Fixed
from crowdkit_core.errors import ShapeError
from crowdkit_core.metrics import (
    at_full_resolution,
    background_ratio,
    background_ratio_by_image,
    psnr,
    psnr_by_image,
    ssim,
    ssim_by_image,
)

BY_IMAGE = [ssim_by_image, psnr_by_image, background_ratio_by_image]
MEANS = [ssim, psnr, background_ratio]


def crowd(seed, size=(48, 64), people=6, sigma=3.0):
    """The density map of a few heads away from the border."""
    generator = torch.Generator().manual_seed(seed)
    room = torch.tensor([size[1] - 36.0, size[0] - 36.0])
    points = 18 + torch.rand(people, 2, generator=generator) * room
    return Fixed(sigma=sigma, truncate=2.0)([points], size)


def pair():
    return crowd(0), 0.7 * crowd(0, sigma=4.0) + 0.1 * crowd(1)


@pytest.mark.parametrize("factor", [1.0, 200.0])
def test_ssim_is_torchmetrics_with_the_common_peak_as_data_range(factor):
    predicted, actual = pair()
    peak = factor * max(predicted.max(), actual.max()).item()
    # Borders are empty, so that its reflected ones are the zeros of ours.
    _, full = structural_similarity_index_measure(
        factor * predicted, factor * actual, sigma=1.5, data_range=peak, return_full_image=True
    )
    ours = ssim(factor * predicted, factor * actual)
    assert ours.item() == pytest.approx(full.mean().item(), abs=1e-5)
    assert 0.3 < ours.item() < 0.999


@pytest.mark.parametrize("factor", [1.0, 200.0])
def test_psnr_is_torchmetrics_with_the_common_peak_as_data_range(factor):
    predicted, actual = pair()
    peak = max(predicted.max(), actual.max()).item()
    theirs = peak_signal_noise_ratio(predicted, actual, data_range=peak)
    ours = psnr(factor * predicted, factor * actual)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-4)


def test_the_larger_peak_divides_whichever_map_has_it():
    small, large = torch.zeros(1, 1, 1, 4), torch.zeros(1, 1, 1, 4)
    small[..., 0], large[..., 0] = 1.0, 4.0
    # Over a peak of 4 the maps differ by 0.75 in one cell of four.
    assert psnr(small, large).item() == pytest.approx(-10 * math.log10(0.75**2 / 4))
    assert psnr(large, small).item() == pytest.approx(psnr(small, large).item())


def test_background_ratio_by_hand():
    actual = torch.tensor([[[[0.5, 2e-5, 0.9e-5, 0.0]]]])
    predicted = torch.tensor([[[[5.0, 2.0, 2.0, 1.0]]]])
    assert background_ratio(predicted, actual).item() == pytest.approx(0.3)
    assert background_ratio(predicted, actual, threshold=0.1).item() == pytest.approx(0.5)
    predicted[..., 3] = -1.0  # counts as nobody
    assert background_ratio(predicted, actual).item() == pytest.approx(2 / 9)


def test_nobody_there_and_nobody_seen():
    nobody, people = torch.zeros(1, 1, 20, 20), crowd(0, size=(40, 40))[..., 10:30, 10:30]
    assert ssim(nobody, nobody).item() == 1
    assert psnr_by_image(nobody, nobody).item() == math.inf
    assert psnr(nobody, nobody).isnan()
    assert background_ratio(nobody, nobody).item() == 0

    assert background_ratio(people, nobody).item() == 1
    assert background_ratio(nobody, people).item() == 0
    for metric in (ssim, psnr):
        assert metric(people, nobody).item() == pytest.approx(metric(nobody, people).item())
        assert metric(people, nobody).isfinite()
    assert psnr(-people, nobody).isfinite()


def test_equal_images_are_left_out_of_the_mean_psnr():
    predicted, actual = pair()
    both = torch.cat([predicted, actual]), torch.cat([actual, actual])
    assert psnr_by_image(*both)[1] == math.inf
    assert psnr(*both).item() == pytest.approx(psnr(predicted, actual).item())
    assert ssim(*both).item() == pytest.approx((ssim(predicted, actual).item() + 1) / 2)


@pytest.mark.parametrize(("by_image", "mean"), list(zip(BY_IMAGE, MEANS, strict=True)))
def test_images_of_a_batch_are_measured_alone(by_image, mean):
    predicted = torch.cat([crowd(0), 100 * crowd(1), crowd(2)])
    actual = torch.cat([crowd(3), 100 * crowd(4), crowd(2, sigma=5.0)])
    alone = [mean(predicted[[i]], actual[[i]]).item() for i in range(3)]
    assert by_image(predicted, actual).tolist() == pytest.approx(alone, rel=1e-5)
    assert mean(predicted, actual).item() == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.mark.parametrize("metric", MEANS)
def test_padding_changes_nothing(metric):
    predicted, actual = crowd(0), crowd(1)
    inside = torch.ones(1, 48, 64, dtype=torch.bool)
    padding = (0, 9, 0, 5)
    padded = [torch.nn.functional.pad(each, padding, value=3.0) for each in (predicted, actual)]
    roi = torch.nn.functional.pad(inside, padding)
    assert metric(*padded, roi=roi).item() == pytest.approx(metric(predicted, actual).item())


@pytest.mark.parametrize("metric", BY_IMAGE)
def test_only_people_inside_the_region_matter(metric):
    predicted, actual = crowd(0), crowd(1)
    roi = torch.zeros(1, 48, 64, dtype=torch.bool)
    roi[:, 10:40, :35] = True
    cut = metric(predicted * roi, actual * roi, roi=roi)
    louder = predicted + 7.0 * ~roi
    assert metric(louder, actual, roi=roi).item() == pytest.approx(cut.item())
    assert metric(predicted, actual, roi=roi).item() != pytest.approx(
        metric(predicted, actual).item()
    )


def test_psnr_in_a_region_is_that_of_its_cells():
    predicted, actual = crowd(0), crowd(1)
    roi = torch.zeros(1, 48, 64, dtype=torch.bool)
    roi[:, 10:40, :35] = True
    x, y = predicted[:, 0][roi], actual[:, 0][roi]
    theirs = peak_signal_noise_ratio(x, y, data_range=max(x.max(), y.max()).item())
    assert psnr(predicted, actual, roi=roi).item() == pytest.approx(theirs.item(), abs=1e-4)


def test_an_empty_region_has_no_quality():
    predicted, actual = pair()
    nowhere = torch.zeros(1, 48, 64, dtype=torch.bool)
    assert ssim_by_image(predicted, actual, roi=nowhere).isnan().all()
    assert psnr_by_image(predicted, actual, roi=nowhere).isnan().all()
    assert background_ratio_by_image(predicted, actual, roi=nowhere).tolist() == [0]


@pytest.mark.parametrize("metric", MEANS)
def test_maps_that_do_not_fit_are_refused(metric):
    one, other = torch.zeros(1, 1, 12, 12), torch.zeros(1, 1, 3, 3)
    with pytest.raises(ShapeError, match=r"\(1, 1, 12, 12\) and \(1, 1, 3, 3\)"):
        metric(one, other)
    with pytest.raises(ShapeError, match=r"region has shape \(1, 3, 3\)"):
        metric(one, one, roi=torch.ones(1, 3, 3, dtype=torch.bool))


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_full_resolution_is_scipys_interpolation_between_cell_centres(stride):
    density = torch.rand(2, 1, 5, 7, generator=torch.Generator().manual_seed(0))
    size = (5 * stride, 7 * stride)
    where = [(np.arange(side) + 0.5) / stride - 0.5 for side in size]
    fine = at_full_resolution(density, stride=stride, size=size)
    for coarse, full in zip(density, fine, strict=True):
        theirs = ndimage.map_coordinates(
            coarse[0].numpy(), np.meshgrid(*where, indexing="ij"), order=1, mode="nearest"
        )
        np.testing.assert_allclose(full[0].numpy(), theirs / stride**2, atol=1e-6)


@settings(deadline=None, max_examples=40)
@given(
    stride=st.integers(1, 9),
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**16),
)
def test_full_resolution_keeps_the_people_of_every_cell_near_it(stride, size, seed):
    cells = [-(-side // stride) for side in size]
    generator = torch.Generator().manual_seed(seed)
    density = torch.rand(2, 1, *cells, generator=generator, dtype=torch.float64)
    full = at_full_resolution(density, stride=stride, size=size)
    assert full.shape == (2, 1, *size)
    assert (full >= 0).all()
    torch.testing.assert_close(full.sum((1, 2, 3)), density.sum((1, 2, 3)))

    row, column = (int(torch.randint(n, (), generator=generator)) for n in cells)
    one = torch.zeros_like(density[:1])
    one[0, 0, row, column] = 1.0
    handed_out = at_full_resolution(one, stride=stride, size=size)[0, 0]
    rows, columns = (handed_out > 1e-9).nonzero().T  # weights of 0 are rounded
    for position, cell in ((rows, row), (columns, column)):
        assert position.min() >= cell * stride - stride / 2
        assert position.max() < (cell + 1) * stride + stride / 2
    if stride == 1:
        assert full.equal(density)


def test_a_map_of_another_stride_is_refused():
    with pytest.raises(ShapeError, match=r"expected \(B, 1, 3, 4\) for stride 8"):
        at_full_resolution(torch.zeros(1, 1, 6, 8), stride=8, size=(20, 30))
