"""FCN-7c: its size, its reach, its layers, and that it learns."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from crowdkit_fcn7.model import FCN7
from numpy.typing import NDArray
from scipy.ndimage import correlate
from torch import nn

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import OptionsError, WeightsError
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.testing.toys import ToyDataset
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(1, 3, 32, 44, generator=torch.Generator().manual_seed(3))


@parametrize_with_checks(
    [FCN7(), FCN7(in_channels=1, response_normalization=True, output_activation="relu")]
)
def test_conformance(component: FCN7, check: Callable[[FCN7], None]) -> None:
    check(component)


@pytest.mark.parametrize(
    ("in_channels", "expected"),
    [
        (3, 1_216 + 6_416 + 12_832 + 25_632 + 51_264 + 51_232 + 801),
        (1, 416 + 6_416 + 12_832 + 25_632 + 51_264 + 51_232 + 801),
    ],
)
def test_number_of_parameters(in_channels: int, expected: int) -> None:
    counter = crowdkit_core.create("counter", "fcn7", in_channels=in_channels)
    assert sum(p.numel() for p in counter.parameters()) == expected


@pytest.mark.parametrize("response_normalization", [False, True])
def test_receptive_field(response_normalization: bool) -> None:
    counter = FCN7(response_normalization=response_normalization)
    measured = measure_receptive_field(counter, 4, read=lambda prediction: prediction.density)
    assert measured == FCN7.receptive_field == 36


def convolved(x: NDArray[np.float64], layer: nn.Conv2d) -> NDArray[np.float64]:
    weight, bias = layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy()
    planes = [
        sum(
            correlate(plane, kernel, mode="constant") for plane, kernel in zip(x, each, strict=True)
        )
        for each in weight
    ]
    return np.stack(planes) + bias[:, None, None]


def pooled(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum.reduce([x[:, i::2, j::2] for i in (0, 1) for j in (0, 1)])


def normalized(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """TensorFlow's: depth_radius 5, bias 1, alpha 0.01 that no window size divides, beta 0.75."""
    near = abs(np.subtract.outer(np.arange(len(x)), np.arange(len(x)))) <= 5
    return np.asarray(x / (1 + 0.01 * np.einsum("ij,jhw->ihw", near, x**2)) ** 0.75)


@pytest.mark.parametrize("response_normalization", [False, True])
def test_it_computes_what_the_layers_say(response_normalization: bool) -> None:
    torch.manual_seed(0)
    counter = FCN7(
        normalization="bytes",
        response_normalization=response_normalization,
        output_activation="relu",
        output_scale=0.5,
    )
    convolutions = [layer for layer in counter.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [16, 16, 32, 32, 64, 32, 1]
    x = IMAGES[0].double().numpy() * 255
    for index, layer in enumerate(convolutions):
        nn.init.normal_(layer.bias, std=0.1)
        x = np.maximum(convolved(x, layer), 0)
        x = pooled(x) if index in (1, 3) else x
        x = normalized(x) if index < 4 and response_normalization else x
    density = counter(IMAGES).density
    assert density is not None
    assert density.max() > 0
    expected = torch.from_numpy(x * 0.5).float().unsqueeze(0)
    torch.testing.assert_close(density.detach(), expected, rtol=1e-3, atol=1e-3)


def test_a_grey_network_sees_luminance_alone() -> None:
    colour = torch.zeros(1, 3, 8, 8)
    colour[:, 1] = 0.5
    grey = torch.full_like(colour, 0.5 * 0.587)
    counter = FCN7(in_channels=1, normalization="none", output_scale=1.0)
    torch.testing.assert_close(counter(colour).density, counter(grey).density, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("output_activation", ["none", "relu"])
@pytest.mark.parametrize("seed", [0, 1, 2, 3])
def test_it_learns_images_it_sees_again_and_again(
    output_activation: Literal["none", "relu"], seed: int
) -> None:
    scenes = ToyDataset(length=3, size=(48, 48))
    points = [scenes[index].points.as_subclass(torch.Tensor) for index in range(3)]
    images = torch.stack([scenes[index].image for index in range(3)]).float() / 255
    target = Fixed(sigma=4.0)(points, (48, 48), stride=4)
    torch.manual_seed(seed)
    counter = FCN7(output_activation=output_activation)
    optimizer = torch.optim.Adam(counter.parameters(), lr=1e-3)
    for _ in range(40):
        error = (counter(images).density - target).square().sum((1, 2, 3)).mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    best_constant = (target - target.mean()).square().sum((1, 2, 3)).mean()
    assert error < 0.8 * best_constant


def test_own_weights_bring_their_options_back(tmp_path: Path) -> None:
    options = {"in_channels": 1, "response_normalization": True, "output_activation": "relu"}
    counter = crowdkit_core.create("counter", "fcn7", **options)
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="fcn7", options=counter.origin.options)
    loaded = crowdkit_core.create("counter", "fcn7", weights=path)
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
    assert loaded.origin.options == options


def test_a_bare_state_dict_says_whether_it_is_grey(tmp_path: Path) -> None:
    counter = FCN7(in_channels=1)
    path = tmp_path / "weights.pth"
    torch.save(counter.state_dict(), path)
    loaded = crowdkit_core.create("counter", "fcn7", weights=path)
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "csrnet.pth"
    torch.save({"state_dict": {"frontend.0.weight": torch.zeros(64, 3, 3, 3)}}, path)
    with pytest.raises(WeightsError, match=r"csrnet\.pth.*14 missing.*1 unexpected"):
        crowdkit_core.create("counter", "fcn7", weights=path)


def test_wrong_options_are_named() -> None:
    with pytest.raises(OptionsError, match="in_channels"):
        crowdkit_core.create("counter", "fcn7", in_channels=2)
