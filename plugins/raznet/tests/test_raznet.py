"""Looking closer, the five ways of counting, and weights."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from crowdkit_raznet.fusion import density_cells, point_cells
from crowdkit_raznet.network import InspectionNet
from crowdkit_raznet.raznet import RAZNet
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.errors import OptionsError, WeightsError
from crowdkit_core.evaluation.asked_metrics import asked_metrics
from crowdkit_core.evaluation.image_result import Measures, measure
from crowdkit_core.inference import count
from crowdkit_core.interfaces import (
    Annotation,
    Counter,
    Dataset,
    Points,
    Prediction,
    Sample,
    evaluating,
)
from crowdkit_core.testing import check_counter
from crowdkit_core.weights import save_weights

SIZE = (48, 80)
WAYS = ["density", "localization", "localization+", "average", "fusion"]
RED, GREEN, BLUE = range(3)
Narrow = Callable[..., RAZNet]


def scripted(counter: RAZNet) -> RAZNet:
    """Networks that read their answers off the image.

    Heads are 3 x 3 squares: red ones Main-Net sees, blue ones RAZ-Net. Green is attention to both,
    and a fiftieth of blue at stride 8 is density.
    """

    def look(heads: int) -> Callable[[Tensor], Prediction]:
        def forward(images: Tensor) -> Prediction:
            maps = {"localization": images[:, [heads]], "attention": images[:, [GREEN]]}
            if heads == BLUE:
                return Prediction(count=torch.zeros(len(images)), maps=maps)
            density = F.avg_pool2d(images[:, [BLUE]], 8, ceil_mode=True) * 64 / 50
            return Prediction.from_density(density, 8, maps=maps)

        return forward

    for network, heads in ((counter.main, RED), (counter.zoom, BLUE)):
        if network is not None:
            object.__setattr__(network, "forward", look(heads))
    return counter.eval()


def draw(image: Tensor, colour: int, heads: list[tuple[int, int]]) -> None:
    for x, y in heads:
        image[colour, y - 1 : y + 2, x - 1 : x + 2] = 1


def found_in(prediction: Prediction, image: int = 0) -> list[tuple[float, float]]:
    assert prediction.points is not None
    return sorted(map(tuple, prediction.points[image].xy.tolist()))


@pytest.fixture
def scene(narrow: Narrow) -> SimpleNamespace:
    """One region, with other heads inside it than from afar."""
    counter = scripted(narrow(search={"keep": 1, "threshold": 0.1}))
    image = torch.zeros(3, *SIZE)
    image[GREEN, 10:30, 45:70] = 1
    (x0, y0, x1, y1) = counter.propose(image[None]).boxes[0].tolist()
    assert x1 - x0 > 12
    assert y1 - y0 > 12
    outside, inside = [(10, 5), (20, 40)], [(x0 + 6, y0 + 6)]
    assert all(not (x0 <= x < x1) for x, _ in outside)
    closer = [(x0 + 3, y0 + 3), (x0 + 8, y0 + 9)]
    draw(image, RED, outside + inside)
    draw(image, BLUE, closer)
    return SimpleNamespace(
        counter=counter, image=image, outside=outside, inside=inside, closer=closer
    )


def centres(heads: list[tuple[int, int]]) -> list[tuple[float, float]]:
    return sorted((x + 0.5, y + 0.5) for x, y in heads)


def test_points_of_a_closer_look_replace_those_from_afar(scene) -> None:
    prediction = scene.counter.predict(scene.image[None])
    assert found_in(prediction) == centres(scene.outside + scene.closer)
    assert prediction.counts["localization"].tolist() == [3]
    assert prediction.counts["localization+"].tolist() == [4]


def test_each_network_has_its_window(narrow: Narrow, scene) -> None:
    x0, y0, *_ = scene.counter.propose(scene.image[None]).boxes[0].tolist()
    close = torch.zeros_like(scene.image)
    draw(close, RED, [(4, 20), (9, 20)])
    close[GREEN] = scene.image[GREEN]
    draw(close, BLUE, [(x0 + 3, y0 + 4), (x0 + 8, y0 + 4)])
    counts = {}
    for options in ({}, {"window": 11}, {"zoom_window": 21}):
        search = {"keep": 1, "threshold": 0.1}
        prediction = scripted(narrow(search=search, threshold=0.05, **options)).predict(close[None])
        counts[tuple(options)] = [
            prediction.counts[way].item() for way in ("localization", "localization+")
        ]
    assert counts == {(): [2, 4], ("window",): [1, 3], ("zoom_window",): [2, 3]}


def test_the_localizer_takes_the_points_of_the_closer_look(scene) -> None:
    localizer = crowdkit_core.create("localizer", "raz-peaks")
    (points,) = localizer(scene.counter.predict(scene.image[None]), SIZE)
    assert sorted(map(tuple, points.xy.tolist())) == centres(scene.outside + scene.closer)


def test_points_need_no_localizer(scene) -> None:
    counted = count(scene.counter, scene.image)
    assert sorted(map(tuple, counted.points.xy.tolist())) == centres(scene.outside + scene.closer)
    heads = Points(counted.points.xy, canvas_size=SIZE)
    sample = Sample(name="a", image=scene.image, points=heads)
    measures = Measures(radii=(4.0,), metrics=asked_metrics(["ap"]))
    result = measure(scene.counter, sample, torch.device("cpu"), measures)
    assert result.localization[4.0].f1 == 1
    assert result.ranked is not None


def test_a_region_has_exactly_the_points_inside_it(scene) -> None:
    found = found_in(scene.counter.predict(scene.image[None]))
    heads = Points(torch.zeros(0, 2), canvas_size=SIZE)
    for edge in range(1, SIZE[1], 3):  # also through the middle of stride-8 cells
        roi = torch.zeros(SIZE, dtype=torch.bool)
        roi[:, :edge] = True
        sample = Sample(name="a", image=scene.image, points=heads, roi=roi)
        result = measure(scene.counter, sample, torch.device("cpu"))
        assert result.counts["localization+"] == sum(x < edge for x, _ in found)


def test_five_ways_of_counting(scene) -> None:
    counter, images = scene.counter, scene.image[None]
    counter.fusion_threshold.fill_(1.0)
    prediction = counter.predict(images)
    counts = prediction.counts
    assert list(counts) == WAYS
    density = counter(images).density
    torch.testing.assert_close(counts["density"], density.sum((1, 2, 3)))
    torch.testing.assert_close(counts["average"], (counts["density"] + 4) / 2)
    cells = density_cells(density, stride=8, size=SIZE)[0]
    heads = point_cells(prediction.points[0].xy, size=SIZE)
    mean = (cells + heads) / 2
    wanted = torch.where(mean >= 1.0, cells, mean).sum()  # equation 4
    torch.testing.assert_close(counts["fusion"], wanted[None].float())
    assert wanted != pytest.approx(counts["average"].item())
    assert torch.equal(prediction.count, counts["fusion"])
    assert torch.equal(prediction.density.sum((1, 2, 3)), prediction.count)


@pytest.mark.parametrize(("theta", "way"), [(float("inf"), "average"), (-float("inf"), "density")])
def test_the_threshold_decides_between_density_and_average(scene, theta, way) -> None:
    scene.counter.fusion_threshold.fill_(theta)
    prediction = scene.counter.predict(scene.image[None])
    torch.testing.assert_close(prediction.count, prediction.counts[way])


def test_every_way_of_counting_is_restricted_to_a_region(scene) -> None:
    roi = torch.zeros(SIZE, dtype=torch.bool)
    roi[:, :40] = True
    sample = Sample(
        name="a", image=scene.image, points=Points(torch.zeros(0, 2), canvas_size=SIZE), roi=roi
    )
    result = measure(scene.counter, sample, torch.device("cpu"))
    assert list(result.counts) == WAYS
    inside = sum(x < 40 for x, _ in found_in(scene.counter.predict(scene.image[None])))
    assert result.counts["localization+"] == inside
    assert not result.from_density
    assert result.predicted == pytest.approx(result.counts["fusion"])


@pytest.mark.parametrize(("depth", "looks"), [(1, 0), (2, 2), (3, 2 + 4), (4, 2 + 4 + 8)])
def test_regions_of_regions_are_inspected_down_to_the_depth(narrow: Narrow, depth, looks) -> None:
    counter = scripted(narrow(depth=depth, search={"keep": 2}))
    seen: list[torch.Size] = []
    if counter.zoom is not None:
        counter.zoom.register_forward_hook(lambda _net, given, _out: seen.append(given[0].shape))
    image = torch.zeros(3, *SIZE)
    if depth > 1:
        image[GREEN] = 1
    counter.predict(image[None])
    assert len(seen) == looks


def test_nothing_is_inspected_where_nothing_attracts_attention(narrow: Narrow) -> None:
    counter = scripted(narrow(depth=4))
    counter.zoom.register_forward_hook(lambda *_: pytest.fail("inspected"))
    image = torch.zeros(3, *SIZE)
    draw(image, RED, [(10, 10)])
    assert found_in(counter.predict(image[None])) == [(10.5, 10.5)]


def test_heads_found_two_levels_down_come_back_in_place(narrow: Narrow) -> None:
    counter = scripted(narrow(depth=3, search={"keep": 1}))
    image = torch.zeros(3, *SIZE)
    image[GREEN] = 1
    x0, y0, x1, y1 = counter.propose(image[None]).boxes[0].tolist()
    within = counter.search(torch.ones(2 * (y1 - y0), 2 * (x1 - x0))).boxes[0].tolist()
    # A square of even side is one head at any scale; its centre is a corner of pixels.
    x, y = x0 + (within[0] + within[2]) // 4, y0 + (within[1] + within[3]) // 4
    image[BLUE, y - 2 : y + 2, x - 2 : x + 2] = 1
    assert found_in(counter.predict(image[None])) == [(x, y)]


def test_images_are_predicted_each_by_itself_and_the_same_each_time(scene) -> None:
    other = scene.image.flip(2)
    images = torch.stack([scene.image, other])
    together = scene.counter.predict(images)
    again = scene.counter.predict(images)
    for index, image in enumerate(images):
        alone = scene.counter.predict(image[None])
        assert found_in(together, index) == found_in(alone) == found_in(again, index)
        for name in WAYS:
            assert together.counts[name][index] == alone.counts[name][0]
            assert torch.equal(
                together.count_maps[name].density[index], alone.count_maps[name].density[0]
            )


def test_another_seed_looks_elsewhere(narrow: Narrow) -> None:
    images = torch.ones(1, 3, *SIZE)
    boxes = [
        scripted(narrow(search={"seed": seed, "samples": 3})).propose(images).boxes.tolist()
        for seed in (0, 0, 1)
    ]
    assert boxes[0] == boxes[1] != boxes[2]


@pytest.mark.parametrize(
    ("names", "counts"), [(["density"], []), (["localization"], WAYS[1:3]), (["attention"], WAYS)]
)
def test_restricted_it_neither_zooms_nor_invents_counts(narrow: Narrow, names, counts) -> None:
    counter = narrow().eval()
    counter.zoom.register_forward_hook(lambda *_: pytest.fail("zoomed"))
    counter.restrict(names)
    with torch.no_grad():
        prediction = counter.predict(torch.rand(2, 3, *SIZE))
    assert list(prediction.counts) == counts
    torch.testing.assert_close(prediction.count, prediction.density.sum((1, 2, 3)))


class Scenes(Dataset):
    """Images whose density is right where it is crowded and whose points are where it is not."""

    def __init__(self, *, people: bool = True) -> None:
        self.split = "train"
        self.people = people

    def __len__(self) -> int:
        return 2

    def annotation(self, index: int) -> Annotation:
        sample = self[index]
        return Annotation(name=sample.name, size=SIZE, points=sample.points)

    def __getitem__(self, index: int) -> Sample:
        image = torch.zeros(3, *SIZE)
        draw(image, RED, [(10, 6), (30, 6)])  # alone in the first two parts: heads as they are
        image[BLUE, 40:48, 0:16] = 1  # 128 / 50 people in a corner, none found
        corner = torch.rand(3, 2, generator=torch.Generator().manual_seed(index))
        corner = corner * torch.tensor([16.0, 8.0]) + torch.tensor([0.0, 40.0])
        points = torch.cat([torch.tensor([[10.5, 6.5], [30.5, 6.5]]), corner])
        return Sample(name=str(index), image=image, points=Points(points, canvas_size=SIZE))


@pytest.mark.parametrize("each", [False, True])
def test_calibration_beats_both_ways_it_chooses_from(narrow: Narrow, each) -> None:
    counter = scripted(narrow(depth=1, fit_each_part=each))
    data = Scenes()

    def error() -> float:
        with evaluating(counter):
            total = 0.0
            for sample in (data[0], data[1]):
                count_map = counter.predict(sample.image[None]).density
                cells = density_cells(count_map, stride=8, size=SIZE)[0]
                heads = point_cells(sample.points.as_subclass(Tensor), size=SIZE)
                total += (cells - heads).abs().sum().item()
        return total

    errors = []
    for theta in (-float("inf"), float("inf")):
        counter.fusion_threshold.fill_(theta)
        errors.append(error())
    counter.calibrate(data)
    assert error() < min(errors)
    assert (len(counter.fusion_threshold.unique()) > 1) == each


def test_calibration_looks_at_regions_alone(narrow: Narrow) -> None:
    # Outside the region nobody is annotated, whatever is there.
    class Half(Scenes):
        def __getitem__(self, index: int) -> Sample:
            whole = super().__getitem__(index)
            roi = torch.zeros(SIZE, dtype=torch.bool)
            roi[24:] = True
            points = whole.points.as_subclass(Tensor)
            kept = Points(points[points[:, 1] > 24], canvas_size=SIZE)
            return Sample(name=whole.name, image=whole.image, points=kept, roi=roi)

    counter = scripted(narrow(depth=1))
    counter.calibrate(Half())
    # All cells do best by density: the heads above, which it misses, are not to be counted.
    assert counter.fusion_threshold.unique().tolist() == [-float("inf")]


def test_zooming_starts_as_a_frozen_copy(narrow: Narrow) -> None:
    counter = narrow()
    assert not any(p.requires_grad for p in counter.zoom.parameters())
    assert all(p.requires_grad for p in counter.main.parameters())
    images = torch.rand(1, 3, 24, 24)
    torch.testing.assert_close(
        counter.zoom(images).maps["localization"], counter.main(images).maps["localization"]
    )


def test_weights_bring_the_threshold_and_fit_smaller_depths(narrow: Narrow, tmp_path: Path) -> None:
    counter = narrow(depth=3)
    counter.fusion_threshold.fill_(7.0)
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="raznet", options=counter.origin.options)
    images = torch.rand(1, 3, *SIZE)
    with evaluating(counter):
        loaded = crowdkit_core.create("counter", "raznet", weights=path).eval()
        assert loaded.depth == 3
        assert loaded.fusion_threshold.unique().tolist() == [7.0]
        torch.testing.assert_close(loaded.predict(images).count, counter.predict(images).count)
        shallow = crowdkit_core.create("counter", "raznet", weights=path, depth=1).eval()
        assert shallow.zoom is None
        assert "attention" not in shallow.outputs
        torch.testing.assert_close(
            shallow.predict(images).counts["localization"],
            counter.predict(images).counts["localization"],
        )
        points = crowdkit_core.create("counter", "raznet", weights=path, depth=1, counting=False)
        assert "density" not in points.outputs
        zooming = crowdkit_core.create("counter", "raznet", weights=path, counting=False).eval()
        for name, value in zooming.state_dict().items():
            whole = counter.state_dict()[name]
            assert torch.equal(value, whole[:, : value.shape[1]] if value.ndim == 4 else whole)
        assert list(zooming.predict(images).counts) == ["localization", "localization+"]


# Names and shapes of the reproduction that was published with the NWPU-Crowd benchmark.
VGG = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128), 10: (128, 256), 12: (256, 256)}
VGG |= {14: (256, 256), 17: (256, 512), 19: (512, 512), 21: (512, 512)}
CONV = {0: (512, 512), 1: (512, 512), 2: (512, 512), 5: (256, 256), 8: (128, 128), 11: (64, 64)}
DECONV = {3: (512, 256), 6: (256, 128), 9: (128, 64)}


def published(prefix: str) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(0)

    def layer(key: str, weight: tuple[int, ...], outputs: int) -> dict[str, Tensor]:
        scale = (2 / (weight[1] * weight[2] * weight[3])) ** 0.5
        return {
            f"{key}.weight": scale * torch.randn(weight, generator=random),
            f"{key}.bias": 0.1 * torch.randn(outputs, generator=random),
        }

    state = {f"{prefix.replace('CCN', 'loc')}loc.lkernel.weight": torch.ones(1, 1, 3, 3)}
    for i, (inputs, outputs) in VGG.items():
        state |= layer(f"{prefix}features4.{i}", (outputs, inputs, 3, 3), outputs)
    for i, (inputs, outputs) in CONV.items():
        state |= layer(f"{prefix}de_pred.{i}.conv", (outputs, inputs, 3, 3), outputs)
    for i, (inputs, outputs) in DECONV.items():
        state |= layer(f"{prefix}de_pred.{i}", (inputs, outputs, 4, 4), outputs)
    return state | layer(f"{prefix}de_pred.12.conv", (2, 64, 1, 1), 2)


@pytest.mark.parametrize("prefix", ["CCN.", "CCN.module."])
def test_published_weights_compute_the_published_network(tmp_path: Path, prefix: str) -> None:
    state = published(prefix)
    path = tmp_path / "nwpu.safetensors"
    save_file(state, path)
    counter = crowdkit_core.create("counter", "raznet", weights=path).eval()
    images = torch.rand(1, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    mean = torch.tensor([0.446139603853, 0.409515678883, 0.395083993673]).view(3, 1, 1)
    std = torch.tensor([0.288205742836, 0.278144598007, 0.283502370119]).view(3, 1, 1)
    x = (images - mean) / std

    def of(key: str) -> tuple[Tensor, Tensor]:
        return state[f"{prefix}{key}.weight"], state[f"{prefix}{key}.bias"]

    for i in VGG:
        x = F.relu(F.conv2d(x, *of(f"features4.{i}"), padding=1))
        if i in (2, 7, 14):
            x = F.max_pool2d(x, 2)
    for i in range(12):
        if i in DECONV:
            x = F.relu(F.conv_transpose2d(x, *of(f"de_pred.{i}"), stride=2, padding=1))
        elif i in CONV:
            x = F.relu(F.conv2d(x, *of(f"de_pred.{i}.conv"), padding=2, dilation=2))
    logits = F.relu(F.conv2d(x, *of("de_pred.12.conv")))
    with torch.no_grad():
        prediction = counter.predict(images)
    torch.testing.assert_close(
        prediction.maps["localization"][:, 0], logits.softmax(1)[:, 1], rtol=1e-4, atol=1e-5
    )
    assert prediction.counts.keys() == {"localization", "localization+"}
    assert counter.outputs.keys() == {"localization"}
    assert sum(p.numel() for p in counter.parameters()) == 18_242_370


def test_published_weights_do_not_fit_the_papers_scalar_output(tmp_path: Path) -> None:
    path = tmp_path / "nwpu.safetensors"
    save_file(published("CCN."), path)
    with pytest.raises(WeightsError, match=r"localization\.output"):
        crowdkit_core.create("counter", "raznet", weights=path, localization_output="sigmoid")


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"threshold": 1.0}, "threshold"),
        ({"search": {"keep": 0}}, "keep"),
        ({"search": {"overlap": 2.0}}, "overlap"),
        ({"depth": 5}, "depth"),
        ({"window": 4}, "window is 4"),
        ({"zoom_window": 1}, "zoom_window is 1"),
    ],
)
def test_wrong_options_are_named(narrow: Narrow, options, name) -> None:
    with pytest.raises(OptionsError, match=name):
        narrow(**options)


def test_without_proposals_there_are_no_regions(narrow: Narrow) -> None:
    with pytest.raises(OptionsError, match="depth of 1"):
        narrow(depth=1).propose(torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize(
    "options", [{"depth": 3}, {"depth": 1}, {"counting": False}, {"counting_stride": 2}]
)
def test_conformance_of_variants(narrow: Narrow, options) -> None:
    counter: Counter = narrow(**options, search={"keep": 1})
    check_counter(counter)
    assert isinstance(counter.main, InspectionNet)
