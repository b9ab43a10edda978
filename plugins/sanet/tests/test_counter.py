"""SANet: its size, its normalisation, and the layout it was published under."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from crowdkit_sanet.counter import SANet
from torch import Tensor
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.errors import WeightsError
from crowdkit_core.networks import STATISTICS
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(3))


@parametrize_with_checks([SANet(), SANet(in_channels=1)])
def test_conformance(component: SANet, check: Callable[[SANet], None]) -> None:
    check(component)


def aggregation(channels: int, out: int) -> int:
    """Of a module whose larger kernels follow a 1x1 reduction; two numbers more a normalisation."""
    share = out // 4
    reductions = 3 * (channels * 2 * share + 2 * 2 * share)
    kernels = (9 + 25 + 49) * 2 * share * share + 3 * 2 * share
    return channels * share + 2 * share + reductions + kernels


@pytest.mark.parametrize(("in_channels", "expected"), [(3, 1_388_721), (1, 1_386_033)])
def test_number_of_parameters(in_channels: int, expected: int) -> None:
    head = (1 + 9 + 25 + 49) * in_channels * 16 + 64 * 2
    encoder = head + aggregation(64, 128) + 2 * aggregation(128, 128)
    convolutions = 81 * 128 * 64 + 49 * 64 * 32 + 25 * 32 * 16 + 9 * 16 * 16
    doubling = 4 * (64 * 64 + 32 * 32 + 16 * 16)
    normalisations = 2 * (2 * 64 + 2 * 32 + 2 * 16 + 16)
    decoder = convolutions + doubling + normalisations + 17
    assert encoder + decoder == expected
    counter = crowdkit_core.create("counter", "sanet", in_channels=in_channels)
    assert sum(p.numel() for p in counter.parameters()) == expected


def published_state(in_channels: int) -> dict[str, Tensor]:
    """Random weights under the published keys."""
    random = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}

    def block(name: str, i: int, o: int, kernel: int, conv: str = "conv") -> None:
        shape = (i, o, kernel, kernel) if conv == "tconv" else (o, i, kernel, kernel)
        state[f"{name}.{conv}.weight"] = torch.randn(shape, generator=random) / (i * kernel)
        state[f"{name}.bn.weight"] = torch.rand(o, generator=random) + 0.5
        state[f"{name}.bn.bias"] = torch.randn(o, generator=random) * 0.3

    for kernel in (1, 3, 5, 7):
        block(f"encoder.0.branch{kernel}x{kernel}", in_channels, 16, kernel)
    for index, channels in ((2, 64), (4, 128), (6, 128)):
        block(f"encoder.{index}.branch1x1", channels, 32, 1)
        for kernel in (3, 5, 7):
            block(f"encoder.{index}.branch{kernel}x{kernel}.0", channels, 64, 1)
            block(f"encoder.{index}.branch{kernel}x{kernel}.1", 64, 32, kernel)
    for index, (i, o, kernel) in enumerate([(128, 64, 9), (64, 32, 7), (32, 16, 5), (16, 16, 3)]):
        block(f"decoder.{2 * index}", i, o, kernel)
        if index < 3:
            block(f"decoder.{2 * index + 1}", o, o, 2, "tconv")
    state["decoder.7.conv.weight"] = torch.randn(1, 16, 1, 1, generator=random)
    state["decoder.7.conv.bias"] = torch.randn(1, generator=random)
    return state


def published_forward(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """The published network written down layer by layer."""

    def block(name: str, x: Tensor) -> Tensor:
        if f"{name}.tconv.weight" in state:
            x = F.conv_transpose2d(x, state[f"{name}.tconv.weight"], stride=2)
        else:
            weight = state[f"{name}.conv.weight"]
            x = F.conv2d(x, weight, padding=weight.shape[-1] // 2)
        mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
        scale, shift = (state[f"{name}.bn.{part}"].view(-1, 1, 1) for part in ("weight", "bias"))
        return ((x - mean) / (variance + 1e-5).sqrt() * scale + shift).clamp(min=0)

    def branch(name: str, x: Tensor) -> Tensor:
        if f"{name}.conv.weight" in state:
            return block(name, x)
        return block(f"{name}.1", block(f"{name}.0", x))

    for index in (0, 2, 4, 6):
        x = F.max_pool2d(x, 2) if index else x
        x = torch.cat([branch(f"encoder.{index}.branch{k}x{k}", x) for k in (1, 3, 5, 7)], 1)
    for index in range(7):
        x = block(f"decoder.{index}", x)
    return F.relu(F.conv2d(x, state["decoder.7.conv.weight"], state["decoder.7.conv.bias"]))


@pytest.mark.parametrize(("prefix", "in_channels"), [("CCN.module.", 1), ("CCN.", 3)])
def test_the_published_layout_computes_what_it_was_published_to(
    prefix: str, in_channels: int, tmp_path: Path
) -> None:
    state = published_state(in_channels)
    path = tmp_path / "all_ep_700_mae_12.1_mse_19.2.pth"
    torch.save({prefix + key: value for key, value in state.items()}, path)
    counter = crowdkit_core.create("counter", "sanet", weights=path)
    assert counter.origin.options["in_channels"] == in_channels
    mean, std = (torch.tensor(each).view(3, 1, 1) for each in STATISTICS["shanghaitech-b"])
    images = (IMAGES - mean) / std
    if in_channels == 1:
        images = (images * torch.tensor([0.2989, 0.587, 0.114]).view(3, 1, 1)).sum(1, keepdim=True)
    expected = published_forward(state, images)
    assert expected.std() > 0.1
    density = counter(IMAGES).density
    torch.testing.assert_close(density, expected / 100, rtol=2e-3, atol=2e-5)


def test_normalisation_is_over_the_whole_image() -> None:
    """Kernels reach some 100 pixels; the deviations over the map reach everything."""
    torch.manual_seed(0)
    counter = SANet()
    assert counter.receptive_field is None
    images = torch.rand(1, 3, 16, 400, requires_grad=True)
    density = counter(images).density
    assert density is not None
    (gradient,) = torch.autograd.grad(density[0, 0, 0, 0], images)
    assert gradient[..., -1].any()


@pytest.mark.parametrize("seed", range(4))
def test_the_last_relu_begins_open(seed: int) -> None:
    torch.manual_seed(seed)
    prediction = SANet()(IMAGES)
    assert prediction.density is not None
    assert (prediction.density > 0).float().mean() > 0.9


def test_own_weights_bring_their_options_back(tmp_path: Path) -> None:
    options = {"in_channels": 1, "normalization": "mall", "output_scale": 0.02}
    counter = crowdkit_core.create("counter", "sanet", **options)
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="sanet", options=counter.origin.options)
    loaded = crowdkit_core.create("counter", "sanet", weights=path)
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
    assert loaded.origin.options == options


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "csrnet.pth"
    torch.save({"frontend.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    with pytest.raises(WeightsError, match=r"csrnet\.pth.*SANet.*missing"):
        crowdkit_core.create("counter", "sanet", weights=path)
