"""RDCC: its size, its reach, its two maps, and the weights it starts from."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from crowdkit_recurrent_distillation.rdcc import RDCC
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.errors import WeightsError
from crowdkit_core.interfaces import Counter, Target
from crowdkit_core.losses import MSE
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(2, 3, 32, 40, generator=torch.Generator().manual_seed(3))
LOW = "low_resolution"
VGG16 = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)


@parametrize_with_checks(
    [
        create("counter", "rdcc", backbone="resnet18"),
        create("counter", "rdcc", backbone="resnet18", low_resolution=False),
    ]
)
def test_conformance(component: Counter, check: Callable[[Counter], None]) -> None:
    check(component)


class Plain(nn.Module):
    """The network as its table of layers says, written down once more."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width in VGG16:
            if isinstance(width, str):
                layers.append(nn.MaxPool2d(2, 2))
                continue
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            channels = width
        self.features = nn.Sequential(*layers)
        self.up1 = nn.ConvTranspose2d(512, 256, 4, 2, 1)
        self.up2 = nn.ConvTranspose2d(256, 128, 4, 2, 1)
        self.high1, self.high2 = nn.Conv2d(128, 64, 3, 1, 1), nn.Conv2d(64, 1, 1)
        self.low1, self.low2 = nn.Conv2d(256, 128, 3, 1, 1), nn.Conv2d(128, 1, 1)
        for layer in self.modules():  # so that the maps are neither empty nor vast
            if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        coarse = F.relu(self.up1(self.features(images)))
        fine = F.relu(self.up2(coarse))
        high = self.high2(F.relu(self.high1(fine)))
        return high, self.low2(F.relu(self.low1(coarse)))

    def with_own_keys(self) -> dict[str, Tensor]:
        """The weights under the counter's keys."""
        names = {
            "up1": "to_low.0",
            "up2": "to_high.0",
            "high1": "high_head.0",
            "high2": "high_head.2",
            "low1": "low_head.0",
            "low2": "low_head.2",
        }
        state = {}
        for key, values in self.state_dict().items():
            layer, rest = key.split(".", 1)
            own = names.get(layer)
            place, part = rest.rpartition(".")[::2]
            state[f"{own}.{rest}" if own else f"backbone.net.features_{place}.{part}"] = values
        return state


@pytest.fixture(scope="module")
def plain() -> Plain:
    torch.manual_seed(0)
    return Plain().eval()


