"""The `raz-peaks` localizer."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from crowdkit_raznet.peaks import RazPeaks, average, find_peaks
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import LocalizedPoints, MapSpec, Prediction, require_fit
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.testing import check_localizer
from crowdkit_core.testing.toys import ToyCounter


def plus_map(size, *centres):
    """The label map of heads at pixels (row, column): 1 on a plus of five pixels."""
    dots = np.zeros(size, bool)
    for row, column in centres:
        dots[row, column] = True
    return torch.from_numpy(ndimage.binary_dilation(dots)).float()


def with_localization(maps, stride=1):
    return Prediction(
        count=torch.zeros(len(maps)),
        maps={"localization": maps},
        outputs={"localization": MapSpec("localization", stride)},
    )


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**16),
    size=st.tuples(st.integers(1, 25), st.integers(1, 25)),
    levels=st.sampled_from([2, 5, 2**20]),
    threshold=st.sampled_from([0.0, 0.4, 0.5, 0.55]),
    window=st.sampled_from([3, 5, 7]),
)
def test_peaks_are_the_maximum_filter_of_the_mean_filter(seed, size, levels, threshold, window):
    random = torch.Generator().manual_seed(seed)
    values = torch.randint(0, levels, size, generator=random) / (levels - 1)
    averaged = average(values, window).numpy()
    expected = ndimage.uniform_filter(values.double().numpy(), window, mode="constant")
    np.testing.assert_allclose(averaged, expected, atol=1e-6)
    highest = ndimage.maximum_filter(averaged, window, mode="constant", cval=-np.inf)
    peaks = np.argwhere((averaged == highest) & (averaged > np.float32(threshold)))
    within_reach = KDTree(peaks).sparse_distance_matrix(KDTree(peaks), window // 2 + 0.5, p=np.inf)
    number, plateau = connected_components(within_reach)
    found = find_peaks(values, threshold=threshold, window=window)
    expected = {}
    for each in range(number):
        y, x = peaks[plateau == each].mean(0)
        expected[round(x, 3), round(y, 3)] = averaged[tuple(peaks[plateau == each][0])]
    ours = {
        (round(x - 0.5, 3), round(y - 0.5, 3)): score
        for (x, y), score in zip(found.xy.tolist(), found.score.tolist(), strict=True)
    }
    assert ours == expected
    assert len(found.xy) == number
    assert (found.score.diff() <= 0).all()


def test_heads_of_the_label_map_come_back():
    heads = [(3, 4), (3, 9), (8, 2), (8, 6), (13, 11)]
    found = find_peaks(plus_map((16, 14), *heads))
    expected = {(column + 0.5, row + 0.5) for row, column in heads}
    assert {tuple(p) for p in found.xy.tolist()} == expected
    assert found.score.tolist() == pytest.approx([5 / 9] * len(heads))


@pytest.mark.parametrize("threshold", [0.5, 5 / 9 - 1e-6, 5 / 9 + 1e-6])
def test_the_threshold_is_on_the_averaged_value(threshold):
    found = find_peaks(plus_map((7, 7), (3, 3)), threshold=threshold)
    assert len(found.xy) == (threshold < 5 / 9)


def test_a_lone_bright_cell_is_one_point():
    # Its average is a plateau of nine equal cells.
    values = torch.zeros(9, 11)
    values[4, 6] = 1.0
    assert find_peaks(values, threshold=0.1).xy.tolist() == [[6.5, 4.5]]


@pytest.mark.parametrize("refine", [False, True])
def test_a_saturated_block_is_one_point_at_its_middle(refine):
    values = torch.zeros(12, 15)
    values[2:8, 3:12] = 1.0
    found = find_peaks(values, refine=refine)
    assert found.xy.tolist() == [[7.5, 5.0]]
    assert found.score.tolist() == pytest.approx([1.0])


def test_a_saturated_ring_is_one_point():
    values = torch.zeros(20, 20)
    values[2:18, 2:18] = 1.0
    values[8:12, 8:12] = 0.0
    assert len(find_peaks(values).xy) == 1


def test_two_blocks_apart_are_two_points():
    values = torch.zeros(8, 20)
    values[2:6, 2:7] = values[2:6, 11:16] = 1.0
    assert find_peaks(values).xy.tolist() == [[4.5, 4.0], [13.5, 4.0]]


def test_a_wide_window_takes_a_rough_head_for_one():
    # Transposed convolutions leave a chequered pattern on what is broad.
    row, column = torch.meshgrid(torch.arange(24.0), torch.arange(48.0), indexing="ij")
    broad = sum(torch.exp(-((row - 11) ** 2 + (column - x) ** 2) / 60) for x in (11, 35))
    chequered = broad * (1 - 0.9 * ((row + column) % 2) * (column % 2))
    assert len(find_peaks(chequered, threshold=0.3).xy) > 2
    found = find_peaks(chequered, threshold=0.3, window=5).xy
    assert (
        found[found[:, 0].argsort()] - torch.tensor([[11.5, 11.5], [35.5, 11.5]])
    ).abs().max() <= 1


@pytest.mark.parametrize("window", [1, 4, 0, -3])
def test_a_window_has_a_middle(window):
    with pytest.raises(OptionsError, match=f"window is {window}, expected an odd number"):
        RazPeaks(window=window)


def test_beyond_the_border_nobody_is():
    everywhere = average(torch.ones(2, 1, 4, 5))
    assert everywhere[:, 0, 0, 0].tolist() == pytest.approx([4 / 9] * 2)
    assert everywhere[:, 0, 0, 2].tolist() == pytest.approx([6 / 9] * 2)
    assert everywhere[:, 0, 2, 2].tolist() == pytest.approx([1.0] * 2)


def test_half_precision_does_not_make_plateaus():
    row, column = torch.meshgrid(torch.arange(15.0), torch.arange(15.0), indexing="ij")
    hill = torch.exp(-((row - 7) ** 2 + (column - 6) ** 2) / 2000).bfloat16()
    assert len(hill[5:10, 4:9].unique()) < 25
    assert torch.equal(average(hill), average(hill.float()))
    assert average(hill).dtype == torch.float32


def test_refinement_finds_the_middle_between_cells():
    row, column = torch.meshgrid(torch.arange(21.0), torch.arange(21.0), indexing="ij")
    for x, y in ((10.5, 10.5), (10.8, 10.1), (9.7, 10.95)):
        blob = torch.exp(-((row + 0.5 - y) ** 2 + (column + 0.5 - x) ** 2) / 18)
        (coarse,), (fine,) = (find_peaks(blob, refine=each).xy.tolist() for each in (False, True))
        assert coarse == [10.5 if x > 10 else 9.5, 10.5]
        assert fine == pytest.approx([x, y], abs=0.02)


def test_it_keeps_the_contract():
    check_localizer(RazPeaks())
    check_localizer(RazPeaks(refine=True))


def test_the_localization_map_is_preferred():
    density = plus_map((8, 8), (2, 2))[None, None]
    probability = plus_map((16, 16), (12, 10))[None, None]
    prediction = Prediction.from_density(density, 2, maps={"localization": probability})
    assert RazPeaks()(prediction, (16, 16))[0].xy.tolist() == [[10.5, 12.5]]


def test_points_the_counter_found_itself_are_taken():
    closer = LocalizedPoints(torch.tensor([[3.25, 4.75]]), torch.tensor([0.4]))
    prediction = with_localization(plus_map((16, 16), (12, 10))[None, None])
    prediction = replace(prediction, points=[closer])
    assert RazPeaks()(prediction, (16, 16)) == [closer]


def test_points_are_in_pixels_inside_the_frame():
    maps = plus_map((8, 9), (3, 4))[None, None]
    maps[..., 6, 7] = 8.0  # the last two cells of each side
    found = RazPeaks()(with_localization(maps, stride=4), (26, 30))[0]
    assert found.xy.tolist() == [[30.0, 26.0], [18.0, 14.0]]


def test_a_density_map_has_a_relative_threshold_for_each_image():
    one, other = torch.zeros(1, 1, 9, 20), torch.zeros(1, 1, 9, 20)
    for column, height in ((3, 1.0), (10, 0.3), (16, 0.05)):
        one[..., 4, column] = height
    other[..., 4, 10] = 0.01
    prediction = Prediction.from_density(torch.cat([one, other, torch.zeros_like(one)]), 8)
    assert [len(each.xy) for each in RazPeaks()(prediction, (72, 160))] == [2, 1, 0]
    lower, higher = (RazPeaks(density_threshold=share) for share in (0.02, 0.5))
    assert [len(each.xy) for each in lower(prediction, (72, 160))] == [3, 1, 0]
    assert [len(each.xy) for each in higher(prediction, (72, 160))] == [1, 1, 0]
    xy = RazPeaks()(prediction, (72, 160))[0].xy
    assert torch.equal(xy, LocalMaxima()(prediction, (72, 160))[0].xy)


def test_a_density_map_below_zero_has_nobody():
    prediction = Prediction.from_density(-torch.rand(1, 1, 9, 9), 8)
    assert len(RazPeaks()(prediction, (72, 72))[0].xy) == 0


def test_either_map_will_do():
    counter = ToyCounter()
    require_fit(RazPeaks(), counter)
    counter.outputs = {"localization": MapSpec("localization", 1)}
    require_fit(RazPeaks(), counter)
    counter.outputs = {"fine": MapSpec("classes", 1, 6)}
    with pytest.raises(IncompatibleError, match="a map named 'localization' or 'density'"):
        require_fit(RazPeaks(), counter)


def test_misuse_is_refused():
    with pytest.raises(IncompatibleError, match="the prediction has neither"):
        RazPeaks()(Prediction(count=torch.ones(1)), (4, 4))
    unknown = Prediction(count=torch.ones(1), maps={"localization": torch.ones(1, 1, 4, 4)})
    with pytest.raises(IncompatibleError, match="the stride of the localization map"):
        RazPeaks()(unknown, (8, 8))
    with pytest.raises(OptionsError, match=r"threshold is 1\.0, expected a share"):
        RazPeaks(threshold=1.0)
    with pytest.raises(OptionsError, match=r"density_threshold is -0\.1"):
        RazPeaks(density_threshold=-0.1)


@pytest.mark.gpu
def test_cuda_points_stay_there_and_agree():
    maps = torch.rand(2, 1, 60, 70, generator=torch.Generator().manual_seed(0))
    for refine in (False, True):
        localizer = RazPeaks(refine=refine)
        here = localizer(with_localization(maps), (60, 70))
        there = localizer(with_localization(maps.cuda()), (60, 70))
        for one, other in zip(here, there, strict=True):
            assert other.xy.is_cuda
            torch.testing.assert_close(one.xy, other.xy.cpu(), atol=1e-3, rtol=0)
            torch.testing.assert_close(one.score, other.score.cpu())
