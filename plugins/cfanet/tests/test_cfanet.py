"""CFANet: its size, its reach, its ablations, and the network the paper describes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from crowdkit_cfanet.cfanet import CFANet, DecoderStage, combined_attention, level_weights
from torch import Tensor, nn
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.data import collate
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import MapSpec, Target, require_fit
from crowdkit_core.testing import check_counter
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(2, 3, 40, 56, generator=torch.Generator().manual_seed(3))
VGG = 7_635_264
"""Parameters of the first ten convolutions."""


def parameters(*layers: tuple[int, int, int]) -> int:
    """Of convolutions given as inputs, outputs and kernel side, with biases."""
    return sum(i * o * k * k + o for i, o, k in layers)


RECOGNIZER = parameters(
    *((512, 256, 3), (256, 128, 3), (128, 128, 3), (128, 64, 3)),
    *((256, 1, 3), (128, 1, 3), (128, 1, 3), (64, 1, 3)),
)


def estimator(k: int) -> int:
    return parameters(
        *((512, 256, 3), (256, 256, 3), (256, 128, 3), (128, 64, 3)),
        *((256, k, 3), (256, k, 3), (128, k, 3), (64, k, 3)),
    )


DECODER = parameters(
    (512, 512, 3), (512 + 256, 256, 3), (256 + 128, 256, 3), (256 + 64, 64, 3), (64, 1, 1)
)
SIDES = [parameters((c, 1, 3)) for c in (512, 256, 256)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, 16_721_824),
        ({}, VGG + RECOGNIZER + estimator(6) + DECODER + sum(SIDES)),
        ({"classes": 10}, VGG + RECOGNIZER + estimator(10) + DECODER + sum(SIDES)),
        ({"crr": False}, VGG + estimator(6) + DECODER + sum(SIDES)),
        ({"dle": False}, VGG + RECOGNIZER + DECODER + sum(SIDES)),
        ({"crr": False, "dle": False}, VGG + DECODER + sum(SIDES)),
        ({"supervision": 3}, VGG + RECOGNIZER + estimator(6) + DECODER + sum(SIDES[1:])),
        ({"supervision": 1}, VGG + RECOGNIZER + estimator(6) + DECODER),
        ({"bridge": True}, 16_721_824 + parameters((512, 512, 3), (512, 512, 3)) - 512),
    ],
)
def test_number_of_parameters(options: dict[str, Any], expected: int) -> None:
    counter = crowdkit_core.create("counter", "cfanet", **options)
    assert sum(p.numel() for p in counter.parameters()) == expected


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"density1", "density2", "density3", "coarse", "fine"}),
        ({"supervision": 3}, {"density2", "density3", "coarse", "fine"}),
        ({"supervision": 2, "crr": False}, {"density3", "fine"}),
        ({"supervision": 1, "dle": False}, {"coarse"}),
        ({"supervision": 1, "crr": False, "dle": False}, set()),
    ],
)
def test_each_ablation_gives_the_maps_it_declares(options: dict[str, Any], names: set[str]) -> None:
    expected = {"density": MapSpec("density", 1)}
    expected |= {name: MapSpec("density", 1) for name in names if "density" in name}
    for i, stride in enumerate((8, 4, 2, 1), start=1):
        expected |= {f"coarse{i}": MapSpec("attention", stride)} if "coarse" in names else {}
        expected |= {f"fine{i}": MapSpec("classes", stride, 6)} if "fine" in names else {}
    counter = CFANet(**options)
    assert counter.outputs == expected
    assert counter(IMAGES).maps.keys() | {"density"} == expected.keys()
    for loss in ("cfanet", "bsl"):
        require_fit(crowdkit_core.create("loss", loss), counter)


def test_evaluation_leaves_out_side_maps_and_counts_the_same() -> None:
    counter = lively(CFANet())
    training = counter(IMAGES)
    evaluated = counter.eval()(IMAGES)
    assert training.maps.keys() - evaluated.maps.keys() == {"density1", "density2", "density3"}
    torch.testing.assert_close(evaluated.density, training.density, rtol=0, atol=0)


def lively(counter: CFANet) -> CFANet:
    """Weights under which features and attention keep their variance, whatever the depth."""
    torch.manual_seed(1)
    for layer in counter.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.normal_(layer.bias, std=0.1)
    return counter


def as_described(
    counter: CFANet, images: Tensor, *, bridge: bool, residual: bool, hard: bool
) -> dict[str, Tensor]:
    """The paper's sections 3.1 to 3.4 written down layer by layer, on images of whole cells."""
    state = counter.state_dict()

    def conv(key: str, x: Tensor, dilation: int = 1) -> Tensor:
        weight, bias = state[f"{key}.weight"], state[f"{key}.bias"]
        padding = dilation * (weight.shape[-1] // 2)
        return F.conv2d(x, weight, bias, padding=padding, dilation=dilation)

    def up(x: Tensor, factor: int = 2) -> Tensor:
        return F.interpolate(x, scale_factor=factor, mode="bilinear")

    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    x, encoded = (images - mean) / std, []
    for block in ((0, 2), (5, 7), (10, 12, 14), (17, 19, 21)):
        for index in block:
            x = F.relu(conv(f"backbone.net.features_{index}", x))
        encoded.append(x)
        x = F.max_pool2d(x, 2)

    maps: dict[str, Tensor] = {}
    crr = dle = dme = encoded[3]
    if bridge:
        dme = torch.cat([F.relu(conv("bridge", dme, 2)), encoded[3]], 1)
    for i in range(4):
        if i > 0:
            crr, dle, dme = up(crr), up(dle), torch.cat([up(dme), encoded[3 - i]], 1)
        crr = F.relu(conv(f"recognizer.{i}.conv", crr, 2))
        cam = torch.sigmoid(conv(f"recognizer.{i}.head", crr))
        dle = F.relu(conv(f"estimator.{i}.conv", dle, 2))
        logits = conv(f"estimator.{i}.head", dle)
        fam = sum(0.2 * c * p for c, p in enumerate(logits.softmax(1).split(1, 1)))
        if hard:
            fam = 0.2 * logits.argmax(1, keepdim=True)
        attention = fam + cam * fam if residual else fam + cam
        dme = F.relu(conv(f"decoder.{i}.conv", dme, 2))
        dme = dme + attention * dme
        maps |= {f"coarse{i + 1}": cam, f"fine{i + 1}": logits}
        if i < 3:
            side = conv(f"side_outputs.density{i + 1}.conv", up(dme, 8 // 2**i))
            maps[f"density{i + 1}"] = side.abs() / 50
    return {**maps, "density": conv("output_layer", dme).abs() / 50}


@pytest.mark.parametrize(
    ("bridge", "residual", "hard"),
    [(False, False, False), (True, False, False), (False, True, False), (False, False, True)],
)
def test_it_computes_what_the_paper_describes(bridge: bool, residual: bool, hard: bool) -> None:
    counter = lively(
        CFANet(
            bridge=bridge,
            combination="residual" if residual else "additive",
            class_weights="hard" if hard else "soft",
        )
    ).double()
    images = IMAGES.double()
    with torch.no_grad():
        prediction = counter(images)
        expected = as_described(counter, images, bridge=bridge, residual=residual, hard=hard)
    found = {**prediction.maps, "density": prediction.density}
    assert found.keys() == expected.keys()
    for name, each in expected.items():
        torch.testing.assert_close(found[name], each, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("options", [{}, {"bridge": True, "dle": False, "supervision": 2}])
def test_checkpointing_changes_no_number(options: dict[str, Any]) -> None:
    plain = lively(CFANet(**options))
    frugal = CFANet(**options, checkpointing=True)
    frugal.load_state_dict(plain.state_dict())
    losses = []
    for counter in (plain, frugal):
        prediction = counter(IMAGES)
        maps = [prediction.density, *prediction.maps.values()]
        losses.append(torch.stack([each.square().mean() for each in maps]).sum())
        losses[-1].backward()
    torch.testing.assert_close(losses[1], losses[0], rtol=0, atol=0)
    for (name, a), b in zip(plain.named_parameters(), frugal.parameters(), strict=True):
        torch.testing.assert_close(b.grad, a.grad, msg=lambda text, n=name: f"{n}: {text}")


def test_the_levels_of_six_classes_weigh_as_the_paper_lists() -> None:
    sure = 100 * torch.eye(6).view(6, 6, 1, 1)
    expected = torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    torch.testing.assert_close(level_weights(sure, "soft").flatten(), expected)
    torch.testing.assert_close(level_weights(sure, "hard").flatten(), expected)


def test_an_undecided_pixel_weighs_half_softly_and_a_likeliest_level_hard() -> None:
    logits = torch.tensor([0.0, 0.0, 0.0, 0.1]).view(1, 4, 1, 1)
    assert level_weights(torch.zeros(1, 4, 1, 1), "soft").item() == pytest.approx(0.5)
    assert 0.5 < level_weights(logits, "soft").item() < 0.55
    assert level_weights(logits, "hard").item() == 1


def test_attentions_combine_as_printed() -> None:
    fine, coarse = torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.0, 1.0, 1.0])
    fine, coarse = fine.view(3, 1, 1, 1), coarse.view(3, 1, 1, 1)
    assert combined_attention(fine, coarse, "additive").flatten().tolist() == [0.5, 1.5, 1.0]
    assert combined_attention(fine, coarse, "residual").flatten().tolist() == [0.5, 1.0, 0.0]


def test_attention_of_nothing_keeps_features_and_of_one_doubles_them() -> None:
    stage, features = DecoderStage(4, 3), torch.rand(1, 4, 5, 6)
    bare = stage(features, None, None)
    assert bare.any()
    torch.testing.assert_close(stage(features, None, torch.zeros(1, 1, 5, 6)), bare)
    torch.testing.assert_close(stage(features, None, torch.ones(1, 1, 5, 6)), 2 * bare)


@pytest.mark.parametrize(("class_weights", "reached"), [("soft", True), ("hard", False)])
def test_only_soft_weights_pass_the_density_gradient_to_the_estimator(
    class_weights: str, reached: bool
) -> None:
    counter = lively(CFANet(class_weights=class_weights))
    counter(IMAGES).density.sum().backward()
    assert all((p.grad is not None) == reached for p in counter.estimator.parameters())
    assert all(p.grad.any() for p in counter.recognizer[0].conv.parameters())


def test_the_output_scale_scales_every_density_map_and_nothing_else() -> None:
    counter = lively(CFANet())
    tenfold = CFANet(output_scale=0.2)
    tenfold.load_state_dict(counter.state_dict())
    one, ten = counter(IMAGES), tenfold(IMAGES)
    torch.testing.assert_close(ten.density, 10 * one.density)
    for name, each in one.maps.items():
        factor = 10 if "density" in name else 1
        torch.testing.assert_close(ten.maps[name], factor * each)


def test_initial_weights_outside_the_front_end() -> None:
    torch.manual_seed(0)
    counter = CFANet(bridge=True)
    layers = {name: m for name, m in counter.named_modules() if isinstance(m, nn.Conv2d)}
    own = [layer for name, layer in layers.items() if not name.startswith("backbone.")]
    assert len(own) == 1 + 8 + 8 + 4 + 3 + 1
    for layer in own:
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.3)
        assert not layer.bias.any()


def test_a_local_file_starts_the_front_end(tmp_path: Path) -> None:
    state = {
        f"features.{key.removeprefix('net.features_')}": value + 1
        for key, value in CFANet().backbone.state_dict().items()
    }
    path = tmp_path / "vgg16-397923af.pth"
    torch.save({**state, "classifier.0.bias": torch.zeros(4096)}, path)
    counter = crowdkit_core.create("counter", "cfanet", pretrained=str(path))
    torch.testing.assert_close(
        counter.backbone.net.features_21.weight, state["features.21.weight"], rtol=0, atol=0
    )
    assert counter.output_layer.weight.abs().max() < 0.1


def test_own_weights_bring_their_options_back(tmp_path: Path) -> None:
    options = {"classes": 4, "bridge": True, "supervision": 2, "combination": "residual"}
    counter = crowdkit_core.create("counter", "cfanet", **options).eval()
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="cfanet", options=counter.origin.options)
    loaded = crowdkit_core.create("counter", "cfanet", weights=path).eval()
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
    assert loaded.origin.options == options


