"""Check density generators against their contract."""

import copy
from collections.abc import Mapping

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from crowdkit_core.density import sum_pool
from crowdkit_core.interfaces import DensityGenerator, Size
from crowdkit_core.testing import signatures  # noqa: F401  # registers the common checks first
from crowdkit_core.testing import strategies as ours
from crowdkit_core.testing.runner import bounded, check_for, run_checks
from crowdkit_core.testing.toys import ToyDataset

KIND = DensityGenerator.kind


def check_density_generator(
    density_generator: DensityGenerator,
    *,
    expected_failed_checks: Mapping[str, str] | None = None,
) -> None:
    """Check a density generator against its contract.

    Every check has a copy of its own, fitted to a few images first.

    Raises:
        ConformanceError: Lists every promise it breaks.
    """
    run_checks(density_generator, expected_failed_checks)


def _fitted(generator: DensityGenerator) -> DensityGenerator:
    """A copy that has seen a training set, as before every training."""
    copied = copy.deepcopy(generator)
    copied.fit(ToyDataset())
    return copied


def _strides(generator: DensityGenerator) -> list[int]:
    return sorted(generator.strides) if generator.strides is not None else [1, 2, 3, 8]


def _side_multiple(generator: DensityGenerator) -> int:
    return 1 if generator.strides is None else max(generator.strides)


def _example(seed: int, size: Size, number: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random) * torch.tensor([size[1], size[0]])


