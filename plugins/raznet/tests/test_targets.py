"""The label map and the attention target, against scipy's dilation and all distances."""

import numpy as np
import pytest
import torch
from crowdkit_raznet.targets import TOLERANCE, attention_target, localization_labels
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, generate_binary_structure
from scipy.spatial.distance import cdist

from crowdkit_core.data.transforms import crop
from crowdkit_core.interfaces import Points, Sample

sizes = st.tuples(st.integers(1, 60), st.integers(1, 60))


def random_points(number, size, seed, spread=1.0):
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(2, generator=random) * (1 - spread)
    xy = corner + spread * torch.rand(number, 2, generator=random)
    return xy * torch.tensor([size[1], size[0]])


@settings(deadline=None, max_examples=50)
@given(size=sizes, number=st.integers(0, 30), stride=st.integers(1, 4), seed=st.integers(0, 99))
def test_labels_are_dilated_dots(size, number, stride, seed) -> None:
    points = random_points(number, size, seed)
    dots = np.zeros([-(-side // stride) for side in size], bool)
    for x, y in points.tolist():
        dots[int(y / stride), int(x / stride)] = True
    wanted = binary_dilation(dots, generate_binary_structure(2, 1))
    assert (localization_labels(points, size, stride=stride).numpy() == wanted).all()


def test_points_on_the_far_border_belong_to_the_last_pixel() -> None:
    labels = localization_labels(torch.tensor([[4.0, 3.0]]), (3, 4))
    assert labels.nonzero().tolist() == [[1, 3], [2, 2], [2, 3]]


@settings(deadline=None, max_examples=20)
@given(top=st.integers(0, 10), left=st.integers(0, 10), seed=st.integers(0, 99))
def test_labels_of_a_crop_are_the_crop_of_the_labels(top, left, seed) -> None:
    # Only a plus whose centre was cut off is missing, on the crop's border.
    points = random_points(25, (40, 50), seed)
    sample = Sample(
        name="a", image=torch.zeros(3, 40, 50), points=Points(points, canvas_size=(40, 50))
    )
    inside = crop(sample, top, left, (25, 35)).points.as_subclass(torch.Tensor)
    whole = localization_labels(points, (40, 50))[top : top + 25, left : left + 35]
    cropped = localization_labels(inside, (25, 35))
    assert torch.equal(cropped[1:-1, 1:-1], whole[1:-1, 1:-1])
    assert not (cropped & ~whole).any()


def all_distances(points, size, stride, sigma):
    rows, columns = (np.arange(-(-side // stride)) * stride + stride / 2 for side in size)
    centres = np.stack(np.meshgrid(columns, rows), axis=-1).reshape(-1, 2)
    near = np.sort(cdist(centres, points.double().numpy()), axis=1)[:, :3]
    return np.exp(-(near.mean(1) ** 2) / (2 * sigma**2)).reshape(len(rows), len(columns))


@settings(deadline=None, max_examples=60)
@given(
    size=sizes,
    number=st.integers(1, 60),
    stride=st.sampled_from([1, 1, 2, 5]),
    sigma=st.sampled_from([1.0, 3.0, 8.0]),
    spread=st.sampled_from([0.1, 0.5, 1.0]),
    seed=st.integers(0, 999),
)
def test_attention_is_exact_above_its_tolerance(size, number, stride, sigma, spread, seed) -> None:
    points = random_points(number, size, seed, spread)
    found = attention_target(points, size, stride=stride, sigma=sigma).numpy()
    wanted = all_distances(points, size, stride, sigma)
    assert np.abs(found - wanted).max() <= TOLERANCE
    clearly = wanted > 1.01 * TOLERANCE
    np.testing.assert_allclose(found[clearly], wanted[clearly], rtol=1e-4)
    assert not found[wanted < 0.99 * TOLERANCE].any()


def test_attention_without_heads_is_zero() -> None:
    assert not attention_target(torch.zeros(0, 2), (5, 7)).any()


@pytest.mark.parametrize("number", [1, 2])
def test_fewer_heads_than_three_are_averaged(number) -> None:
    points = torch.tensor([[10.5, 4.5], [13.5, 4.5]])[:number]
    found = attention_target(points, (9, 21))
    distance = 0.0 if number == 1 else 1.5
    assert found[4, 10].item() == pytest.approx(np.exp(-(distance**2) / 18))


def test_heads_at_one_place_all_count() -> None:
    found = attention_target(torch.full((3, 2), 5.5), (11, 11))
    assert found[5, 5].item() == 1
    assert found[5, 8].item() == pytest.approx(np.exp(-0.5))
