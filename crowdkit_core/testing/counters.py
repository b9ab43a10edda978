"""Check counters against their contract."""

import copy
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import get_args

import torch
from torch import Tensor

from crowdkit_core.inference import plan_tiles, predict_tiles
from crowdkit_core.inference.tiles import has_own_procedure
from crowdkit_core.interfaces import Counter, MapKind, MapSpec, Prediction, Size
from crowdkit_core.testing import signatures  # noqa: F401  # registers the common checks first
from crowdkit_core.testing.runner import check_for, run_checks

KIND = Counter.kind
MAP_KINDS = set(get_args(MapKind))


def check_counter(
    counter: Counter, *, expected_failed_checks: Mapping[str, str] | None = None
) -> None:
    """Check a counter against its contract.

    Raises:
        ConformanceError: Lists every promise it breaks.
    """
    run_checks(counter, expected_failed_checks)


def _images(counter: Counter, size: Size, number: int = 1, seed: int = 0) -> Tensor:
    height, width = (max(a, b) for a, b in zip(size, counter.min_size, strict=True))
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 3, height, width, generator=random)


def _evaluated(counter: Counter) -> Counter:
    return copy.deepcopy(counter).eval()


def _training(counter: Counter) -> Counter:
    return copy.deepcopy(counter).train()


def _maps(prediction: Prediction) -> dict[str, Tensor]:
    main = {} if prediction.density is None else {"density": prediction.density}
    return {**prediction.maps, **main}


@check_for(KIND)
def outputs_are_declared(counter: Counter) -> None:
    """``outputs`` maps names to `MapSpec`s of known kinds that say what their channels are."""
    for name, spec in counter.outputs.items():
        assert isinstance(spec, MapSpec), f"outputs[{name!r}] is no MapSpec"
        assert spec.kind in MAP_KINDS, f"outputs[{name!r}] has the unknown kind {spec.kind!r}"
        assert spec.stride >= 1, f"outputs[{name!r}] has stride {spec.stride}"
        assert spec.channels >= 1, f"outputs[{name!r}] has {spec.channels} channels"
        expected = spec.channels if spec.kind == "bins" else 0
        assert len(spec.bins) == expected, f"outputs[{name!r}] has bins {spec.bins}"
        ascending = all(0 <= low < high for low, high in pairwise(spec.bins))
        assert ascending, f"outputs[{name!r}] has bins {spec.bins}, expected ascending counts"
        _require_references(counter, name, spec)
    if "density" in counter.outputs:
        main = counter.outputs["density"]
        assert main.kind == "density", f"the map 'density' is of kind {main.kind!r}"
        assert main.channels == 1, f"the map 'density' has {main.channels} channels"
    else:
        known = counter.direct_count or counter.counts_by_maps
        assert known, "no density map, proposals or direct_count: where is the count from?"


def _require_references(counter: Counter, name: str, spec: MapSpec) -> None:
    """A map of offsets says where from, inside the cell, and which map scores its points."""
    if spec.kind != "offsets":
        found = f"outputs[{name!r}] of kind {spec.kind!r} has references or scores"
        assert not spec.references, found
        assert not spec.scored_by, found
        return
    number = len(spec.references)
    assert number, f"outputs[{name!r}] has no reference points"
    assert spec.channels == 2 * number, (
        f"outputs[{name!r}] has {spec.channels} channels, expected 2 for each of {number} points"
    )
    inside = all(0 <= side < spec.stride for point in spec.references for side in point)
    assert inside, f"outputs[{name!r}] has references {spec.references} outside the cell"
    scores = counter.outputs.get(spec.scored_by)
    wanted = MapSpec("proposals", spec.stride, 2 * number)
    assert scores == wanted, (
        f"outputs[{name!r}] is scored by {spec.scored_by!r}, which is {scores}, not {wanted}"
    )


