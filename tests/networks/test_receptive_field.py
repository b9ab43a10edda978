"""The measured reach of a cell is the true one."""

import pytest
import torch
from torch import nn

from crowdkit_core.networks import Backbone, conv_relu_stack, measure_receptive_field


def test_a_convolution_reaches_half_its_kernel() -> None:
    assert measure_receptive_field(nn.Conv2d(3, 1, 9, padding=4), 1) == 4
    assert measure_receptive_field(nn.Conv2d(3, 1, 3, padding=4, dilation=4), 1) == 4


def test_a_pooling_that_tiles_the_image_reaches_nowhere() -> None:
    assert measure_receptive_field(nn.MaxPool2d(4), 4) == 0


def test_lopsided_padding_counts_its_longer_side() -> None:
    network = nn.Sequential(nn.ZeroPad2d((0, 4, 0, 0)), nn.Conv2d(3, 1, (1, 5)))
    assert measure_receptive_field(network, 1) == 4


def test_stacks_add_up() -> None:
    # 3 at stride 1, then 2 x 2 at stride 2, then 6 x 2 dilated at stride 4
    network = nn.Sequential(
        nn.Conv2d(3, 2, 7, padding=3),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 2, 5, padding=2),
        nn.MaxPool2d(2),
        conv_relu_stack([2, 2, 1], dilation=3),
    )
    assert measure_receptive_field(network, 4) == 3 + 4 + 24


def test_a_global_pooling_sees_the_whole_image() -> None:
    class Gate(nn.Module):
        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return images * images.mean((2, 3), keepdim=True)

    assert measure_receptive_field(Gate(), 1) is None


@pytest.mark.slow
def test_vgg16_reaches_what_it_states() -> None:
    backbone = Backbone()
    assert backbone.receptive_field == 42
    assert measure_receptive_field(backbone, 8, read=lambda features: features[0]) == 42


def test_gradients_agree_for_resnet18() -> None:
    backbone = Backbone("resnet18").double().eval()
    reach = backbone.receptive_field
    assert reach is not None
    for module in backbone.modules():  # all gradients positive: none cancels, no unit is dead
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
    backbone.net.maxpool = nn.AvgPool2d(3, stride=2, padding=1)  # same window, all its pixels
    images = torch.ones(1, 3, 192, 192, dtype=torch.float64, requires_grad=True)
    backbone(images)[0][0, :, 12, 12].sum().backward()
    assert images.grad is not None
    rows, columns = images.grad[0].abs().sum(0).nonzero().unbind(1)
    for touched in (rows, columns):
        before, after = 12 * 8 - int(touched.min()), int(touched.max()) - (13 * 8 - 1)
        assert max(before, after) == reach
