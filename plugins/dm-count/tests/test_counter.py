"""VGG-19: its size, its reach, and the layouts it was published under."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.errors import WeightsError
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import check_counter

IMAGES = torch.rand(1, 3, 48, 80, generator=torch.Generator().manual_seed(3))
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)


@pytest.mark.parametrize(
    "options",
    [
        {"backbone": "resnet18"},
        {"backbone": "test_resnet", "upsampling": "bilinear", "activation": "abs"},
        {"backbone": "test_resnet", "upsampling": "nearest", "initialization": "normal"},
        pytest.param({"upsampling": "nearest", "activation": "abs"}, marks=pytest.mark.slow),
    ],
)
def test_conformance(options: dict[str, Any]) -> None:
    check_counter(crowdkit_core.create("counter", "vgg19", **options))


class Published(nn.Module):
    """A published network, as its keys and its paper describe it."""

    def __init__(self, *, one_head: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        blocks = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
        for block, (width, number) in enumerate(blocks):
            layers += [nn.MaxPool2d(2, 2)] if block else []
            for _ in range(number):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
        self.features = nn.Sequential(*layers)
        head = [nn.Conv2d(512, 256, 3, padding=1), nn.ReLU()]
        head += [nn.Conv2d(256, 128, 3, padding=1), nn.ReLU()]
        output = nn.Conv2d(128, 1, 1)
        self.reg_layer = nn.Sequential(*head, *([output] if one_head else []))
        self.density_layer = nn.Identity() if one_head else nn.Sequential(output, nn.ReLU())
        for layer in self.modules():  # so that the map is neither empty nor vast
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.constant_(output.bias, -1.0 if one_head else 0.5)

    def forward(self, images: Tensor, **doubling: Any) -> Tensor:
        features = self.features((images - MEAN) / DEVIATION)
        doubled = F.interpolate(features, scale_factor=2, **doubling)
        return self.density_layer(self.reg_layer(doubled))


def published(*, one_head: bool) -> Published:
    torch.manual_seed(0)
    return Published(one_head=one_head).eval()


def test_number_of_parameters() -> None:
    counter = crowdkit_core.create("counter", "vgg19")
    assert sum(p.numel() for p in counter.parameters()) == 21_499_457


@pytest.mark.parametrize("wrapped", [False, True])
def test_dm_counts_layout_computes_what_it_was_published_to(wrapped: bool, tmp_path: Path) -> None:
    network = published(one_head=False)
    state = network.state_dict()
    assert {key.split(".")[1] for key in state if key.startswith("features")} == {
        str(index) for index in CONVOLUTIONS
    }
    path = tmp_path / "model.pth"
    torch.save({"epoch": 3, "model_state_dict": state} if wrapped else state, path)
    counter = crowdkit_core.create("counter", "vgg19", weights=path).eval()
    expected = network(IMAGES, mode="bilinear", align_corners=True)
    assert expected.max() > 0
    torch.testing.assert_close(counter(IMAGES).density, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "doubling"),
    [
        ({}, {"mode": "bilinear", "align_corners": True}),  # of the Bayesian loss
        ({"upsampling": "nearest"}, {"mode": "nearest"}),  # of the generalized loss
        ({"upsampling": "bilinear"}, {"mode": "bilinear", "align_corners": False}),
    ],
)
def test_the_other_layout_has_absolute_values(
    options: dict[str, Any], doubling: dict[str, Any], tmp_path: Path
) -> None:
    network = published(one_head=True)
    path = tmp_path / "best_model.pth"
    torch.save(network.state_dict(), path)
    counter = crowdkit_core.create("counter", "vgg19", weights=path, **options).eval()
    output = network(IMAGES, **doubling)
    assert output.min() < 0
    torch.testing.assert_close(counter(IMAGES).density, output.abs(), rtol=1e-4, atol=1e-4)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    state = published(one_head=False).state_dict()
    del state["features.34.weight"]
    path = tmp_path / "model.pth"
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"model\.pth.*1 missing"):
        crowdkit_core.create("counter", "vgg19", weights=path)


def test_a_local_file_starts_the_features(tmp_path: Path) -> None:
    network = published(one_head=False)
    state = {f"features.{key}": value for key, value in network.features.state_dict().items()}
    path = tmp_path / "vgg19-dcbb9e9d.pth"
    torch.save({**state, "classifier.0.bias": torch.zeros(4096)}, path)
    counter = crowdkit_core.create("counter", "vgg19", pretrained=str(path))
    torch.testing.assert_close(counter.backbone(IMAGES)[0], network.features(IMAGES))


def test_new_layers_start_as_asked() -> None:
    torch.manual_seed(0)
    normal = crowdkit_core.create("counter", "vgg19", backbone="resnet18", initialization="normal")
    own = crowdkit_core.create("counter", "vgg19", backbone="resnet18")
    assert normal.head[0].weight.std().item() == pytest.approx(0.01, rel=0.05)
    assert not normal.output_layer.bias.any()
    # torch draws uniformly within one over the root of a cell's inputs.
    bound = (9 * own.backbone.channels[0]) ** -0.5
    assert own.head[0].weight.abs().max().item() == pytest.approx(bound, rel=0.01)
    assert own.output_layer.bias.any()


@pytest.mark.parametrize("upsampling", ["nearest", "bilinear"])
def test_reach_behind_the_backbone(upsampling: str) -> None:
    """Of a network whose features reach no further than their cell."""
    counter = crowdkit_core.create("counter", "vgg19", backbone="resnet18", upsampling=upsampling)
    counter.backbone = Cells()
    measured = measure_receptive_field(
        counter, 8, read=lambda prediction: prediction.density, period=16
    )
    assert counter.receptive_field == measured


class Cells(nn.Module):
    """Means over cells of 16 pixels."""

    receptive_field = 0

    def forward(self, images: Tensor) -> list[Tensor]:
        return [F.avg_pool2d(images, 16).mean(1, keepdim=True).expand(-1, 256, -1, -1)]


@pytest.mark.slow
def test_reach_of_vgg19() -> None:
    counter = crowdkit_core.create("counter", "vgg19", upsampling="nearest")
    assert measure_receptive_field(counter.backbone.net, 16, read=lambda maps: maps[0]) == 118


def test_corners_depend_on_the_size_of_the_image() -> None:
    assert crowdkit_core.create("counter", "vgg19", backbone="resnet18").receptive_field is None
