"""DeepCount: its size, its branches, its tiles, and weights with and without branches."""

from pathlib import Path

import pytest
import torch
from crowdkit_deepcount.model import DeepCount
from torch import Tensor

import crowdkit_core
from crowdkit_core.errors import OptionsError, WeightsError
from crowdkit_core.testing import check_counter
from crowdkit_core.weights import save_weights

TILE = (128, 256)
LEVELS = (1, 2, 3, 4, 5)


def image(height: int, width: int, number: int = 1) -> Tensor:
    return torch.rand(number, 3, height, width, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def counter() -> DeepCount:
    torch.manual_seed(0)
    return DeepCount(tile=TILE)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"branches": (3, 5), "density_branch": 5}, marks=pytest.mark.slow),
        {"branches": (), "padding": "tf"},
    ],
)
def test_conformance(options: dict[str, object]) -> None:
    check_counter(crowdkit_core.create("counter", "deepcount", tile=(128, 128), **options))


@pytest.mark.parametrize(
    ("branches", "expected"),
    [
        ((), 21_403_201),
        ((1,), 21_403_201 + 11_536_129),
        ((2,), 21_403_201 + 9_438_721),
        ((3,), 21_403_201 + 7_341_313),
        ((4,), 21_403_201 + 5_243_905),
        ((5,), 21_403_201 + 3_146_497),
        (LEVELS, 58_109_766),
    ],
)
def test_number_of_parameters(branches: tuple[int, ...], expected: int) -> None:
    with torch.device("meta"):
        counter = crowdkit_core.create("counter", "deepcount", branches=branches)
    assert sum(p.numel() for p in counter.parameters()) == expected


def test_output_sizes_of_table_1() -> None:
    with torch.device("meta"):
        counter = DeepCount()
        prediction = counter(torch.empty(2, 3, 384, 512))
    sizes = {name: tuple(each.shape[1:]) for name, each in prediction.maps.items()}
    assert sizes == {
        "branch1": (1, 48, 64),
        "branch2": (1, 24, 32),
        "branch3": (1, 12, 16),
        "branch4": (1, 6, 8),
        "branch5": (1, 3, 4),
    }
    assert prediction.count.shape == (2,)


@pytest.mark.parametrize("output", ["count", *(f"branch{level}" for level in LEVELS)])
def test_every_output_trains_the_backbone(counter: DeepCount, output: str) -> None:
    counter.train()
    prediction = counter(image(*TILE))
    value = prediction.count if output == "count" else prediction.maps[output]
    names, parameters = zip(*counter.named_parameters(), strict=True)
    gradients = torch.autograd.grad(value.sum(), parameters, allow_unused=True)
    reached = {
        name
        for name, gradient in zip(names, gradients, strict=True)
        if gradient is not None and gradient.any()
    }
    backbone = {name for name in names if name.startswith(("frontend.", "encoder."))}
    own = {
        name
        for name in names
        if name.startswith("count_head." if output == "count" else f"branches.{output}.")
    }
    assert reached == backbone | own  # and nothing reaches another branch


def test_a_detached_branch_takes_its_gradient_along(counter: DeepCount) -> None:
    torch.manual_seed(1)
    two = DeepCount(tile=TILE, branches=(2, 4))
    state = two.without_unused(counter.state_dict())
    two.load_state_dict(state)
    pixels = image(*TILE)

    def gradient(network: DeepCount, outputs: tuple[str, ...]) -> Tensor:
        prediction = network.train()(pixels)
        total = prediction.count.sum() + sum(prediction.maps[name].sum() for name in outputs)
        (found,) = torch.autograd.grad(total, [network.encoder.embed.weight])
        return found

    every = tuple(f"branch{level}" for level in LEVELS)
    attached = gradient(counter, ("branch2", "branch4"))
    torch.testing.assert_close(gradient(two, tuple(two.branches)), attached)
    assert not torch.allclose(gradient(counter, every), attached)


def test_counts_of_tiles_add_up(counter: DeepCount) -> None:
    counter.eval()
    pixels = image(2 * TILE[0], 2 * TILE[1])
    tiles = torch.cat([half for row in pixels.chunk(2, 2) for half in row.chunk(2, 3)])
    with torch.no_grad():
        whole, parts = counter(pixels), counter(tiles)
    torch.testing.assert_close(whole.count, parts.count.sum(0, keepdim=True))
    for name, counts in whole.counts.items():
        torch.testing.assert_close(counts, parts.counts[name].sum(0, keepdim=True))
    top_left = parts.maps["branch2"][:1]
    torch.testing.assert_close(whole.maps["branch2"][..., :8, :16], top_left)
    bottom_right = parts.maps["branch2"][3:]
    torch.testing.assert_close(whole.maps["branch2"][..., 8:, 16:], bottom_right)


def test_many_tiles_go_through_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    counter = DeepCount(tile=(128, 128), branches=(5,)).eval()
    pixels = image(128, 384)
    with torch.no_grad():
        together = counter(pixels)
        monkeypatch.setattr("crowdkit_deepcount.model._TILES_AT_ONCE", 2)
        in_parts = counter(pixels)
    torch.testing.assert_close(in_parts.count, together.count)
    torch.testing.assert_close(in_parts.maps["branch5"], together.maps["branch5"])