@check_for(KIND)
def maps_have_the_declared_shape(counter: Counter) -> None:
    """In training mode every declared map is there: (B, C, ceil(H / s), ceil(W / s))."""
    module = _training(counter)
    for size in ((64, 96), (67, 101)):
        images = _images(counter, size, number=2)
        height, width = images.shape[-2:]
        maps = _maps(module(images))
        missing = sorted(set(counter.outputs) - set(maps))
        assert not missing, f"declared but not given: {', '.join(missing)}"
        undeclared = sorted(set(maps) - set(counter.outputs))
        assert not undeclared, f"given but not declared: {', '.join(undeclared)}"
        for name, spec in counter.outputs.items():
            wanted = (2, spec.channels, -(-height // spec.stride), -(-width // spec.stride))
            found = tuple(maps[name].shape)
            assert found == wanted, f"{name} of a {height} x {width} image: {found}, not {wanted}"


@check_for(KIND)
def counts_have_one_number_per_image(counter: Counter) -> None:
    """``count`` and every named count are (B,) and finite, for black and white images too."""
    module = _evaluated(counter)
    images = torch.stack([torch.zeros(3, 64, 96), torch.ones(3, 64, 96)])
    images = torch.nn.functional.pad(
        images, (0, max(0, counter.min_size[1] - 96), 0, max(0, counter.min_size[0] - 64))
    )
    with torch.no_grad():
        prediction = module.predict(images)
    for name, count in {"count": prediction.count, **prediction.counts}.items():
        assert count.shape == (2,), f"{name}: shape {tuple(count.shape)}, not (2,)"
        assert count.isfinite().all(), f"{name} of a black and a white image: {count.tolist()}"


@check_for(KIND)
def points_it_finds_are_in_the_image(counter: Counter) -> None:
    """Of a counter that declares ``finds_points``, and of no other: inside each image, best first.

    As many as it counts, where they are the count.
    """
    images = _images(counter, (64, 96), number=2)
    height, width = images.shape[-2:]
    with torch.no_grad():
        prediction = _evaluated(counter).predict(images)
    points = prediction.points
    if not counter.finds_points:
        assert points is None, "gives points and does not declare finds_points"
        return
    assert points is not None, "declares finds_points and gives none"
    assert len(points) == 2, f"points of {len(points)} images, not of 2"
    for each in points:
        assert each.xy.shape == (len(each.score), 2), f"xy {tuple(each.xy.shape)}"
        inside = (each.xy >= 0) & (each.xy <= each.xy.new_tensor([width, height]))
        assert inside.all(), "finds points outside the image"
        assert (each.score.diff() <= 0).all(), "scores are not descending"
    found = [len(each.xy) for each in points]
    counted = prediction.count.tolist()
    same = found == counted or not (counter.counts_by_maps and prediction.counts_points)
    assert same, f"counts {counted} people and finds {found} points"


@check_for(KIND)
def count_is_the_sum_of_the_density(counter: Counter) -> None:
    """Unless the counter declares a direct count, or proposes points."""
    if counter.direct_count or (counter.counts_by_maps and "density" not in counter.outputs):
        return
    with torch.no_grad():
        prediction = _evaluated(counter)(_images(counter, (61, 90), number=2))
    assert prediction.density is not None, "declares density but gives None"
    total = prediction.density.flatten(1).sum(1)
    assert torch.allclose(prediction.count, total, rtol=1e-4, atol=1e-4), (
        f"count {prediction.count.tolist()}, sum of the map {total.tolist()}"
    )


@check_for(KIND)
def small_and_odd_images_work(counter: Counter) -> None:
    """Any size down to ``min_size`` works."""
    module = _evaluated(counter)
    for size in (counter.min_size, (counter.min_size[0] + 6, counter.min_size[1] + 17)):
        with torch.no_grad():
            prediction = module(_images(counter, size))
        assert prediction.count.isfinite().all(), f"{size}: {prediction.count.tolist()}"


@check_for(KIND)
def images_do_not_see_each_other(counter: Counter) -> None:
    """In evaluation mode a count is the same alone and in a batch."""
    module = _evaluated(counter)
    images = _images(counter, (64, 80), number=2, seed=1)
    with torch.no_grad():
        together = module(images)
        alone = [module(image[None]) for image in images]
    counts = torch.cat([each.count for each in alone])
    scale = max(1.0, counts.abs().max().item())
    assert torch.allclose(together.count, counts, atol=1e-3 * scale), (
        f"in a batch {together.count.tolist()}, alone {counts.tolist()}"
    )


@check_for(KIND)
def images_are_left_unchanged(counter: Counter) -> None:
    """The input tensor is not written to."""
    images = _images(counter, (64, 80))
    before = images.clone()
    with torch.no_grad():
        _evaluated(counter)(images)
    assert torch.equal(images, before), "forward wrote into its input"


@check_for(KIND)
def same_image_same_bits(counter: Counter) -> None:
    """In evaluation mode two calls give the same bits."""
    module = _evaluated(counter)
    images = _images(counter, (64, 80), seed=2)
    with torch.no_grad():
        same = torch.equal(module(images).count, module(images).count)
    assert same, "two calls in evaluation mode differ"


@check_for(KIND)
def every_parameter_gets_a_gradient(counter: Counter) -> None:
    """In training mode every trainable parameter takes part in some output."""
    if not counter.trainable:
        return
    module = _training(counter)
    prediction = module(_images(counter, (64, 96), number=2))
    outputs = [prediction.count, *_maps(prediction).values(), *prediction.counts.values()]
    total = torch.stack([output.square().sum() for output in outputs]).sum()
    torch.autograd.backward(total)
    without = [n for n, p in module.named_parameters() if p.requires_grad and p.grad is None]
    assert not without, f"no gradient reaches {', '.join(without)}"


@check_for(KIND)
def state_dict_round_trip(counter: Counter) -> None:
    """Weights moved into another instance give the same count."""
    source, target = _evaluated(counter), _evaluated(counter)
    with torch.no_grad():
        for parameter in target.parameters():
            parameter.add_(1.0)
    target.load_state_dict(source.state_dict())
    images = _images(counter, (64, 80), seed=3)
    with torch.no_grad():
        same = torch.equal(source(images).count, target(images).count)
    assert same, "the state_dict does not hold everything the count depends on"


@check_for(KIND)
def nothing_beyond_the_receptive_field_matters(counter: Counter) -> None:
    """No pixel further than ``receptive_field`` from a cell of what counts changes its value."""
    radius, counting = counter.receptive_field, _counting_maps(counter)
    if radius is None or not counting:
        return
    spec = counter.outputs[counting[0]]
    module = _evaluated(counter)
    side = 2 * radius + 6 * max(counter.size_multiple, spec.stride)
    short = 6 * max(counter.size_multiple, spec.stride)
    for size in ((side, short), (short, side)):  # strips, as a square costs much more
        images = _images(counter, size, seed=4)
        cell = [-(-side // spec.stride) // 2 for side in images.shape[-2:]]
        seen = [_seen(each, spec.stride, radius) for each in cell]
        reached = (_pixels_reached if counter.trainable else _other_pixels_matter)(
            module, images, counting, cell, seen
        )
        assert not reached, (
            f"{reached} pixels beyond {radius} px matter; receptive_field is too small"
        )


def _counting_maps(counter: Counter) -> list[str]:
    """The maps that the count follows from: the density map, or those of proposals, of a stride."""
    if "density" in counter.outputs:
        return ["density"]
    offsets = [name for name, spec in counter.outputs.items() if spec.kind == "offsets"]
    return [offsets[0], counter.outputs[offsets[0]].scored_by] if offsets else []


def _pixels_reached(
    module: Counter,
    images: Tensor,
    counting: Sequence[str],
    cell: Sequence[int],
    seen: Sequence[slice],
) -> int:
    """How many pixels that a cell should not see have a gradient there."""
    images.requires_grad_()
    here = _values(module, images, counting, cell)
    (gradient,) = torch.autograd.grad(here.sum(), images)
    gradient[..., seen[0], seen[1]] = 0
    return int(gradient.abs().amax(1).count_nonzero())


def _other_pixels_matter(
    module: Counter,
    images: Tensor,
    counting: Sequence[str],
    cell: Sequence[int],
    seen: Sequence[slice],
) -> int:
    """How many pixels a cell should not see, if it changes where all of them are others."""
    others = 1 - images
    others[..., seen[0], seen[1]] = images[..., seen[0], seen[1]]
    before, after = (_values(module, each, counting, cell) for each in (images, others))
    unchanged = torch.isclose(before, after, rtol=1e-4, atol=1e-6).all()
    return 0 if unchanged else int((others != images).any(1).count_nonzero())


def _values(
    module: Counter, images: Tensor, counting: Sequence[str], cell: Sequence[int]
) -> Tensor:
    """What the maps that are counted say in a cell."""
    maps = _maps(module(images))
    return torch.cat([maps[name][0, :, cell[0], cell[1]] for name in counting])


def _seen(cell: int, stride: int, radius: int) -> slice:
    """Pixels of a side that a cell may depend on."""
    return slice(max(0, cell * stride - radius), (cell + 1) * stride + radius)


@check_for(KIND)
def tiled_equals_whole(counter: Counter) -> None:
    """With the declared receptive field as halo, tiles give the maps of the whole image."""
    counting = _counting_maps(counter)
    if counter.receptive_field is None or not counting:
        return
    module = _evaluated(counter)
    image = _images(counter, (150, 205), seed=5)
    with torch.no_grad():
        whole = module(image)
        tiled = predict_tiles(module, image[0], plan_tiles(module, (150, 205), tile=128))
    for name in counting:
        expected, found = (_maps(each).get(name) for each in (whole, tiled))
        assert expected is not None, f"declares {name} but gives None"
        assert found is not None, f"declares {name} but gives None on tiles"
        worst = (expected - found).abs().max().item()
        scale = max(expected.abs().max().item(), 1e-6)
        assert worst <= 1e-4 * scale, f"tiled and whole {name} differ by {worst:.2e} ({scale:.2e})"
    assert (tiled.points is None) == (whole.points is None or has_own_procedure(counter)), (
        "whole images have points, and tiles have not"
    )
