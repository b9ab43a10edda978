"""The counter: published sizes, what its maps mean, what it fits, and the published layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from crowdkit_zip.counter import ZIP
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import crowdkit_core
from crowdkit_core.errors import OptionsError, UsageError, WeightsError
from crowdkit_core.interfaces import MapSpec
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import check_counter
from crowdkit_core.testing.toys import ToyDataset
from crowdkit_core.weights import save_weights

PICO = "mobilenetv4_conv_small_050"
NANO = "mobilenetv4_conv_small"
TINY = "mobilenetv4_conv_medium"
IMAGES = torch.rand(2, 3, 70, 100, generator=torch.Generator().manual_seed(3))


def make(**options: Any) -> ZIP:
    torch.manual_seed(0)
    counter: ZIP = crowdkit_core.create("counter", "zip", **{"backbone": PICO, **options})
    return counter.eval()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"zero_inflated": False},
        {"least_attention": 0.3},
        {"block_size": 8, "convolutions": 2},
        {"block_size": 32},
        {"block_size": 8, "laterals": True, "groups": 2},
        pytest.param(
            {"backbone": "resnet18", "reduction": 16, "block_size": 8, "laterals": True},
            marks=pytest.mark.slow,
        ),
    ],
)
def test_conformance(options: Mapping[str, Any]) -> None:
    check_counter(make(**options))


@pytest.mark.parametrize(
    ("backbone", "convolutions", "parameters", "published"),
    [(PICO, 1, 815_967, 0.81), (NANO, 1, 3_365_279, 3.36), (TINY, 2, 10_534_847, 10.53)],
)
def test_published_numbers_of_parameters(backbone, convolutions, parameters, published) -> None:
    with torch.device("meta"):
        counter = ZIP(backbone=backbone, convolutions=convolutions)
    found = sum(p.numel() for p in counter.parameters())
    assert found == parameters
    assert int(found / 1e4) / 100 == published  # cut off after two digits


# -- what the maps mean -------------------------------------------------------------------------


def test_density_is_attention_times_rate() -> None:
    prediction = make()(IMAGES)
    maps = prediction.maps
    torch.testing.assert_close(prediction.density, maps["attention"] * maps["rate"])


@settings(max_examples=15, deadline=None)
@given(least=st.floats(1e-3, 0.5), seed=st.integers(0, 9))
def test_doubtful_blocks_count_nobody_or_in_part(least: float, seed: int) -> None:
    counter = make(least_attention=least)
    with torch.no_grad():
        counter.attention_head.weight.normal_(generator=torch.Generator().manual_seed(seed)).mul_(9)
        prediction = counter(IMAGES)
        counter.least_attention = 0.0
        every = counter(IMAGES)
    attention = prediction.maps["attention"]
    nobody, sure = attention <= least, attention >= 2 * least
    assert (prediction.density[nobody] == 0).all()
    torch.testing.assert_close(prediction.density[sure], every.density[sure])
    between = ~nobody & ~sure
    assert (prediction.density[between] <= every.density[between]).all()
    share = np.interp(attention.numpy(), [least, 2 * least], [0, 1])
    np.testing.assert_allclose(
        prediction.density.numpy(), share * every.density.numpy(), rtol=1e-3, atol=1e-6
    )
    for name in ("attention", "rate", "bins"):
        torch.testing.assert_close(prediction.maps[name], every.maps[name])


def test_doubtful_blocks_count_and_learn_in_training() -> None:
    counter = make(least_attention=0.5).train()
    prediction = counter(IMAGES)
    maps = prediction.maps
    assert (maps["attention"] < 1).any()
    torch.testing.assert_close(prediction.density, maps["attention"] * maps["rate"])


def test_a_network_that_overflows_is_not_taken_for_an_empty_image() -> None:
    counter = make(least_attention=0.1)
    with torch.no_grad():
        counter.attention_head.weight.fill_(torch.nan)
        assert counter(IMAGES).density.isnan().all()


@pytest.mark.parametrize("zero_inflated", [True, False])
def test_the_rate_is_the_expectation_of_the_centres(zero_inflated: bool) -> None:
    counter = make(zero_inflated=zero_inflated, bins=[0, 1, 4], centres=[0.25, 1.5, 6])
    prediction = counter(IMAGES)
    probabilities = prediction.maps["bins"].softmax(1)
    centres = [1.5, 6.0] if zero_inflated else [0.25, 1.5, 6.0]
    expected = sum(p * c for p, c in zip(probabilities.unbind(1), centres, strict=True))
    rate = prediction.maps["rate"] if zero_inflated else prediction.density
    torch.testing.assert_close(rate[:, 0], expected)


@settings(max_examples=15, deadline=None)
@given(
    steps=st.lists(st.integers(1, 9), min_size=1, max_size=8),
    zero_inflated=st.booleans(),
    spread=st.floats(0, 50),
)
def test_a_block_counts_from_the_least_to_the_greatest_centre(steps, zero_inflated, spread) -> None:
    bins = [0]
    for step in steps:
        bins.append(bins[-1] + step)
    counter = make(bins=bins, zero_inflated=zero_inflated)
    with torch.no_grad():
        counter.bin_head.weight.normal_().mul_(spread)
        density = counter(IMAGES).density
    assert density.min() >= 0
    assert density.max() <= counter.centres[-1] * (1 + 1e-5)


def test_half_precision_is_left_before_the_exponentials() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        prediction = make()(IMAGES)
    assert {each.dtype for each in (prediction.density, *prediction.maps.values())} == {
        torch.float32
    }


@pytest.mark.parametrize(("block_size", "channels"), [(8, 4), (16, 13), (32, 20)])
def test_the_papers_bins_are_the_default(block_size: int, channels: int) -> None:
    spec = make(block_size=block_size).outputs["bins"]
    assert (spec.stride, spec.channels, spec.bins[0]) == (block_size, channels, 1)


def test_a_plain_counter_classifies_nobody_too() -> None:
    outputs = make(zero_inflated=False, bins=[0, 1, 3]).outputs
    assert outputs == {
        "density": MapSpec("density", 16),
        "bins": MapSpec("bins", 16, 3, (0, 1, 3)),
    }


def test_laterals_are_the_features_of_each_resolution() -> None:
    counter = make(block_size=8, laterals=True)
    assert counter.backbone.reductions == (8, 16, 32)
    assert [each.in_channels for each in counter.refiner.laterals] == [48, 32]
    fine, middle, deepest = counter.backbone(IMAGES[..., :64, :96])
    with torch.no_grad():
        both = counter.refiner(deepest, [middle, fine])
        for name, changed in (("16", [middle + 1, fine]), ("8", [middle, fine + 1])):
            assert not torch.allclose(counter.refiner(deepest, changed), both), name


# -- centres ------------------------------------------------------------------------------------


def blocks_with_people(dataset: ToyDataset, size: int) -> list[int]:
    counts: dict[tuple[int, int, int], int] = {}
    for image in range(len(dataset)):
        for x, y in dataset.annotation(image).points.tolist():
            key = (image, int(x // size), int(y // size))
            counts[key] = counts.get(key, 0) + 1
    return list(counts.values())


def test_centres_are_fitted_and_saved(tmp_path: Path) -> None:
    counter = make(bins=[0, 1, 2])
    dataset = ToyDataset(length=6)
    counter.fit(dataset)
    many = [n for n in blocks_with_people(dataset, 16) if n >= 2]
    expected = torch.tensor([0, 1, sum(many) / len(many)])
    torch.testing.assert_close(counter.centres, expected)
    path = tmp_path / "weights.safetensors"
    save_weights(path, counter, component="zip", options={"backbone": PICO, "bins": [0, 1, 2]})
    loaded = crowdkit_core.create("counter", "zip", weights=path)
    torch.testing.assert_close(loaded.centres, expected)


def test_given_centres_stay() -> None:
    counter = make(bins=[0, 1, 2], centres=[0, 1, 2.5])
    counter.fit(ToyDataset(length=6))
    assert counter.centres.tolist() == [0, 1, 2.5]


# -- options ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": [1, 2]}, r"bins is \[1, 2\]"),
        ({"bins": [0]}, r"bins is \[0\]"),
        ({"bins": [0, 2, 2]}, r"bins is \[0, 2, 2\]"),
        ({"bins": [0, 1], "centres": [1]}, r"centres is \[1"),
        ({"bins": [0, 1], "centres": [1, 0]}, r"centres is \[1"),
        ({"bins": [0, 1], "centres": [-1, 1]}, r"centres begins with -1"),
        ({"block_size": 16, "reduction": 8}, r"reduction is 8.*block_size \(16\)"),
        ({"groups": 7}, "groups is 7.*480 channels.*240"),
        ({"groups": 0}, "groups is 0"),
        ({"least_attention": 0.6}, "least_attention is 0.6, expected 0 to 0.5"),
        ({"least_attention": -0.1}, "least_attention is -0.1"),
        ({"least_attention": float("nan")}, "least_attention is nan"),
        ({"least_attention": 0.1, "zero_inflated": False}, "zero_inflated is false"),
        ({"block_size": 12}, "block_size"),
    ],
)
def test_wrong_options_are_named(options, message) -> None:
    with pytest.raises(OptionsError, match=message):
        make(**options)


def test_an_unknown_backbone_is_named() -> None:
    with pytest.raises(UsageError, match="'vgg61'"):
        make(backbone="vgg61")


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"laterals": True}, {"convolutions": 2}])
def test_receptive_field(options) -> None:
    counter = make(backbone="resnet18", reduction=16, block_size=8, **options)
    measured = measure_receptive_field(
        counter, 8, read=lambda prediction: prediction.density, period=16
    )
    assert counter.receptive_field == measured


def test_a_local_file_starts_the_backbone(tmp_path: Path) -> None:
    source = make()
    path = tmp_path / "weights.pth"
    torch.save({**source.backbone.net.state_dict(), "classifier.bias": torch.zeros(9)}, path)
    torch.manual_seed(1)
    counter = ZIP(backbone=PICO, pretrained=path).eval()
    torch.testing.assert_close(
        counter.backbone(IMAGES[..., :64, :96]), source.backbone(IMAGES[..., :64, :96])
    )


# -- the published layout -----------------------------------------------------------------------


def published(counter: ZIP) -> dict[str, Tensor]:
    """A counter's state under names as the authors' code gives them, those inside made up."""
    prefixes = {
        "backbone.net.": "backbone.encoder.",
        "attention_head.": "pi_head.",
        "refiner.blocks.": "backbone.refiner.upsample.",
        "decoder.": "backbone.decoder.block",
        "bin_head.": "bin_head.",
    }
    state = {"bin_centers": counter.centres.view(1, -1, 1, 1)}
    for key, value in counter.state_dict().items():
        for own, theirs in prefixes.items():
            if key.startswith(own):
                state[theirs + key.removeprefix(own)] = value
    return state


@pytest.mark.parametrize(
    ("options", "recognised"),
    [
        ({"backbone": PICO}, {}),
        ({"backbone": TINY, "convolutions": 2}, {}),
        ({"backbone": PICO, "block_size": 8, "zero_inflated": False}, {}),
        ({"backbone": NANO, "bins": [0, 1, 3]}, {"bins": [0, 1, 3]}),
    ],
)
def test_a_published_checkpoint_is_recognised(options, recognised, tmp_path: Path) -> None:
    source = make(**options, centres=[n * 1.5 for n in range(len(make(**options).bins))])
    path = tmp_path / "best_mae.pth"
    config = {"model_name": options["backbone"], "bins": [(0, 0), (1, 1)], "zero_inflated": True}
    torch.save({"config": config, "weights": published(source)}, path)
    loaded = crowdkit_core.create("counter", "zip", weights=path, **recognised).eval()
    torch.testing.assert_close(loaded(IMAGES).density, source(IMAGES).density)
    assert loaded.block_size == source.block_size


def test_a_decoder_of_another_shape_is_refused(tmp_path: Path) -> None:
    state = published(make())
    path = tmp_path / "best_mae.pth"
    torch.save({"weights": state}, path)
    with pytest.raises(WeightsError, match=r"best_mae\.pth.*missing.*unexpected"):
        crowdkit_core.create("counter", "zip", weights=path, convolutions=2)


def test_own_weights_come_back(tmp_path: Path) -> None:
    counter = make(block_size=8, convolutions=2)
    path = tmp_path / "best.safetensors"
    options = {"backbone": PICO, "block_size": 8, "convolutions": 2, "pretrained": "gone.pth"}
    save_weights(path, counter, component="zip", options=options)
    loaded = crowdkit_core.create("counter", "zip", weights=path).eval()
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
