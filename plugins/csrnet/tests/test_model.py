"""CSRNet: its size, its reach, and the layout it was published under."""

from pathlib import Path

import pytest
import torch
from crowdkit_csrnet.model import CSRNet
from torch import nn

import crowdkit_core
from crowdkit_core.errors import UsageError, WeightsError
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import check_counter
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("backbone", ["resnet18", pytest.param("vgg16", marks=pytest.mark.slow)])
def test_conformance(backbone: str) -> None:
    check_counter(crowdkit_core.create("counter", "csrnet", backbone=backbone))


class Published(nn.Module):
    """The published network, as its keys and its paper describe it."""

    def __init__(self) -> None:
        super().__init__()
        front = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)
        self.frontend = self._stack(front, 3, dilation=1)
        self.backend = self._stack((512, 512, 512, 256, 128, 64), 512, dilation=2)
        self.output_layer = nn.Conv2d(64, 1, 1)
        for layer in self.modules():  # so that the map is neither empty nor vast
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

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

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.output_layer(self.backend(self.frontend(images)))


@pytest.fixture(scope="module")
def published() -> Published:
    torch.manual_seed(0)
    return Published().eval()


def test_number_of_parameters() -> None:
    counter = crowdkit_core.create("counter", "csrnet")
    assert sum(p.numel() for p in counter.parameters()) == 16_263_489


@pytest.mark.parametrize("prefix", ["", "module.", "CCN.", "CCN.module."])
def test_the_published_layout_computes_what_it_was_published_to(
    published: Published, prefix: str, tmp_path: Path
) -> None:
    state = {prefix + key: value for key, value in published.state_dict().items()}
    path = tmp_path / "PartAmodel_best.pth.tar"
    torch.save({"epoch": 1, "arch": "CSRNet", "best_prec1": 66.4, "state_dict": state}, path)
    counter = crowdkit_core.create("counter", "csrnet", weights=path, normalization="imagenet")
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    expected = published((IMAGES - mean) / std)
    if prefix.startswith("CCN."):  # its count is the sum of the enlarged map, over 100
        expected = expected * 64 / 100
    torch.testing.assert_close(counter(IMAGES).density, expected, rtol=1e-4, atol=1e-4)


def test_the_other_published_normalisation_is_an_option(
    published: Published, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    torch.save(published.state_dict(), path)
    counter = crowdkit_core.create("counter", "csrnet", weights=path, normalization="csrnet")
    mean = torch.tensor([92.8207477031, 95.2757037428, 104.877445883]).view(3, 1, 1)
    expected = published(IMAGES * 255 - mean)
    torch.testing.assert_close(counter(IMAGES).density, expected, rtol=1e-3, atol=1e-2)


def test_initial_weights_of_the_back_end() -> None:
    torch.manual_seed(0)
    counter = CSRNet()
    for layer in [*counter.backend, counter.output_layer]:
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(0.01, rel=0.3)
            assert not layer.bias.any()


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "expected"), [("vgg16", 138), ("resnet18", 49 + 96)])
def test_receptive_field(backbone: str, expected: int) -> None:
    counter = CSRNet(backbone=backbone)
    assert counter.receptive_field == expected
    measured = measure_receptive_field(counter, 8, read=lambda prediction: prediction.density)
    assert measured == expected


def test_own_weights_bring_the_backbone_back_without_fetching_it(tmp_path: Path) -> None:
    counter = crowdkit_core.create("counter", "csrnet", backbone="resnet18").eval()
    path = tmp_path / "best.safetensors"
    options = {"backbone": "resnet18", "pretrained": "gone.pth"}
    save_weights(path, counter, component="csrnet", options=options)
    loaded = crowdkit_core.create("counter", "csrnet", weights=path).eval()
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
    assert loaded.origin.options == {"backbone": "resnet18"}


def test_a_local_file_starts_the_front_end(published: Published, tmp_path: Path) -> None:
    state = {f"features.{k}": v for k, v in published.frontend.state_dict().items()}
    path = tmp_path / "vgg16-397923af.pth"
    torch.save({**state, "classifier.0.bias": torch.zeros(4096)}, path)
    counter = crowdkit_core.create("counter", "csrnet", pretrained=str(path))
    torch.testing.assert_close(counter.backbone(IMAGES[..., :40])[0], published.frontend(IMAGES))


def test_weights_of_another_backbone_are_refused(published: Published, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(published.state_dict(), path)
    with pytest.raises(WeightsError, match=r"weights\.pth.*CSRNet.*missing.*unexpected"):
        crowdkit_core.create("counter", "csrnet", weights=path, backbone="resnet18")


def test_an_unknown_backbone_is_named() -> None:
    with pytest.raises(UsageError, match="'vgg61'"):
        crowdkit_core.create("counter", "csrnet", backbone="vgg61")