@check_for(KIND)
def maps_have_the_declared_shape(generator: DensityGenerator) -> None:
    """(B, 1, ceil(H / s), ceil(W / s)), finite, float."""
    fitted = _fitted(generator)
    for stride in _strides(generator):
        size = (40 + stride // 2, 56)
        density = fitted([_example(0, size, 5), _example(1, size, 0)], size, stride=stride)
        wanted = (2, 1, -(-size[0] // stride), -(-size[1] // stride))
        assert density.shape == wanted, f"stride {stride}: {tuple(density.shape)}, not {wanted}"
        assert density.is_floating_point(), f"dtype {density.dtype}"
        assert density.isfinite().all(), "values are not finite"


@check_for(KIND)
def zero_points_give_zeros(generator: DensityGenerator) -> None:
    """An image without people has an all-zero map, also beside one with people."""
    fitted = _fitted(generator)
    size = (32, 48)
    stride = _strides(generator)[0]
    density = fitted([torch.zeros(0, 2), _example(2, size, 3)], size, stride=stride)
    if generator.preserves_count:
        assert not density[0].any(), f"a map without people sums to {density[0].sum().item()}"
    assert density[0].isfinite().all(), "a map without people is not finite"


@check_for(KIND)
def sums_equal_the_number_of_points(generator: DensityGenerator) -> None:
    """Every point contributes exactly 1, at every size, stride and border."""
    if not generator.preserves_count:
        return
    fitted = _fitted(generator)

    @bounded
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        size = data.draw(ours.sizes(min_side=1, max_side=80))
        points = data.draw(ours.points(size=size))
        stride = data.draw(st.sampled_from(_strides(generator)))
        total = fitted([points], size, stride=stride).double().sum().item()
        assert abs(total - len(points)) <= 1e-4 * max(1, len(points)), (
            f"size {size}, stride {stride}: {len(points)} points sum to {total:.6f}"
        )

    holds()


@check_for(KIND)
def maps_are_not_negative(generator: DensityGenerator) -> None:
    """Hand-made maps hold no negative persons."""
    if generator.preserves_count:
        size = (32, 48)
        fitted = _fitted(generator)
        density = fitted([_example(3, size, 20)], size, stride=_strides(generator)[0])
        assert density.min() >= 0, f"least value {density.min().item()}"


@check_for(KIND)
def pooling_a_fine_map_gives_the_coarse_map(generator: DensityGenerator) -> None:
    """sum_pool(map at stride s, k) is the map at stride s * k."""
    if not generator.preserves_count or generator.strides is not None:
        return
    fitted = _fitted(generator)
    size = (45, 70)
    points = [_example(4, size, 25)]
    for fine, factor in ((1, 2), (1, 8), (2, 4), (3, 2)):
        pooled = sum_pool(fitted(points, size, stride=fine), factor)
        coarse = fitted(points, size, stride=fine * factor)
        worst = (pooled - coarse).abs().max().item()
        assert worst <= 1e-4, f"stride {fine} pooled by {factor} is off by {worst:.2e}"


@check_for(KIND)
def flips_commute(generator: DensityGenerator) -> None:
    """density(flip(points)) == flip(density(points)) in the corner convention."""
    if not generator.preserves_count:
        return
    fitted = _fitted(generator)
    size = (40, 64)
    points = _example(5, size, 30)
    for stride in (s for s in _strides(generator) if not (size[0] % s or size[1] % s)):
        density = fitted([points], size, stride=stride)
        mirrored = torch.stack([size[1] - points[:, 0], points[:, 1]], dim=1)
        worst = (fitted([mirrored], size, stride=stride) - density.flip(-1)).abs().max().item()
        assert worst <= 1e-4, f"stride {stride}: flipped map is off by {worst:.2e}"


@check_for(KIND)
def images_do_not_see_each_other(generator: DensityGenerator) -> None:
    """A map is the same alone and in a batch."""
    fitted = _fitted(generator)
    size, stride = (32, 48), _strides(generator)[0]
    points = [_example(6, size, 12), _example(7, size, 3)]
    together = fitted(points, size, stride=stride)
    alone = torch.cat([fitted([each], size, stride=stride) for each in points])
    assert torch.allclose(together, alone, atol=1e-5), "maps change with their batch"


@check_for(KIND)
def measured_lengths_fit_the_points(generator: DensityGenerator) -> None:
    """``measure`` gives finite (N,) lengths; its sigma reproduces the map of the whole image."""
    fitted = _fitted(generator)
    size, stride = (32, 48), _strides(generator)[0]
    for number in (0, 1, 12):
        points = _example(8, size, number)
        lengths = fitted.measure(points, size)
        for name, values in lengths.items():
            assert values.shape == (number,), (
                f"{name}: shape {tuple(values.shape)}, not ({number},)"
            )
            assert values.isfinite().all(), f"{name} is not finite for {number} points"
        if "sigma" in lengths:
            measured = fitted([points], size, stride=stride, sigmas=[lengths["sigma"]])
            plain = fitted([points], size, stride=stride)
            assert torch.allclose(measured, plain, atol=1e-5), "measured sigmas change the map"


@check_for(KIND)
def same_points_same_bits(generator: DensityGenerator) -> None:
    """Two calls give the same bits."""
    fitted = _fitted(generator)
    size, stride = (32, 48), _strides(generator)[0]
    points = [_example(9, size, 15)]
    first = fitted(points, size, stride=stride)
    assert torch.equal(first, fitted(points, size, stride=stride)), "two calls differ"


@check_for(KIND)
def every_parameter_gets_a_gradient(generator: DensityGenerator) -> None:
    """The map depends differentiably on every trainable parameter."""
    copied = _fitted(generator)
    if not any(p.requires_grad for p in copied.parameters()):
        return
    side = 4 * _side_multiple(copied)
    size = (side, side)
    copied([_example(10, size, 6)], size, stride=_strides(copied)[0]).square().sum().backward()
    without = [n for n, p in copied.named_parameters() if p.requires_grad and p.grad is None]
    assert not without, f"no gradient reaches {', '.join(without)}"


@check_for(KIND)
def state_dict_round_trip(generator: DensityGenerator) -> None:
    """A copy that loads the state_dict gives the same maps, also of what was fitted."""
    size, stride = (32, 48), _strides(generator)[0]
    copied, fitted = copy.deepcopy(generator), _fitted(generator)
    copied.load_state_dict(fitted.state_dict())
    points = [_example(11, size, 8)]
    same = torch.equal(copied(points, size, stride=stride), fitted(points, size, stride=stride))
    assert same, "a reloaded copy gives another map"
