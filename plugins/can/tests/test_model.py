"""CAN: its size, its context, and the two layouts it was published under."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from crowdkit_can.model import CAN
from torch import Tensor, nn
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.errors import IncompatibleError, WeightsError
from crowdkit_core.inference import count
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(1, 3, 64, 80, generator=torch.Generator().manual_seed(3))


@parametrize_with_checks([CAN(backbone="resnet18"), CAN(backbone="resnet18", context="separate")])
def test_conformance(component: CAN, check: Callable[[CAN], None]) -> None:
    check(component)


FRONT_END, SCALES, OUTPUT = 7_635_264, 4 * 512 * 512, 65
BACK_END = sum(
    9 * i * o + o for i, o in [(512, 512), (512, 512), (512, 256), (256, 128), (128, 64)]
)


@pytest.mark.parametrize(
    ("context", "parts", "published"),
    [
        (
            "shared",
            (
                1024 * 512 + 512,
                512 * 512 + 512,
                9 * 512 * 512 + 512,
                2 * (3 * 512 + 256 + 128 + 64),
            ),
            18_103_489,
        ),
        ("separate", (4 * 512 * 512, 9 * 1024 * 512 + 512), 20_719_937),
    ],
)
def test_number_of_parameters(context: str, parts: tuple[int, ...], published: int) -> None:
    counter = crowdkit_core.create("counter", "can", context=context)
    assert FRONT_END + SCALES + BACK_END + OUTPUT + sum(parts) == published
    assert sum(p.numel() for p in counter.parameters()) == published


def stack(
    widths: tuple[int | str, ...], channels: int, dilation: int, *, normalized: bool = False
) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in widths:
        if isinstance(width, str):
            layers.append(nn.MaxPool2d(2, 2))
            continue
        layers.append(nn.Conv2d(channels, width, 3, 1, dilation, dilation))
        layers += [nn.BatchNorm2d(width)] if normalized else []
        layers.append(nn.ReLU())
        channels = width
    return nn.Sequential(*layers)


def spread(pooled: Tensor, maps: Tensor) -> Tensor:
    return F.interpolate(pooled, maps.shape[-2:], mode="bilinear", align_corners=False)


class Authors(nn.Module):
    """The authors' network, as its keys describe it."""

    def __init__(self) -> None:
        super().__init__()
        front = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)
        self.frontend = stack(front, 3, dilation=1)
        self.context = nn.Module()
        self.context.scales = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(s), nn.Conv2d(512, 512, 1, bias=False))
            for s in (1, 2, 3, 6)
        )
        self.context.bottleneck = nn.Conv2d(1024, 512, 1)
        self.context.weight_net = nn.Conv2d(512, 512, 1)
        self.backend = stack((512, 512, 512, 256, 128, 64), 512, dilation=2, normalized=True)
        self.output_layer = nn.Conv2d(64, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        f = self.frontend(images)
        top, bottom = torch.zeros_like(f), torch.zeros_like(f)
        for scale in self.context.scales:
            s = spread(scale(f), f)
            w = torch.sigmoid(self.context.weight_net(f - s))
            top, bottom = top + w * s, bottom + w
        f = F.relu(self.context.bottleneck(torch.cat([top / bottom, f], 1)))
        return self.output_layer(self.backend(f))


class Reimplementation(nn.Module):
    """The reimplemented network, as its keys describe it."""

    def __init__(self) -> None:
        super().__init__()
        front = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512)
        self.frontend = stack(front, 3, dilation=1)
        self.backend = stack((512, 512, 512, 256, 128, 64), 1024, dilation=2)
        self.output_layer = nn.Conv2d(64, 1, 1)
        for size in (1, 2, 3, 6):
            for part in (1, 2):
                self.add_module(f"conv{size}_{part}", nn.Conv2d(512, 512, 1, bias=False))

    def forward(self, images: Tensor) -> Tensor:
        f = self.frontend(images)
        top, bottom = torch.zeros_like(f), torch.zeros_like(f)
        for size in (1, 2, 3, 6):
            s = spread(self.get_submodule(f"conv{size}_1")(F.adaptive_avg_pool2d(f, size)), f)
            w = torch.sigmoid(self.get_submodule(f"conv{size}_2")(s - f))
            top, bottom = top + w * s, bottom + w
        return self.output_layer(self.backend(torch.cat([f, top / (bottom + 1e-12)], 1)))


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize(
    ("network", "context"), [(Authors, "shared"), (Reimplementation, "separate")]
)
def test_a_published_layout_decides_the_variant_and_computes_the_same(
    network: type[nn.Module], context: str, prefix: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    published = network()
    for layer in published.modules():  # so that the map is neither empty nor vast
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if isinstance(layer, nn.BatchNorm2d):
            layer.running_mean.uniform_(-0.1, 0.1)
            layer.running_var.uniform_(0.5, 2)
    published.eval()
    path = tmp_path / "part_B_pre.pth.tar"
    state = {prefix + key: value for key, value in published.state_dict().items()}
    torch.save({"state_dict": state}, path)
    counter = crowdkit_core.create("counter", "can", weights=path).eval()
    assert counter.origin.options["context"] == context
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    with torch.no_grad():
        expected = published((IMAGES - mean) / std)
        density = counter(IMAGES).density
    assert expected.std() > 1e-3
    torch.testing.assert_close(density, expected, rtol=1e-3, atol=1e-4)


def test_context_is_of_the_whole_image() -> None:
    counter = CAN(backbone="resnet18")
    assert counter.receptive_field is None
    features = torch.rand(1, 128, 9, 12, requires_grad=True)
    (gradient,) = torch.autograd.grad(counter.context(features)[..., 0, 0].sum(), features)
    assert (gradient != 0).any(1).all()


@pytest.mark.slow
def test_receptive_field() -> None:
    counter = CAN(backbone="resnet18")
    measured = measure_receptive_field(counter, 8, read=lambda prediction: prediction.density)
    assert measured is None


def test_quarters_are_tiles_without_a_halo() -> None:
    """As the authors evaluate: an image is counted as its four quarters."""
    counter = CAN(backbone="resnet18").eval()
    image = IMAGES[0]
    quarters = [image[:, i : i + 32, j : j + 40] for i in (0, 32) for j in (0, 40)]
    with torch.no_grad():
        expected = sum(counter(quarter.unsqueeze(0)).count.item() for quarter in quarters)
    tiled = count(counter, image, tile=40, halo=0).count
    assert tiled == pytest.approx(expected, rel=1e-4)
    assert tiled != pytest.approx(count(counter, image, tile=None).count, rel=1e-4)
    with pytest.raises(IncompatibleError, match="whole image"):
        count(counter, image, tile=40)


def test_the_parts_of_its_own_begin_small() -> None:
    torch.manual_seed(0)
    counter = CAN(backbone="resnet18")
    for layer in [*counter.context.modules(), *counter.backend, counter.output_layer]:
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(0.01, rel=0.3)


@pytest.mark.parametrize("context", ["shared", "separate"])
def test_own_weights_bring_their_options_back(context: str, tmp_path: Path) -> None:
    options = {"backbone": "resnet18", "context": context, "output_scale": 0.5}
    counter = crowdkit_core.create("counter", "can", **options).eval()
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="can", options=counter.origin.options)
    loaded = crowdkit_core.create("counter", "can", weights=path).eval()
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
    assert loaded.origin.options == options


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "csrnet.pth"
    torch.save({"frontend.0.weight": torch.zeros(64, 3, 3, 3), "backend.0.bias": IMAGES}, path)
    with pytest.raises(WeightsError, match=r"csrnet\.pth.*CAN.*missing"):
        crowdkit_core.create("counter", "can", weights=path)
