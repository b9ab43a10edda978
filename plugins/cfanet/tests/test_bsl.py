"""BSL: against torchmetrics' SSIM, values made by hand, and counters of other papers."""

import pytest
import torch
from crowdkit_cfanet.bsl import BSL, background_share, structural_loss
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F
from torchmetrics.functional.image import structural_similarity_index_measure

import crowdkit_core
from crowdkit_core.density import Fixed, sum_pool
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Prediction, Target, require_fit
from crowdkit_core.testing import check_loss
from crowdkit_core.testing.toys import ToyCounter

GENERATOR = Fixed(sigma=3.0)
NOBODY = torch.zeros(0, 2)
COUNTERS = {"mcnn": {}, "csrnet": {"backbone": "resnet18"}}


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def points(count: int, size, seed: int = 0) -> Tensor:
    return maps(count, 2, seed=seed) * torch.tensor([size[1], size[0]])


def similarity(x: Tensor, y: Tensor, **constants: float) -> Tensor:
    """Of maps that are zero beyond their border."""
    wide = [F.pad(each, [10] * 4) for each in (x, y)]
    _, full = structural_similarity_index_measure(
        *wide, sigma=1.5, data_range=1.0, return_full_image=True, **constants
    )
    return full[..., 10:-10, 10:-10].mean()


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_structure_is_the_mean_of_one_minus_ssim_over_halved_maps(levels) -> None:
    x, y = maps(1, 1, 32, 48), maps(1, 1, 32, 48, seed=1)
    parts, a, b = [], x, y
    for _ in range(levels):
        parts.append(1 - similarity(a, b))
        halves = [e.unflatten(-1, (-1, 2)).mean(-1).unflatten(2, (-1, 2)).mean(3) for e in (a, b)]
        a, b = halves
    found = structural_loss(x, y, levels=levels)
    torch.testing.assert_close(found[0], torch.stack(parts).mean(), rtol=1e-4, atol=1e-5)


def test_structure_of_odd_maps_keeps_the_last_row_and_column() -> None:
    x = torch.zeros(1, 1, 5, 5)
    other = x.clone()
    other[..., 4, 4] = 1.0
    changed = [structural_loss(x, other, levels=n).item() * n for n in (1, 2, 3)]
    assert changed[0] < changed[1] < changed[2]


def test_structure_weighs_cells_by_their_shares() -> None:
    x, y = maps(1, 1, 24, 24), maps(1, 1, 24, 24, seed=1)
    whole = structural_loss(x, y, shares=torch.ones(1, 1, 24, 24))
    torch.testing.assert_close(whole, structural_loss(x, y))
    assert structural_loss(x, y, shares=torch.zeros(1, 1, 24, 24)).item() == 0
    shares = torch.zeros(1, 1, 24, 24)
    shares[..., :4, :4] = 1
    far = y.clone()
    far[..., 18:, 18:] += 5  # no window or block of one level reaches the corner from there
    torch.testing.assert_close(
        structural_loss(x, y, shares=shares, levels=1),
        structural_loss(x, far, shares=shares, levels=1),
    )


def test_background_share_by_hand() -> None:
    crowd = torch.tensor([[[[True, False], [False, True]]]]).repeat(4, 1, 1, 1)
    density = torch.tensor(
        [
            [[[6.0, 1.0], [3.0, 10.0]]],  # 4 of 20 stand in the background
            [[[0.0, 0.25], [0.25, 0.0]]],
            [[[0.0, 0.0], [0.0, 0.0]]],
            [[[3.0, -5.0], [1.0, -9.0]]],  # 6 of 18, negative cells by their size
        ]
    )
    assert background_share(density, crowd).tolist() == pytest.approx([0.2, 1.0, 0.0, 1 / 3])


@given(people=st.floats(1e-20, 1e5), seed=st.integers(0, 99))
def test_background_share_cannot_be_lowered_by_seeing_fewer_people(people, seed) -> None:
    pattern, crowd = maps(1, 1, 6, 8, seed=seed), maps(1, 1, 6, 8, seed=seed + 1) < 0.5
    density = (pattern * people / pattern.sum()).requires_grad_()
    share = background_share(density, crowd)
    torch.testing.assert_close(share, background_share(pattern, crowd))
    share.backward()
    assert density.grad is not None
    assert (density.grad * density).sum().abs() <= 1e-6 * people  # nothing along the map itself
    assert density.grad.abs().max() <= 1
    assert (density.grad[~crowd] >= 0).all()
    assert (density.grad[crowd] <= 0).all()