@pytest.mark.parametrize("size", [(100, 170), (260, 250), (37, 300)])
def test_maps_of_any_size_hold_what_the_branches_count(
    counter: DeepCount, size: tuple[int, int]
) -> None:
    with torch.no_grad():
        prediction = counter.eval()(image(*size, number=2))
    for name, density in prediction.maps.items():
        stride = counter.outputs[name].stride
        assert density.shape[2:] == (-(-size[0] // stride), -(-size[1] // stride))
        torch.testing.assert_close(density.sum((1, 2, 3)), prediction.counts[name])
        assert density.min() >= 0


def test_only_training_lets_negative_outputs_through(counter: DeepCount) -> None:
    pixels = image(*TILE, number=2)
    with torch.no_grad():
        training = counter.train()(pixels)
        evaluation = counter.eval()(pixels)
    for name, density in training.maps.items():
        # A leaky ReLU changes no sign.
        torch.testing.assert_close(evaluation.maps[name], density.clamp_min(0))
    assert min(each.min() for each in training.maps.values()) < 0
    torch.testing.assert_close(evaluation.count, training.count.clamp_min(0))


def test_the_ablation_has_relu_everywhere(counter: DeepCount) -> None:
    relu = DeepCount(tile=TILE, branches=(5,), activation="relu")
    relu.load_state_dict(relu.without_unused(counter.state_dict()))
    pixels = image(*TILE)
    with torch.no_grad():
        assert relu.train()(pixels).maps["branch5"].min() >= 0
        changed = relu.eval()(pixels).maps["branch5"] - counter.eval()(pixels).maps["branch5"]
    assert changed.abs().max() > 0


def test_the_density_is_the_map_of_the_chosen_branch(counter: DeepCount) -> None:
    with torch.no_grad():
        prediction = counter(image(*TILE))
    assert prediction.density is prediction.maps["branch1"]
    assert prediction.stride == 8
    with torch.device("meta"):
        assert DeepCount(branches=(5, 3)).stride == 32
        assert DeepCount(density_branch=4).stride == 64
        assert DeepCount(density_branch=None).stride is None
        assert DeepCount(branches=()).outputs == {}


def test_initial_weights() -> None:
    torch.manual_seed(0)
    counter = DeepCount(tile=TILE, branches=(5,))
    # Glorot and Bengio: uniform within sqrt(6 / (fan_in + fan_out)).
    for weight, fans in [
        (counter.encoder.halve[0].weight, 9 * (256 + 512)),
        (counter.branches["branch5"].expand.weight, 2 * (1024 + 256)),
    ]:
        bound = (6 / fans) ** 0.5
        assert weight.abs().max().item() == pytest.approx(bound, rel=1e-3)
        assert weight.std().item() == pytest.approx(bound / 3**0.5, rel=1e-2)
    for name, parameter in counter.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()


@pytest.fixture(scope="module")
def run_weights(counter: DeepCount, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "best.safetensors"
    options = {"tile": list(TILE), "pretrained": True}
    save_weights(path, counter, component="deepcount", options=options)
    return path


@pytest.mark.parametrize("branches", [(), (3,), LEVELS])
def test_trained_weights_load_without_the_branches(
    counter: DeepCount, run_weights: Path, branches: tuple[int, ...]
) -> None:
    loaded = crowdkit_core.create("counter", "deepcount", weights=run_weights, branches=branches)
    with torch.no_grad():
        found, expected = loaded.eval()(image(*TILE)), counter.eval()(image(*TILE))
    assert torch.equal(found.count, expected.count)
    assert set(found.maps) == {f"branch{level}" for level in branches}
    for name, density in found.maps.items():
        assert torch.equal(density, expected.maps[name])


def test_weights_bring_their_branches_and_tile(run_weights: Path) -> None:
    loaded = crowdkit_core.create("counter", "deepcount", weights=run_weights)
    assert tuple(loaded.branches) == tuple(f"branch{level}" for level in LEVELS)
    assert loaded.tile == TILE
    loaded.load_weights(run_weights)


def test_a_branch_that_was_not_trained_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "best.safetensors"
    save_weights(path, DeepCount(tile=(128, 128), branches=(5,)), component="deepcount")
    with pytest.raises(WeightsError, match=r"missing.*branches\.branch1\."):
        crowdkit_core.create("counter", "deepcount", weights=path, branches=(1,))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"branches": (1, 1)}, "twice"),
        ({"branches": (6,)}, "6"),
        ({"branches": (2, 3), "density_branch": 1}, "density_branch 1 .*2, 3"),
        ({"tile": (384, 500)}, "multiples of 128"),
        ({"tile": (0, 128)}, "multiples of 128"),
    ],
)
def test_impossible_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(OptionsError, match=words):
        crowdkit_core.create("counter", "deepcount", **options)
