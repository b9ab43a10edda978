"""SFCN: its size, its front ends, and the layouts it was published under."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from crowdkit_sfcn.model import SFCN
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import resnet18, resnet101

import crowdkit_core
from crowdkit_core.errors import WeightsError
from crowdkit_core.networks import STATISTICS, measure_receptive_field
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(3))


@parametrize_with_checks([SFCN(backbone="resnet18")])
def test_conformance(component: SFCN, check: Callable[[SFCN], None]) -> None:
    check(component)


BACK_END = sum(9 * i * o + o for i, o in [(512, 256), (256, 128), (128, 64)])
TWICE_512 = 2 * (9 * 512 * 512 + 512)
SPATIAL_AND_OUTPUT = 2 * (9 * 64 * 64 + 64) + 65
RESNET101_TO_LAYER3 = 9_408 + 128 + 215_808 + 1_219_584 + 26_090_496


@pytest.mark.parametrize(
    ("backbone", "front_end"),
    [
        ("vgg16", 7_635_264 + 9 * 512 * 512 + 512),
        ("resnet101", RESNET101_TO_LAYER3 + 9 * 1024 * 512 + 512),
    ],
)
def test_number_of_parameters(backbone: str, front_end: int) -> None:
    counter = crowdkit_core.create("counter", "sfcn", backbone=backbone)
    expected = front_end + TWICE_512 + BACK_END + SPATIAL_AND_OUTPUT
    assert expected == {"vgg16": 16_337_345, "resnet101": 38_596_801}[backbone]
    assert sum(p.numel() for p in counter.parameters()) == expected


class Spatial(nn.Module):
    """The published module: ``conv.0`` under its key, and the recurrence over rows or columns."""

    def __init__(self, kernel_size: tuple[int, int], dim: int) -> None:
        super().__init__()
        padding = (kernel_size[0] // 2, kernel_size[1] // 2)
        self.conv = nn.Sequential(nn.Conv2d(64, 64, kernel_size, padding=padding), nn.ReLU())
        self.dim = dim

    def forward(self, maps: Tensor) -> Tensor:
        lines = list(maps.split(1, self.dim))
        for i in range(1, len(lines)):
            lines[i] = lines[i] + self.conv(lines[i - 1])
        for i in reversed(range(len(lines) - 1)):
            lines[i] = lines[i] + self.conv(lines[i + 1])
        return torch.cat(lines, self.dim)


class Published(nn.Module):
    """The published network, as its keys describe it; its map has the resolution of the image."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        if backbone == "vgg16":
            widths: tuple[int | str, ...] = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M")
            self.frontend = self._stack((*widths, 512, 512, 512), 3, dilation=1)
            self.own_reslayer_3 = nn.Sequential()
        else:
            net = resnet101()
            parts = (net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2)
            self.frontend = nn.Sequential(*parts)
            self.own_reslayer_3 = net.layer3
            self.own_reslayer_3[0].conv2.stride = (1, 1)
            self.own_reslayer_3[0].downsample[0].stride = (1, 1)
        channels = 512 if backbone == "vgg16" else 1024
        self.backend = self._stack((512, 512, 512, 256, 128, 64), channels, dilation=2)
        self.convDU = Spatial((1, 9), dim=2)
        self.convLR = Spatial((9, 1), dim=3)
        self.output_layer = nn.Sequential(nn.Conv2d(64, 1, 1), nn.ReLU())
        for layer in self.modules():  # so that the map is neither empty nor vast
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        for spatial in (self.convDU, self.convLR):
            nn.init.normal_(spatial.conv[0].weight, std=0.01)
        nn.init.constant_(self.output_layer[0].bias, 1)

    @staticmethod
    def _stack(widths: tuple[int | str, ...], channels: int, dilation: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for width in widths:
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers += [nn.Conv2d(channels, width, 3, 1, dilation, dilation), nn.ReLU()]
            channels = width
        return nn.Sequential(*layers)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.backend(self.own_reslayer_3(self.frontend(images)))
        return F.interpolate(self.output_layer(self.convLR(self.convDU(maps))), scale_factor=8)


@pytest.mark.parametrize(
    ("backbone", "prefix"),
    [("vgg16", "CCN."), ("vgg16", ""), ("resnet101", "CCN.module.")],
)
def test_the_published_layout_counts_what_its_full_size_map_sums_to(
    backbone: str, prefix: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    published = Published(backbone).eval()
    path = tmp_path / "all_ep_1_mae_1.0_mse_1.0.pth"
    torch.save({prefix + key: value for key, value in published.state_dict().items()}, path)
    counter = crowdkit_core.create("counter", "sfcn", weights=path, normalization="ucf-qnrf")
    assert counter.origin.options["backbone"] == backbone
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in STATISTICS["ucf-qnrf"])
    with torch.no_grad():
        full_size = published((IMAGES - mean) / std)
        prediction = counter.eval()(IMAGES)
    assert full_size.count_nonzero() / full_size.numel() > 0.05
    torch.testing.assert_close(prediction.count, full_size.sum((1, 2, 3)) / 100, rtol=1e-3, atol=0)
    density = F.avg_pool2d(full_size, 8) * 64 / 100
    torch.testing.assert_close(prediction.density, density, rtol=1e-3, atol=1e-3)


@pytest.mark.slow
def test_messages_reach_across_the_whole_image() -> None:
    counter = SFCN(backbone="resnet18")
    assert counter.receptive_field is None
    measured = measure_receptive_field(counter, 8, read=lambda prediction: prediction.density)
    assert measured is None


def test_a_plain_resnet_keeps_its_resolution_and_its_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = resnet18().eval()
    path = tmp_path / "resnet18-f37072fd.pth"
    torch.save(source.state_dict(), path)
    backbone = SFCN(backbone="resnet18", pretrained=path).backbone.eval()
    source.layer3[0].conv1.stride = (1, 1)
    source.layer3[0].downsample[0].stride = (1, 1)
    expected = source.maxpool(source.relu(source.bn1(source.conv1(IMAGES))))
    expected = source.layer3(source.layer2(source.layer1(expected)))
    assert expected.shape[-2:] == (4, 5)
    torch.testing.assert_close(backbone(IMAGES)[0], expected)


@pytest.mark.parametrize("seed", range(4))
def test_the_last_relu_begins_open(seed: int) -> None:
    torch.manual_seed(seed)
    prediction = SFCN(backbone="resnet18")(IMAGES)
    assert prediction.density is not None
    assert prediction.density.min() > 0


def test_own_weights_bring_their_options_back(tmp_path: Path) -> None:
    options = {"backbone": "resnet18", "normalization": "mall", "output_scale": 0.3}
    counter = crowdkit_core.create("counter", "sfcn", **options).eval()
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="sfcn", options=counter.origin.options)
    loaded = crowdkit_core.create("counter", "sfcn", weights=path).eval()
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
    assert loaded.origin.options == options


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "csrnet.pth"
    torch.save({"frontend.0.weight": torch.zeros(64, 3, 3, 3), "backend.0.bias": IMAGES}, path)
    with pytest.raises(WeightsError, match=r"csrnet\.pth.*SFCN.*missing"):
        crowdkit_core.create("counter", "sfcn", weights=path)
