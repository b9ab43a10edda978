from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import MapSpec, Prediction, Target
from crowdkit_core.losses import (
    L1,
    cut,
    densities_inside,
    main_maps,
    map_pairs,
    maps_of_kind,
    mean_inside,
    mean_over_images,
    same_size_images,
)
from crowdkit_core.metrics import ssim_map

GENERATOR = Fixed(sigma=2.0)


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def points(count: int, size: tuple[int, int], seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(count, 2, generator=random) * torch.tensor([size[1], size[0]])


def padded(parts: list[Tensor], size: tuple[int, int], value: float = 0.0) -> Tensor:
    return torch.cat(
        [
            F.pad(each, (0, size[1] - each.shape[-1], 0, size[0] - each.shape[-2]), value=value)
            for each in parts
        ]
    )


def difference(pair) -> Tensor:
    """Of what a window sees, border included."""
    return mean_inside(1 - ssim_map(50 * pair.predicted, 50 * pair.wanted), pair.shares)


def test_pairs_come_by_size_without_padding() -> None:
    sizes = [(8, 12), (5, 7), (8, 12)]
    roi = torch.zeros(3, 8, 12, dtype=torch.bool)
    for image, (height, width) in enumerate(sizes):
        roi[image, :height, :width] = True
    target = Target(
        [points(3, s, i) for i, s in enumerate(sizes)], (8, 12), GENERATOR, roi=roi, sizes=sizes
    )
    density = maps(3, 1, 4, 6)
    large, small = map_pairs(density, target, 2)
    assert (list(large.images), large.size, large.stride) == ([0, 2], (8, 12), 2)
    assert (list(small.images), small.size) == ([1], (5, 7))
    torch.testing.assert_close(large.predicted, density[[0, 2]])
    torch.testing.assert_close(small.predicted, density[[1], :, :3, :4])
    torch.testing.assert_close(small.wanted.sum(), torch.tensor(3.0))
    torch.testing.assert_close(small.shares, torch.ones(1, 1, 3, 4))


def test_outside_the_region_both_maps_are_empty() -> None:
    roi = torch.ones(1, 4, 4, dtype=torch.bool)
    roi[..., 1:] = False
    target = Target([torch.tensor([[0.5, 0.5], [3.5, 3.5]])], (4, 4), GENERATOR, roi=roi)
    (pair,) = map_pairs(torch.ones(1, 1, 2, 2), target, 2)
    # half of the left cells lies inside, none of the right ones
    assert pair.predicted[0, 0].tolist() == [[0.5, 0.0], [0.5, 0.0]]
    assert pair.shares is not None
    assert pair.shares[0, 0].tolist() == [[0.5, 0.0], [0.5, 0.0]]
    assert pair.wanted[..., 1].abs().sum().item() == 0
    assert pair.wanted.sum().item() == pytest.approx(1.0)


@settings(deadline=None, max_examples=20)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=4),
    stride=st.sampled_from([1, 2, 4]),
    with_roi=st.booleans(),
    seed=st.integers(0, 99),
)
def test_batch_is_the_mean_of_its_images(sizes, stride, with_roi, seed) -> None:
    whole = (max(h for h, _ in sizes), max(w for _, w in sizes))
    people = [points(i, size, seed + i) for i, size in enumerate(sizes)]
    inside = [
        maps(1, *size, seed=seed + i) < 0.8 if with_roi else torch.ones(1, *size, dtype=torch.bool)
        for i, size in enumerate(sizes)
    ]
    density = [
        maps(1, 1, -(-h // stride), -(-w // stride), seed=seed + 10 + i)
        for i, (h, w) in enumerate(sizes)
    ]
    singles = []
    for xy, size, roi, each in zip(people, sizes, inside, density, strict=True):
        alone = Target([xy], size, GENERATOR, roi=roi if with_roi else None)
        singles.append(mean_over_images(map_pairs(each, alone, stride), difference))
    together = Target(people, whole, GENERATOR, roi=padded(inside, whole).bool(), sizes=sizes)
    cells = (-(-whole[0] // stride), -(-whole[1] // stride))
    found = mean_over_images(
        map_pairs(padded(density, cells, value=7.0), together, stride), difference
    )
    torch.testing.assert_close(found, torch.stack(singles).mean(), rtol=1e-4, atol=1e-5)


def test_half_precision_becomes_single_and_double_stays() -> None:
    target = Target([points(3, (4, 4), 0)], (4, 4), GENERATOR)
    for given_dtype, expected in (
        (torch.bfloat16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ):
        (pair,) = map_pairs(maps(1, 1, 4, 4).to(given_dtype), target, 1)
        assert pair.predicted.dtype == expected


def test_mean_inside_weighs_by_shares() -> None:
    values = torch.tensor([[[[1.0, 3.0, 100.0]]], [[[5.0, 5.0, 5.0]]]])
    shares = torch.tensor([[[[1.0, 0.5, 0.0]]], [[[0.0, 0.0, 0.0]]]])
    assert mean_inside(values, shares).tolist() == pytest.approx([2.5 / 1.5, 0.0])
    assert mean_inside(values, None).tolist() == pytest.approx([104 / 3, 5.0])


def test_images_of_one_size_stay_together() -> None:
    people = [torch.zeros(0, 2)] * 3
    target = Target(people, (6, 6), GENERATOR, sizes=[(6, 6), (4, 5), (6, 6)])
    assert same_size_images(target) == {(6, 6): [0, 2], (4, 5): [1]}
    assert cut(maps(3, 2, 3, 3), [1], (4, 5), 2).shape == (1, 2, 2, 3)


def test_maps_of_a_kind_come_once_with_their_strides() -> None:
    main, side, levels = maps(1, 1, 4, 4), maps(1, 1, 2, 2), maps(1, 3, 4, 4)
    prediction = Prediction(
        count=torch.ones(1),
        density=main,
        stride=2,
        maps={"branch": main, "side": side, "levels": levels},
        outputs={
            "branch": MapSpec("density", 2),
            "side": MapSpec("density", 4),
            "levels": MapSpec("classes", 2, 3),
        },
    )
    found = maps_of_kind(prediction, "density", L1())
    assert {name: stride for name, (_, stride) in found.items()} == {"branch": 2, "side": 4}
    alone = replace(prediction, density=main.clone())
    assert list(maps_of_kind(alone, "density", L1())) == ["density", "branch", "side"]
    assert list(maps_of_kind(prediction, "classes", L1())) == ["levels"]
    assert maps_of_kind(prediction, "attention", L1()) == {}


def test_a_map_without_a_meaning_is_named() -> None:
    prediction = Prediction.from_density(maps(1, 1, 2, 2), 1, maps={"riddle": maps(1, 1, 2, 2)})
    with pytest.raises(IncompatibleError, match="'L1' cannot tell what the map 'riddle' is"):
        maps_of_kind(prediction, "density", L1())


def test_pure_count_is_refused() -> None:
    target = Target([torch.zeros(0, 2)], (4, 4), GENERATOR)
    with pytest.raises(IncompatibleError, match="needs a density map"):
        main_maps(Prediction(count=torch.ones(1)), target, L1())


def test_densities_of_images_are_without_padding_and_region() -> None:
    density = maps(2, 1, 3, 4).to(torch.bfloat16)
    roi = torch.zeros(2, 24, 32, dtype=torch.bool)
    roi[0], roi[1, :9, :12] = True, True
    target = Target(
        [points(3, (9, 12), 0)] * 2, (24, 32), GENERATOR, roi=roi, sizes=[(24, 32), (9, 17)]
    )
    (whole, part), stride = densities_inside(
        Prediction(count=density.sum((1, 2, 3)), density=density, stride=8), target, L1()
    )
    assert stride == 8
    assert not target.strides
    torch.testing.assert_close(whole, density[0, 0].float(), rtol=0, atol=0)
    # Of the second column half is inside the region, of the third nothing.
    expected = density[1, 0, :2, :3].float() * torch.tensor([1.0, 0.5, 0.0])
    torch.testing.assert_close(part, expected)


def test_densities_of_a_pure_count_are_refused() -> None:
    target = Target([points(3, (8, 8), 0)], (8, 8), GENERATOR)
    with pytest.raises(IncompatibleError, match="needs a density map"):
        densities_inside(Prediction(count=torch.ones(1)), target, L1())
