"""The branches, layer by layer."""

from typing import Any

import pytest
import torch
from crowdkit_raznet.network import InspectionNet
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.interfaces import MapSpec
from crowdkit_core.networks import measure_receptive_field

IMAGES = torch.rand(2, 3, 45, 70, generator=torch.Generator().manual_seed(0))
VGG = 7_635_264
MAPS = {
    "density": MapSpec("density", 8),
    "localization": MapSpec("localization", 1),
    "attention": MapSpec("attention", 1),
}


def on_meta(**options: Any) -> InspectionNet:
    """Sizes and shapes without the memory."""
    with torch.device("meta"):
        return InspectionNet(**options)


def parameters(part: nn.Module) -> int:
    return sum(p.numel() for p in part.parameters())


def test_backbone_and_localization_branch_have_the_reproductions_parameters() -> None:
    network = on_meta(localization_output="softmax")
    assert parameters(network.backbone) == VGG
    assert parameters(network.backbone) + parameters(network.localization) == 18_242_370


def test_parameters_of_the_other_branches() -> None:
    network = on_meta()
    # CSRNet's back end and output layer: 16,263,489 with the backbone.
    assert parameters(network.counting) == 16_263_489 - VGG
    assert parameters(network.proposal) == (128 * 9 + 1) * 64 + (64 * 9 + 1) * 64 + 65
    without = on_meta(counting=False)
    assert parameters(without.proposal) == 2 * (64 * 9 + 1) * 64 + 65


def test_all_thirteen_convolutions_keep_stride_eight(narrow_branches) -> None:
    network = InspectionNet(backbone_convs=13, counting=False, proposals=False).eval()
    assert parameters(network.backbone) == VGG + 3 * (512 * 9 + 1) * 512
    (features,) = network.backbone(torch.zeros(1, 3, 32, 48))
    assert features.shape == (1, 512, 4, 6)


