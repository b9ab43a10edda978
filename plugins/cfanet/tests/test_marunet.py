"""MARUNet: its size, its reach, and the layout it was published under."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from crowdkit_cfanet.marunet import MARUNet
from torch import Tensor
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.errors import WeightsError
from crowdkit_core.interfaces import require_fit
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(2, 3, 48, 64, generator=torch.Generator().manual_seed(3))

SHAPES = {
    "front0.0": (64, 3, 3),
    "front0.2": (64, 64, 3),
    "front1.1": (128, 64, 3),
    "front1.3": (128, 128, 3),
    "front2.1": (256, 128, 3),
    "front2.3": (256, 256, 3),
    "front2.5": (256, 256, 3),
    "front3.1": (512, 256, 3),
    "front3.3": (512, 512, 3),
    "front3.5": (512, 512, 3),
    "front4.1": (512, 512, 3),
    "front4.3": (512, 512, 3),
    "front4.5": (512, 512, 3),
    "brg.0": (512, 512, 3),
    "back4.0": (512, 1024, 3),
    "back3.0": (256, 1024, 3),
    "back2.0": (128, 512, 3),
    "back1.0": (64, 256, 3),
    "back0.0": (64, 128, 3),
    "amp_conv4.0": (256, 512, 3),
    "amp_conv3.0": (256, 256, 3),
    "amp_conv2.0": (128, 256, 3),
    "amp_conv1.0": (128, 128, 3),
    "amp_conv0.0": (64, 128, 3),
    "amp_outconv4": (1, 256, 3),
    "amp_outconv3": (1, 256, 3),
    "amp_outconv2": (1, 128, 3),
    "amp_outconv1": (1, 128, 3),
    "amp_outconv0": (1, 64, 3),
    "outconvb": (1, 512, 3),
    "outconv4": (1, 512, 3),
    "outconv3": (1, 256, 3),
    "outconv2": (1, 128, 3),
    "outconv1": (1, 64, 3),
    "output_layer": (1, 64, 1),
}
"""Outputs, inputs and kernel side of every published layer."""


@pytest.fixture(scope="module")
def published() -> dict[str, Tensor]:
    """Random weights in the published layout that keep features at one magnitude."""
    random = torch.Generator().manual_seed(0)
    state = {}
    for layer, (outputs, inputs, side) in SHAPES.items():
        weight = torch.randn(outputs, inputs, side, side, generator=random)
        state[f"{layer}.weight"] = weight * (2 / (inputs * side**2)) ** 0.5
        state[f"{layer}.bias"] = 0.1 * torch.randn(outputs, generator=random)
    return state


def published_forward(state: dict[str, Tensor], images: Tensor) -> dict[str, Tensor]:
    """The published network as its layout and its authors describe it, and its names."""

    def conv(layer: str, x: Tensor, dilation: int = 1) -> Tensor:
        weight, bias = state[f"{layer}.weight"], state[f"{layer}.bias"]
        padding = dilation * (weight.shape[-1] // 2)
        return F.conv2d(x, weight, bias, padding=padding, dilation=dilation)

    def up(x: Tensor, factor: int = 2) -> Tensor:
        return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)

    x, front = images, []
    for block, indices in enumerate(((0, 2), (1, 3), (1, 3, 5), (1, 3, 5), (1, 3, 5))):
        x = F.max_pool2d(x, 2) if block else x
        for index in indices:
            x = F.relu(conv(f"front{block}.{index}", x))
        front.append(x)
    bridge = F.relu(conv("brg.0", x, 2))

    maps = {}
    amp = bridge
    for level in (4, 3, 2, 1, 0):
        amp = F.relu(conv(f"amp_conv{level}.0", amp if level == 4 else up(amp), 2))
        maps[f"amp{level}"] = conv(f"amp_outconv{level}", amp).sigmoid()
    maps["db"] = conv("outconvb", up(bridge, 16)).abs()
    back = torch.cat([bridge, front[4]], 1)
    for level in (4, 3, 2, 1, 0):
        back = back if level == 4 else torch.cat([front[level], up(back)], 1)
        back = F.relu(conv(f"back{level}.0", back * maps[f"amp{level}"], 2))
        if level:
            maps[f"d{level}"] = conv(f"outconv{level}", up(back, 2**level)).abs()
    return {**maps, "dmp": conv("output_layer", back).abs()}


NAMES = {
    "density1": "db",
    "density2": "d4",
    "density3": "d3",
    "density4": "d2",
    "density5": "d1",
    "coarse1": "amp4",
    "coarse2": "amp3",
    "coarse3": "amp2",
    "coarse4": "amp1",
    "coarse5": "amp0",
    "density": "dmp",
}


def test_number_of_parameters() -> None:
    counter = crowdkit_core.create("counter", "marunet")
    expected = sum(i * o * k * k + o for o, i, k in SHAPES.values())
    assert sum(p.numel() for p in counter.parameters()) == expected == 27_271_627


@pytest.mark.parametrize("prefix", ["", "module."])
def test_the_published_layout_computes_what_it_was_published_to(
    published: dict[str, Tensor], prefix: str, tmp_path: Path
) -> None:
    path = tmp_path / "marnet_best.pth"
    torch.save({prefix + key: value for key, value in published.items()}, path)
    counter = crowdkit_core.create("counter", "marunet", weights=path).double()
    mean = torch.tensor([0.485, 0.456, 0.406], dtype=torch.float64).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225], dtype=torch.float64).view(3, 1, 1)
    state = {key: value.double() for key, value in published.items()}
    images = IMAGES.double()
    with torch.no_grad():
        expected = published_forward(state, (images - mean) / std)
        prediction = counter(images)
    found = {**prediction.maps, "density": prediction.density}
    assert found.keys() == NAMES.keys() == counter.outputs.keys()
    for ours, theirs in NAMES.items():
        scale = 1 / 50 if "density" in ours else 1  # they divide a count by 50
        torch.testing.assert_close(
            found[ours],
            scale * expected[theirs],
            rtol=1e-5,
            atol=1e-6,  # normalisation is in single precision
            msg=lambda text, n=theirs: f"{n}: {text}",
        )


def test_own_weights_come_back(tmp_path: Path) -> None:
    counter = crowdkit_core.create("counter", "marunet").eval()
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="marunet")
    loaded = crowdkit_core.create("counter", "marunet", weights=path).eval()
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)


def test_weights_of_another_architecture_are_refused(
    published: dict[str, Tensor], tmp_path: Path
) -> None:
    path = tmp_path / "shallow.pth"
    torch.save({k: v for k, v in published.items() if not k.startswith("front4.")}, path)
    with pytest.raises(WeightsError, match=r"shallow\.pth.*MARUNet.*6 missing"):
        MARUNet.from_weights(path)


def test_evaluation_leaves_out_side_maps_and_counts_the_same() -> None:
    counter = MARUNet()
    training = counter(IMAGES)
    evaluated = counter.eval()(IMAGES)
    assert evaluated.maps.keys() == {f"coarse{i}" for i in range(1, 6)}
    torch.testing.assert_close(evaluated.density, training.density, rtol=0, atol=0)


def test_checkpointing_changes_no_number(published: dict[str, Tensor]) -> None:
    plain, frugal = MARUNet(), MARUNet(checkpointing=True)
    for counter in (plain, frugal):
        counter.load_state_dict(MARUNet.translate_keys(published))
        prediction = counter(IMAGES)
        maps = [prediction.density, *prediction.maps.values()]
        torch.stack([each.square().mean() for each in maps]).sum().backward()
    for (name, a), b in zip(plain.named_parameters(), frugal.parameters(), strict=True):
        torch.testing.assert_close(b.grad, a.grad, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("loss", ["cfanet", "bsl"])
def test_the_losses_of_the_package_fit(loss: str) -> None:
    require_fit(crowdkit_core.create("loss", loss), MARUNet())


@pytest.mark.slow
def test_receptive_field(measured_reach: Callable[..., int]) -> None:
    assert measured_reach(MARUNet(), width=640) == MARUNet.receptive_field == 262