@pytest.fixture(scope="module")
def weights(plain: Plain, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("weights") / "rdcc.pth"
    torch.save(plain.with_own_keys(), path)
    return path


@pytest.mark.parametrize("normalization", ["imagenet", "none"])
def test_maps_are_those_of_the_table_of_layers(
    plain: Plain, weights: Path, normalization: str
) -> None:
    counter = create("counter", "rdcc", weights=weights, normalization=normalization).eval()
    images = IMAGES
    if normalization == "imagenet":
        mean, std = torch.tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])
        images = (IMAGES - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    high, low = plain(images)
    with torch.no_grad():
        prediction = counter(IMAGES)
    torch.testing.assert_close(prediction.density, high, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(prediction.maps[LOW], low, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(prediction.count, high.sum((1, 2, 3)), rtol=1e-3, atol=1e-2)


def test_number_of_parameters() -> None:
    front = 7_635_264
    up = 512 * 256 * 16 + 256 + 256 * 128 * 16 + 128
    high = 128 * 64 * 9 + 64 + 64 + 1
    low = 256 * 128 * 9 + 128 + 128 + 1
    for options, expected in (({}, low), ({"low_resolution": False}, 0)):
        counter = create("counter", "rdcc", **options)
        found = sum(each.numel() for each in counter.parameters())
        assert found == front + up + high + expected
    assert (front + up + high + low, front + up + high) == (10_626_114, 10_330_945)


@pytest.mark.slow
@pytest.mark.parametrize(("backbone", "expected"), [("vgg16", 56), ("resnet18", 63)])
def test_receptive_field(backbone: str, expected: int) -> None:
    counter = RDCC(backbone=backbone)
    assert counter.receptive_field == expected
    measured = [
        measure_receptive_field(counter, stride, read=read, period=8)
        for stride, read in ((2, lambda p: p.density), (4, lambda p: p.maps[LOW]))
    ]
    assert measured[0] == expected
    assert measured[1] <= expected


@pytest.mark.parametrize("size", [(1, 1), (33, 47), (40, 24)])
def test_every_pixel_has_a_cell(size: tuple[int, int]) -> None:
    prediction = RDCC(backbone="resnet18").eval()(torch.rand(1, 3, *size))
    for maps, stride in ((prediction.density, 2), (prediction.maps[LOW], 4)):
        assert maps.shape[-2:] == tuple(-(-side // stride) for side in size)


def test_initial_weights_after_the_front_end() -> None:
    torch.manual_seed(0)
    counter = RDCC()
    for part in (counter.to_low, counter.to_high, counter.high_head, counter.low_head):
        for layer in part:
            if not isinstance(layer, nn.ReLU):
                assert layer.weight.std().item() == pytest.approx(0.01, rel=0.3)
                assert not layer.bias.any()


def test_single_loss_is_the_same_network_without_the_branch(plain: Plain, weights: Path) -> None:
    counter = create("counter", "rdcc", weights=weights, low_resolution=False).eval()
    assert set(counter.outputs) == {"density"}
    whole = create("counter", "rdcc", weights=weights).eval()
    with torch.no_grad():
        alone, both = counter(IMAGES), whole(IMAGES)
    assert torch.equal(alone.density, both.density)
    assert not alone.maps


def test_both_maps_are_supervised() -> None:
    """Eq. 1: squared errors at strides 2 and 4, added."""
    torch.manual_seed(0)
    counter = RDCC(backbone="resnet18")
    points = [torch.tensor([[10.0, 12.0], [30.0, 5.0]]), torch.zeros(0, 2)]
    target = Target(points, (32, 40), Fixed(sigma=2.0))
    prediction = counter(IMAGES)
    terms = MSE(auxiliary=True)(prediction, target)
    expected = sum(
        F.mse_loss(maps, target.density(stride), reduction="sum") / 2
        for maps, stride in ((prediction.density, 2), (prediction.maps[LOW], 4))
    )
    torch.testing.assert_close(terms.total, expected)
    terms.total.backward()
    assert all(each.grad is not None for each in counter.parameters())


def test_own_weights_bring_the_options_back(tmp_path: Path) -> None:
    for low_resolution in (True, False):
        counter = RDCC(backbone="resnet18", low_resolution=low_resolution).eval()
        path = tmp_path / f"{low_resolution}.safetensors"
        save_weights(path, counter, component="rdcc", options={"backbone": "resnet18"})
        loaded = create("counter", "rdcc", weights=path).eval()
        assert (loaded.low_head is not None) is low_resolution
        assert torch.equal(loaded(IMAGES).density, counter(IMAGES).density)


def test_weights_without_the_branch_do_not_make_it_up(tmp_path: Path) -> None:
    path = tmp_path / "single.safetensors"
    save_weights(path, RDCC(backbone="resnet18", low_resolution=False))
    with pytest.raises(WeightsError, match=r"low_head"):
        create("counter", "rdcc", weights=path, backbone="resnet18", low_resolution=True)


def test_a_local_file_starts_the_front_end(plain: Plain, tmp_path: Path) -> None:
    state = {f"features.{key}": values for key, values in plain.features.state_dict().items()}
    path = tmp_path / "vgg16-397923af.pth"
    torch.save({**state, "classifier.0.bias": torch.zeros(4096)}, path)
    counter = create("counter", "rdcc", pretrained=str(path))
    torch.testing.assert_close(counter.backbone(IMAGES)[0], plain.features(IMAGES))