@pytest.fixture
def narrow_branches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the backbone has its width."""
    monkeypatch.setattr("crowdkit_raznet.network._DECONVOLUTIONS", ((512, 4), (4, 4), (4, 64)))


@pytest.mark.parametrize(
    ("options", "maps"),
    [
        ({}, MAPS),
        ({"proposals": False}, {k: MAPS[k] for k in ("density", "localization")}),
        ({"counting": False}, {k: MAPS[k] for k in ("localization", "attention")}),
        ({"counting_stride": 4}, {**MAPS, "density": MapSpec("density", 4)}),
        ({"counting_stride": 2}, {**MAPS, "density": MapSpec("density", 2)}),
    ],
)
def test_each_variant_gives_the_maps_it_declares(narrow, options, maps) -> None:
    network = InspectionNet(**options)
    assert network.outputs == maps
    prediction = network(IMAGES)
    found = {**prediction.maps}
    if prediction.density is not None:
        found["density"] = prediction.density
    assert found.keys() == maps.keys()
    for name, spec in maps.items():
        wanted = (2, 1, -(-45 // spec.stride), -(-70 // spec.stride))
        assert found[name].shape == wanted
    for name in found.keys() - {"density"}:
        assert 0 < found[name].min() <= found[name].max() < 1


def as_described(network: InspectionNet, images: Tensor) -> dict[str, Tensor]:
    """Layers after the backbone written down one by one, for images of whole cells."""
    state = network.state_dict()

    def conv(key: str, x: Tensor, dilation: int = 1) -> Tensor:
        weight, bias = state[f"{key}.weight"], state[f"{key}.bias"]
        return F.conv2d(
            x, weight, bias, padding=dilation * (weight.shape[-1] // 2), dilation=dilation
        )

    def doubled(key: str, x: Tensor) -> Tensor:
        x = F.conv_transpose2d(x, state[f"{key}.weight"], state[f"{key}.bias"], stride=2, padding=1)
        return F.relu(x)

    (features,) = network.backbone(network.normalize(images))
    crowd = place = features
    for index in (0, 2, 4, 6, 8, 10):
        crowd = F.relu(conv(f"counting.features.{index}", crowd, 2))
    for index in (0, 2, 4):
        place = F.relu(conv(f"localization.features.{index}", place, 2))
    for index in (6, 10, 14):
        place = doubled(f"localization.features.{index}", place)
        place = F.relu(conv(f"localization.features.{index + 2}", place, 2))
    larger = F.interpolate(crowd, scale_factor=8, mode="bilinear")
    both = torch.cat([place, larger], dim=1)
    for index in (0, 2):
        both = F.relu(conv(f"proposal.layers.{index}", both))
    return {
        "density": conv("counting.output", crowd),
        "localization": torch.sigmoid(conv("localization.output", place)),
        "attention": torch.sigmoid(conv("proposal.output", both)),
    }


def test_it_computes_what_is_described(narrow) -> None:
    network = narrow().main.double()
    images = torch.rand(2, 3, 40, 64, dtype=torch.float64)
    prediction = network(images)
    for name, wanted in as_described(network, images).items():
        found = prediction.density if name == "density" else prediction.maps[name]
        torch.testing.assert_close(found, wanted, msg=lambda text, n=name: f"{n}: {text}")


def test_two_logits_are_a_softmax_behind_a_relu(narrow) -> None:
    network = narrow(localization_output="softmax").main
    nn.init.normal_(network.localization.output.weight)
    (features,) = network.backbone(torch.rand(1, 3, 16, 16))
    features = network.localization.features(features)
    logits = F.relu(network.localization.output(features))
    assert (logits == 0).any()
    found = network.localization.probability(features)
    torch.testing.assert_close(found[:, 0], logits.softmax(1)[:, 1])


@pytest.mark.parametrize(
    ("names", "given", "computed"),
    [
        (["density"], {"density"}, {"counting"}),
        (["localization"], {"localization"}, {"localization"}),
        (["attention"], set(MAPS), {"counting", "localization", "proposal"}),
        (None, set(MAPS), {"counting", "localization", "proposal"}),
    ],
)
def test_restricted_it_computes_only_what_it_gives(narrow, names, given, computed) -> None:
    network = narrow().main
    ran: set[str] = set()
    parts = {
        "counting": network.counting["features"],
        "localization": network.localization.features,
        "proposal": network.proposal,
    }
    for name, part in parts.items():
        part.register_forward_hook(lambda *_, name=name: ran.add(name))
    network.restrict(["localization"])
    network.restrict(names)
    prediction = network(IMAGES)
    assert network.outputs.keys() == given
    assert prediction.maps.keys() | ({"density"} if "density" in given else set()) == given
    assert ran == computed
    assert network.direct_count == ("density" not in given)


def test_a_copy_without_counting_localises_alike(narrow) -> None:
    main = narrow().main
    copy = InspectionNet(counting=False)
    copy.adopt(main)
    torch.testing.assert_close(
        copy(IMAGES).maps["localization"], main(IMAGES).maps["localization"], rtol=0, atol=0
    )
    # Of the first weights of the proposal branch, those that see localization features.
    weight = main.proposal.layers[0].weight
    assert torch.equal(copy.proposal.layers[0].weight, weight[:, :4])
    assert weight.shape[1] == 8


def test_without_counting_the_count_is_that_of_the_peaks(narrow) -> None:
    network = InspectionNet(counting=False)
    peaks = torch.zeros(2, 1, 9, 20)
    peaks[0, :, 3:6, 4:7] = peaks[0, :, 3:6, 12:15] = peaks[1, :, 3:6, 4:7] = 1
    network.localization.probability = lambda _: peaks
    assert network(torch.zeros(2, 3, 9, 20)).count.tolist() == [2, 1]


def test_mixed_precision_gives_single_precision_probabilities(narrow) -> None:
    network = narrow().main
    with torch.autocast("cpu", torch.bfloat16):
        prediction = network(IMAGES)
    assert prediction.density.dtype == torch.float32
    assert {each.dtype for each in prediction.maps.values()} == {torch.float32}


def slim_vgg(convolutions: int) -> nn.Module:
    """The layers of VGG-16 with 6 channels, to see as far in no time."""
    layers: list[nn.Module] = []
    for index in range(convolutions):
        if index in (2, 4, 7):
            layers.append(nn.MaxPool2d(2))
        layers += [nn.Conv2d(3 if index == 0 else 6, 6, 3, padding=1), nn.ReLU()]

    class Slim(nn.Sequential):
        def forward(self, images: Tensor) -> list[Tensor]:
            return [super().forward(images)]

    return Slim(*layers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"density": 138, "localization": 118, "attention": 151}),
        ({"counting": False}, {"localization": 118, "attention": 120}),
        ({"counting_stride": 2}, {"density": 150, "attention": 154}),
        ({"backbone_convs": 13}, {"density": 162, "attention": 175}),
    ],
)
def test_receptive_field(
    narrow,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    expected: dict[str, int],
) -> None:
    monkeypatch.setattr("crowdkit_raznet.network._backbone", lambda convs, _: slim_vgg(convs))
    network = InspectionNet(**options)
    assert network.receptive_field == max(expected.values())
    for name, wanted in expected.items():
        stride = network.outputs[name].stride
        reach = measure_receptive_field(
            network,
            stride,
            read=lambda p, n=name: p.density if n == "density" else p.maps[n],
            period=8,
        )
        assert reach is not None
        # A bound: where resolution doubles, not every pixel reaches as far.
        assert wanted - 8 < reach <= wanted, name