def test_negative_background_is_no_hiding_place() -> None:
    density = torch.full((1, 1, 2, 2), -3.0, requires_grad=True)
    crowd = torch.tensor([[[[True, False], [False, True]]]])
    background_share(density, crowd).sum().backward()
    assert density.grad is not None
    assert (density.grad[~crowd] < 0).all()  # descending lifts it


def test_background_follows_from_the_people() -> None:
    """exp(-r^2 / 18) / 18 pi is 2.1e-5 at 11 pixels from a person and 5.9e-6 at 12."""
    target = Target([torch.tensor([[16.5, 16.5]])], (64, 64), Fixed(sigma=3.0, truncate=9.0))
    for stray, expected in (((16, 27), 0.0), ((16, 28), 0.5), ((50, 50), 0.5)):
        density = torch.zeros(1, 1, 64, 64)
        density[..., 16, 16] += 2.0
        density[..., stray[0], stray[1]] += 2.0
        terms = BSL()(Prediction.from_density(density, 1), target).terms
        assert terms["background"].item() == pytest.approx(expected)


def test_the_releases_scale_is_per_cell_and_the_printed_constants_are_options() -> None:
    size = (48, 64)
    density, target = maps(1, 1, 12, 16) * 0.1, Target([points(6, size)], size, GENERATOR)
    prediction = Prediction.from_density(density, 4)
    printed = {"c1": 0.01, "c2": 0.03}
    found = BSL(per="cell", **printed)(prediction, target).terms["structure"]
    wanted = structural_loss(50 * density, 50 * target.density(4), **printed)
    torch.testing.assert_close(found, wanted[0])
    per_pixel = BSL(scale=50.0 * 4**2, **printed)(prediction, target).terms["structure"]
    torch.testing.assert_close(found, per_pixel)
    x, y = maps(1, 1, 32, 48), maps(1, 1, 32, 48, seed=1)
    torch.testing.assert_close(
        structural_loss(x, y, levels=1, **printed)[0],
        1 - similarity(x, y, k1=0.1, k2=0.03**0.5),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("stride", [2, 4, 8])
def test_constants_mean_the_same_at_every_stride(stride) -> None:
    size = (48, 64)
    full, target = maps(1, 1, *size) * 0.02, Target([points(6, size)], size, GENERATOR)
    prediction = Prediction.from_density(sum_pool(full, stride), stride)
    found = BSL(levels=2)(prediction, target).terms["structure"]
    averages = [F.avg_pool2d(50 * each, stride) for each in (full, target.density(1))]
    torch.testing.assert_close(found, structural_loss(*averages, levels=2)[0])


def test_weights_and_terms() -> None:
    size = (32, 32)
    target = Target([points(3, size)], size, GENERATOR)
    prediction = Prediction.from_density(maps(1, 1, 32, 32), 1)
    one, three = BSL()(prediction, target), BSL(background=3.0)(prediction, target)
    assert set(one.terms) == {"structure", "background"}
    torch.testing.assert_close(three.terms["background"], 3 * one.terms["background"])
    torch.testing.assert_close(three.terms["structure"], one.terms["structure"])
    assert set(BSL(background=0.0)(prediction, target).terms) == {"structure"}


@settings(deadline=None, max_examples=20)
@given(
    sizes=st.lists(st.tuples(st.integers(4, 24), st.integers(4, 24)), min_size=1, max_size=3),
    stride=st.sampled_from([1, 2, 4]),
    with_roi=st.booleans(),
    seed=st.integers(0, 99),
)
def test_batch_is_the_mean_of_its_images(sizes, stride, with_roi, seed) -> None:
    whole = tuple(max(sides) for sides in zip(*sizes, strict=True))
    loss, people = BSL(), [points(i, size, seed + i) for i, size in enumerate(sizes)]
    roi = torch.zeros(len(sizes), *whole, dtype=torch.bool)
    density = torch.full((len(sizes), 1, *(-(-side // stride) for side in whole)), 7.0)
    singles = []
    for i, (height, width) in enumerate(sizes):
        inside = maps(1, height, width, seed=seed + i) < 0.8
        inside = inside if with_roi else torch.ones_like(inside)
        alone = maps(1, 1, -(-height // stride), -(-width // stride), seed=seed + i + 7)
        roi[i, :height, :width] = inside
        density[i, :, : alone.shape[-2], : alone.shape[-1]] = alone
        target = Target([people[i]], (height, width), GENERATOR, roi=inside if with_roi else None)
        singles.append(loss(Prediction.from_density(alone, stride), target).total)
    together = Target(people, whole, GENERATOR, roi=roi, sizes=sizes)
    found = loss(Prediction.from_density(density, stride), together).total
    torch.testing.assert_close(found, torch.stack(singles).mean(), rtol=1e-4, atol=1e-5)


def test_gradients() -> None:
    x, y = maps(2, 1, 9, 6).double().requires_grad_(), maps(2, 1, 9, 6, seed=1).double()
    shares = maps(2, 1, 9, 6, seed=2).double()
    assert torch.autograd.gradcheck(lambda d: structural_loss(d, y, shares=shares, window=5), x)
    assert torch.autograd.gradcheck(lambda d: background_share(d, y > 0.5), x)
    target = Target([points(2, (18, 12))] * 2, (18, 12), GENERATOR)
    assert torch.autograd.gradcheck(
        lambda d: BSL(window=5)(Prediction.from_density(d, 2), target).total, x
    )


@pytest.mark.parametrize("level", [0.0, 1e-8, 1e-3, 1.0])
def test_an_image_without_people_costs_nothing_where_nobody_is_seen(level) -> None:
    target = Target([NOBODY], (32, 32), GENERATOR)
    density = torch.full((1, 1, 32, 32), level).requires_grad_()
    terms = BSL()(Prediction.from_density(density, 1), target)
    terms.terms["background"].backward()
    assert density.grad is not None
    assert 0 <= density.grad.min().item() <= density.grad.max().item() <= 1
    assert terms.total.isfinite()
    assert (terms.total.item() == 0) == (level == 0)


def test_truth_has_the_right_structure() -> None:
    size = (40, 40)
    target = Target([points(5, size)], size, GENERATOR)
    for stride in (1, 4):
        terms = BSL()(Prediction.from_density(target.density(stride), stride), target).terms
        assert terms["structure"].item() == pytest.approx(0, abs=1e-5)
        assert terms["background"].item() < 1e-2


def test_minimising_it_finds_the_people() -> None:
    size = (32, 32)
    target = Target([points(4, size)], size, GENERATOR)
    raw = torch.full((1, 1, *size), -3.0).requires_grad_()
    optimizer, loss = torch.optim.Adam([raw], lr=0.3), BSL()
    for _ in range(150):
        optimizer.zero_grad()
        loss(Prediction.from_density(F.softplus(raw) / 50, 1), target).total.backward()
        optimizer.step()
    density = F.softplus(raw.detach()) / 50
    assert density.sum().item() == pytest.approx(4, abs=0.2)
    assert (density - target.density(1)).abs().sum().item() < 0.4


@pytest.mark.parametrize("name", COUNTERS)
def test_it_trains_counters_of_other_papers(name) -> None:
    counter = crowdkit_core.create("counter", name, **COUNTERS[name])
    loss = crowdkit_core.create("loss", "bsl")
    require_fit(loss, counter)
    people = [points(5, (64, 72)), NOBODY]
    total = loss(counter(maps(2, 3, 64, 72)), Target(people, (64, 72), GENERATOR)).total
    total.backward()
    assert total.isfinite()
    gradients = [each.grad for each in counter.parameters()]
    assert all(g is not None and bool(g.isfinite().all()) for g in gradients)
    assert any(bool(g.any()) for g in gradients)


@pytest.mark.parametrize(
    "options", [{}, {"background": 0.0}, {"levels": 1, "window": 5, "per": "cell", "c1": 0.01}]
)
def test_conformance(options) -> None:
    check_loss(crowdkit_core.create("loss", "bsl", **options))
    torch.manual_seed(0)
    check_loss(BSL(**options), counter=ToyCounter(width=6))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"levels": 0}, "levels is 0"),
        ({"scale": 0.0}, "scale is 0.0"),
        ({"c2": 0.0}, "c2 is 0.0"),
        ({"sigma": float("nan")}, "sigma is nan"),
        ({"background": -1.0}, "background is -1.0"),
        ({"window": 4}, "window is 4, must be odd"),
    ],
)
def test_options_out_of_range_are_named(options, message) -> None:
    with pytest.raises(OptionsError, match=message):
        BSL(**options)


def test_pure_count_is_refused() -> None:
    with pytest.raises(IncompatibleError, match="needs a density map"):
        BSL()(Prediction(count=torch.ones(1)), Target([NOBODY], (4, 4), GENERATOR))
