"""The counter: its size, its reach, what it counts in tiles, and the published layout."""

from pathlib import Path
from typing import Any

import pytest
import torch
from crowdkit_p2pnet.counter import P2PNet
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.data.transforms import Resizing
from crowdkit_core.errors import OptionsError, WeightsError
from crowdkit_core.inference import count
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.interfaces import Prediction
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import check_counter

SMALL = {"backbone": "test_resnet", "width": 8}
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def make(**options: Any) -> P2PNet:
    torch.manual_seed(0)
    counter: P2PNet = crowdkit_core.create("counter", "p2pnet", **{**SMALL, **options})
    return counter.eval()


def noise(height: int, width: int, images: int = 1) -> Tensor:
    random = torch.Generator().manual_seed(height * 1000 + width)
    return torch.rand(images, 3, height, width, generator=random)


@pytest.mark.parametrize("options", [{}, {"rows": 4, "threshold": 0.3}, {"rows": 1, "columns": 1}])
def test_conformance(options: dict[str, Any]) -> None:
    check_counter(make(**options))


@pytest.mark.slow
def test_conformance_of_the_published_network() -> None:
    check_counter(crowdkit_core.create("counter", "p2pnet"))


class Published(nn.Module):
    """The published network, as its keys and its paper describe it, with what it never uses."""

    def __init__(self, points: int = 4) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 3
        for width, number in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
            for _ in range(number):
                convolution = nn.Conv2d(channels, width, 3, padding=1)
                layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            layers.append(nn.MaxPool2d(2, 2))
        self.backbone = nn.Module()
        for name, (start, stop) in enumerate(((0, 13), (13, 23), (23, 33), (33, 43)), start=1):
            self.backbone.add_module(f"body{name}", nn.Sequential(*layers[start:stop]))
        self.fpn = nn.Module()
        for name, inputs, side in (
            *(("P5_1", 512, 1), ("P5_2", 256, 3), ("P4_1", 512, 1)),
            *(("P4_2", 256, 3), ("P3_1", 256, 1), ("P3_2", 256, 3)),
        ):
            self.fpn.add_module(name, nn.Conv2d(inputs, 256, side, padding=side // 2))
        for head in ("regression", "classification"):
            module = nn.Module()
            for name in ("conv1", "conv2", "conv3", "conv4"):
                module.add_module(name, nn.Conv2d(256, 256, 3, padding=1))
            module.add_module("output", nn.Conv2d(256, 2 * points, 3, padding=1))
            self.add_module(head, module)
        for layer in self.modules():
            if isinstance(layer, nn.BatchNorm2d):  # so that statistics matter
                nn.init.uniform_(layer.running_mean, -0.2, 0.2)
                nn.init.uniform_(layer.running_var, 0.05, 0.2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Points (B, N, 2) and logits (B, N, 2), cell by cell in rows, then by reference point."""
        features = []
        current = (images - MEAN) / DEVIATION
        for name in ("body1", "body2", "body3", "body4"):
            current = self.backbone.get_submodule(name)(current)
            features.append(current)
        coarse = self.fpn.get_submodule("P5_1")(features[3])
        doubled = F.interpolate(coarse, scale_factor=2, mode="nearest")
        merged = self.fpn.get_submodule("P4_2")(
            self.fpn.get_submodule("P4_1")(features[2]) + doubled
        )
        offsets, logits = (
            self._head(head, merged).permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 2))
            for head in (self.regression, self.classification)
        )
        rows, columns = merged.shape[-2:]
        anchors = [
            [column * 8 + 4 + dx, row * 8 + 4 + dy]
            for row in range(rows)
            for column in range(columns)
            for dy in (-2.0, 2.0)
            for dx in (-2.0, 2.0)
        ]
        return torch.tensor(anchors) + 100 * offsets, logits

    @staticmethod
    def _head(head: nn.Module, features: Tensor) -> Tensor:
        for name in ("conv1", "conv2"):
            features = F.relu(head.get_submodule(name)(features))
        output: Tensor = head.get_submodule("output")(features)
        return output


@pytest.fixture(scope="module")
def published() -> Published:
    torch.manual_seed(0)
    return Published().eval()


def test_numbers_of_parameters(published: Published) -> None:
    with torch.device("meta"):
        counter = P2PNet()
    assert sum(p.numel() for p in published.parameters()) == 21_579_344
    assert sum(p.numel() for p in counter.parameters()) == 17_973_072


def test_the_published_layout_computes_what_it_was_published_to(
    published: Published, tmp_path: Path
) -> None:
    path = tmp_path / "SHTechA.pth"
    torch.save({"model": published.state_dict()}, path)
    counter = crowdkit_core.create("counter", "p2pnet", weights=path).eval()
    images = noise(48, 80)
    with torch.no_grad():
        points, logits = published(images)
        prediction = counter(images)
    scores = logits.softmax(-1)[0, :, 1]
    kept = scores > 0.5
    assert 0 < kept.sum() < len(kept)
    assert prediction.count.item() == kept.sum()
    order = scores[kept].argsort(descending=True)
    expected = points[0, kept][order].clamp(min=0).minimum(torch.tensor([80.0, 48.0]))
    torch.testing.assert_close(prediction.points[0].xy, expected, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(prediction.points[0].score, scores[kept][order])


def test_eight_points_a_cell_have_to_be_said_how_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "qnrf.pth"
    torch.save({"model": Published(points=8).state_dict()}, path)
    counter = crowdkit_core.create("counter", "p2pnet", weights=path, rows=4)
    assert counter.outputs["offsets"].references[:3] == ((2.0, 1.0), (6.0, 1.0), (2.0, 3.0))
    with pytest.raises(WeightsError, match=r"qnrf\.pth"):
        crowdkit_core.create("counter", "p2pnet", weights=path)


def test_weights_that_lack_a_layer_are_refused(published: Published, tmp_path: Path) -> None:
    state = published.state_dict()
    del state["regression.conv2.weight"]
    path = tmp_path / "model.pth"
    torch.save({"model": state}, path)
    with pytest.raises(WeightsError, match=r"model\.pth.*1 missing"):
        crowdkit_core.create("counter", "p2pnet", weights=path)


def test_a_local_file_starts_the_backbone(published: Published, tmp_path: Path) -> None:
    names = {"body1": 0, "body2": 13, "body3": 23, "body4": 33}
    state = {}
    for key, value in published.backbone.state_dict().items():
        body, index, part = key.split(".")
        state[f"features.{names[body] + int(index)}.{part}"] = value
    path = tmp_path / "vgg16_bn-6c64b313.pth"
    torch.save({**state, "classifier.0.bias": torch.zeros(4096)}, path)
    counter = crowdkit_core.create("counter", "p2pnet", pretrained=str(path)).eval()
    images = noise(32, 48)
    with torch.no_grad():
        fine, coarse = counter.backbone(images)
        current, expected = images, []
        for name in names:
            current = published.backbone.get_submodule(name)(current)
            expected.append(current)
    torch.testing.assert_close(fine, expected[2])
    torch.testing.assert_close(coarse, expected[3])


class Cells(nn.Module):
    """Means over cells of 8 and 16 pixels: features that reach no further."""

    receptive_field = 0

    def __init__(self, channels: tuple[int, ...]) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, images: Tensor) -> list[Tensor]:
        return [
            F.avg_pool2d(images, side).mean(1, keepdim=True).expand(-1, channels, -1, -1)
            for side, channels in zip((8, 16), self.channels, strict=True)
        ]


def test_reach_behind_the_backbone() -> None:
    counter = make()
    counter.backbone = Cells(counter.backbone.channels)

    def logits(prediction: Prediction) -> Tensor:
        return prediction.maps["proposals"]

    assert counter.receptive_field == measure_receptive_field(counter, 8, read=logits, period=16)


@pytest.mark.slow
def test_reach_of_the_backbone() -> None:
    with torch.device("cpu"):
        net = P2PNet().backbone
    coarse = measure_receptive_field(net, 16, read=lambda features: features[1])
    assert coarse == net.receptive_field == 90


@settings(max_examples=15)
@given(height=st.integers(3, 60), width=st.integers(3, 60))
def test_images_count_in_a_batch_as_alone(height: int, width: int) -> None:
    counter, images = make(), noise(height, width, images=2)
    with torch.no_grad():
        together, alone = counter(images), [counter(image[None]) for image in images]
    for index, each in enumerate(alone):
        for name, values in each.maps.items():
            torch.testing.assert_close(together.maps[name][index], values[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("tile", [16, 40, 64])
def test_points_of_tiles_are_those_of_the_image(tile: int) -> None:
    counter = make(backbone="resnet18", width=8, threshold=0.52)
    image = noise(101, 147)[0]
    whole, tiled = count(counter, image, tile=None), count(counter, image, tile=tile)
    assert whole.points is not None
    assert tiled.points is not None
    assert whole.count == len(whole.points.xy) > 10
    assert tiled.count == whole.count
    assert not tiled.approximate
    torch.testing.assert_close(tiled.points.xy, whole.points.xy, rtol=0, atol=1e-2)


def test_a_region_counts_the_points_inside() -> None:
    counter, image = make(threshold=0.0), noise(64, 64)[0]
    left, right = (
        count(counter, image, roi=[[x, 0], [x + 32, 0], [x + 32, 64], [x, 64]]) for x in (0, 32)
    )
    whole = count(counter, image, zones={"left": [[0, 0], [32, 0], [32, 64], [0, 64]]})
    assert whole.count == 256  # every proposal of 8 x 8 cells
    assert left.count == left.found == len(left.points.xy) > 0
    assert left.count + right.count == 256
    assert [zone.count for zone in whole.zones] == [left.count, right.count]
    assert [zone.points_found for zone in whole.zones] == [left.count, right.count]


def test_points_of_an_enlarged_image_are_in_its_own_pixels() -> None:
    counter, image = make(threshold=0.0), noise(64, 64)[0]
    sizing = Sizing(resizing=Resizing(scale=2.0))
    counted = count(counter, image, sizing=sizing, roi=[[0, 0], [32, 0], [32, 64], [0, 64]])
    assert counted.whole_count == 4 * 256
    assert counted.points.xy.max() <= 64
    assert 0 < counted.count == len(counted.points.xy) < counted.whole_count


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 0}, "rows is 0"),
        ({"columns": 9}, "columns is 9"),
        ({"width": 0}, "width is 0"),
        ({"threshold": 1.0}, r"threshold is 1\.0"),
    ],
)
def test_bad_input_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        make(**options)
