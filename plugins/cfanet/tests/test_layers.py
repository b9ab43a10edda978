"""The layers that save memory compute what the plain ones compute."""

import pytest
import torch
from crowdkit_cfanet.layers import dilated_conv, enlarge, enlarged_conv, joint_conv, run_step
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

SIDES = st.integers(1, 6)


def same_values_and_gradients(ours: Tensor, plain: Tensor, inputs: list[Tensor]) -> None:
    torch.testing.assert_close(ours, plain)
    weights = torch.rand_like(plain)
    torch.testing.assert_close(
        torch.autograd.grad((ours * weights).sum(), inputs),
        torch.autograd.grad((plain * weights).sum(), inputs),
    )


@settings(deadline=None, max_examples=20)
@given(height=SIDES, width=SIDES, channels=st.lists(st.integers(1, 4), min_size=1, max_size=3))
def test_a_joint_convolution_is_that_of_the_stacked_maps(
    height: int, width: int, channels: list[int]
) -> None:
    torch.manual_seed(0)
    conv = dilated_conv(sum(channels), 3).double()
    maps = [torch.rand(2, c, height, width).double().requires_grad_() for c in channels]
    plain = conv(torch.cat(maps, 1))
    same_values_and_gradients(joint_conv(conv, maps), plain, [*maps, *conv.parameters()])


@settings(deadline=None, max_examples=20)
@given(height=SIDES, width=SIDES, factor=st.sampled_from((1, 2, 4, 8, 16)))
def test_an_enlarged_convolution_is_that_of_the_enlarged_features(
    height: int, width: int, factor: int
) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(5, 1, 3, padding=1).double()
    features = torch.rand(2, 5, height, width).double().requires_grad_()
    size = (factor * height, factor * width)
    large = features
    if factor > 1:
        large = F.interpolate(features, scale_factor=factor, mode="bilinear")
    ours = enlarged_conv(conv, features, size)
    same_values_and_gradients(ours, conv(large), [features, *conv.parameters()])


def test_enlarging_interpolates_between_the_centres_of_square_pixels() -> None:
    row = torch.tensor([[[[0.0, 4.0]]]])
    assert enlarge(row, (1, 4)).flatten().tolist() == [0.0, 1.0, 3.0, 4.0]


@pytest.mark.parametrize(("checkpointing", "calls"), [(False, 1), (True, 2)])
def test_a_checkpointed_step_runs_again_for_its_gradient(checkpointing: bool, calls: int) -> None:
    called = []

    def cube(x: Tensor) -> Tensor:
        called.append(x)
        return x**3

    x = torch.tensor(2.0, requires_grad=True)
    run_step(cube, x, checkpointing=checkpointing).backward()
    assert x.grad == 12
    assert len(called) == calls


def test_nothing_is_kept_for_a_gradient_nobody_asks_for() -> None:
    called = []
    with torch.no_grad():
        run_step(called.append, torch.ones(1), checkpointing=True)
    assert len(called) == 1