def test_mixed_precision_gives_single_precision_people_and_probabilities() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        prediction = CFANet()(IMAGES)
    assert prediction.density.dtype == torch.float32
    for name, each in prediction.maps.items():
        assert each.dtype == (torch.bfloat16 if name.startswith("fine") else torch.float32)


@pytest.mark.parametrize("options", [{"classes": 1}, {"supervision": 0}, {"combination": "sum"}])
def test_wrong_options_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(OptionsError, match=next(iter(options))):
        crowdkit_core.create("counter", "cfanet", **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, 94), ({"dle": False}, 94), ({"crr": False, "dle": False}, 86), ({"bridge": True}, 102)],
)
def test_receptive_field(
    options: dict[str, Any], expected: int, measured_reach: Callable[..., int]
) -> None:
    counter = CFANet(**options)
    assert counter.receptive_field == expected
    assert measured_reach(counter, width=320) == expected


@pytest.mark.slow
def test_it_learns_from_scratch_with_the_objective_of_its_paper() -> None:
    scenes = crowdkit_core.create(
        "dataset", "synthetic", images=2, size=(96, 96), people=(5, 60), empty=0.0
    )
    generator = crowdkit_core.create("density_generator", "fixed", sigma=4.0)
    batch = collate([scenes[0], scenes[1]])
    target = Target.from_batch(batch, generator)
    loss = crowdkit_core.create("loss", "cfanet")
    loss.fit(scenes, generator)
    torch.manual_seed(0)
    counter = CFANet()
    optimizer = torch.optim.Adam(counter.parameters(), lr=1e-3)
    totals = []
    for _ in range(40):
        terms = loss(counter(batch.images), target)
        optimizer.zero_grad()
        terms.total.backward()
        optimizer.step()
        totals.append({name: each.item() for name, each in terms.terms.items()})
    assert all(totals[-1][name] < 0.7 * totals[0][name] for name in totals[0])


@pytest.mark.slow
@pytest.mark.parametrize("options", [{"crr": False, "dle": False}, {"bridge": True, "dle": False}])
def test_conformance_of_ablations(options: dict[str, Any]) -> None:
    check_counter(crowdkit_core.create("counter", "cfanet", **options))
