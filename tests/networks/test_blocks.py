"""Padding, normalisation and initial weights."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision.transforms.v2 import functional as F

from crowdkit_core.networks import (
    STATISTICS,
    Normalize,
    conv_relu_stack,
    crop_map,
    init_kaiming,
    init_normal,
    pad_to_multiple,
)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 70), st.integers(1, 70), st.sampled_from([1, 4, 8, 16]))
def test_padded_and_pooled_maps_have_a_cell_for_every_begun_stride(
    height: int, width: int, stride: int
) -> None:
    images = torch.rand(1, 3, height, width)
    padded = pad_to_multiple(images, stride)
    assert padded.shape[-2] % stride == padded.shape[-1] % stride == 0
    assert torch.equal(padded[..., :height, :width], images)
    assert padded.sum() == pytest.approx(images.sum().item(), rel=1e-5)
    cells = nn.functional.max_pool2d(pad_to_multiple(images, 16), stride)
    expected = (1, 3, math.ceil(height / stride), math.ceil(width / stride))
    assert crop_map(cells, (height, width), stride).shape == expected


@pytest.mark.parametrize("name", STATISTICS)
def test_normalisation_is_torchvisions_and_stays_out_of_the_state(name: str) -> None:
    images = torch.rand(2, 3, 4, 5)
    mean, std = STATISTICS[name]
    normalize = Normalize(name)
    torch.testing.assert_close(normalize(images), F.normalize(images, list(mean), list(std)))
    assert not normalize.state_dict()


@pytest.mark.parametrize(
    ("name", "mean"),
    [
        ("caffe", [123.68, 116.779, 103.939]),
        ("csrnet", [92.8207477, 95.2757037, 104.8774459]),
    ],
)
def test_published_means_are_subtracted_from_bytes(name, mean) -> None:
    grey = torch.full((1, 3, 1, 1), 128 / 255)
    expected = 128 - torch.tensor(mean)
    torch.testing.assert_close(Normalize(name)(grey).flatten(), expected, rtol=0, atol=1e-4)


def test_initial_weights_have_the_stated_deviation() -> None:
    stack = conv_relu_stack([64, 64, 64], dilation=2)
    torch.manual_seed(0)
    init_normal(stack, std=0.02)
    weights = torch.cat([p.flatten() for name, p in stack.named_parameters() if "weight" in name])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
    assert weights.mean().abs() < 1e-3
    assert all(not p.any() for name, p in stack.named_parameters() if "bias" in name)


def test_kaimings_weights_keep_the_signals_strength_through_many_layers() -> None:
    torch.manual_seed(0)
    stack = conv_relu_stack([64] * 9)
    init_kaiming(stack)
    signal = torch.randn(1, 64, 32, 32)
    inner = stack(signal)[..., 9:-9, 9:-9]  # away from the zeros around the map
    assert 0.5 < inner.square().mean() / signal.square().mean() < 2
