from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import DensityGenerator, MapSpec, Prediction, Target
from crowdkit_core.losses import L1, MSE, Reduction, absolute_error, squared_error

REDUCTIONS: tuple[Reduction, ...] = ("sum", "mean")


class Splat(DensityGenerator):
    """All of a person in the cell it stands in."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None) -> Tensor:
        maps = torch.zeros(len(points), 1, -(-size[0] // stride), -(-size[1] // stride))
        for image, each in enumerate(points):
            for x, y in each.tolist():
                maps[image, 0, int(y) // stride, int(x) // stride] += 1
        return maps


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_mean_is_the_mean_over_all_cells_of_equal_images() -> None:
    density, target = maps(3, 1, 4, 5), maps(3, 1, 4, 5, seed=1)
    torch.testing.assert_close(
        squared_error(density, target, reduction="mean"), F.mse_loss(density, target)
    )
    torch.testing.assert_close(
        absolute_error(density, target, reduction="mean"), F.l1_loss(density, target)
    )


def test_sum_is_over_the_cells_and_the_mean_over_images() -> None:
    density, target = maps(3, 1, 4, 5), maps(3, 1, 4, 5, seed=1)
    torch.testing.assert_close(
        squared_error(density, target), F.mse_loss(density, target, reduction="sum") / 3
    )
    torch.testing.assert_close(
        absolute_error(density, target), F.l1_loss(density, target, reduction="sum") / 3
    )


def test_hand_made_region() -> None:
    density = torch.tensor([[[[2.0, 4.0, 100.0]]]])
    target = torch.tensor([[[[1.0, 1.0, 0.0]]]])
    shares = torch.tensor([[[[1.0, 0.5, 0.0]]]])
    # people inside: 2, 2, 0; errors: 1, 1, 0; one and a half cells
    assert squared_error(density, target, shares=shares).item() == 2
    assert absolute_error(density, target, shares=shares, reduction="mean").item() == pytest.approx(
        2 / 1.5
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("error", [squared_error, absolute_error])
def test_empty_region_costs_nothing_and_has_a_gradient(error, reduction) -> None:
    density = maps(1, 1, 2, 2).requires_grad_()
    value = error(
        density, torch.zeros(1, 1, 2, 2), shares=torch.zeros(1, 1, 2, 2), reduction=reduction
    )
    value.backward()
    assert value.item() == 0
    assert density.grad is not None
    assert density.grad.abs().sum().item() == 0


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("error", [squared_error, absolute_error])
def test_gradients(error, reduction) -> None:
    density = maps(2, 1, 3, 3).double().requires_grad_()
    target = maps(2, 1, 3, 3, seed=1).double()
    shares = torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(2)).double()
    assert torch.autograd.gradcheck(
        lambda d: error(d, target, shares=shares, reduction=reduction), density
    )


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("loss_class", [MSE, L1])
@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 1000), batch=st.integers(1, 4), stride=st.sampled_from([1, 2, 4]))
def test_batch_is_the_mean_of_its_images(loss_class, reduction, seed, batch, stride) -> None:
    generator = torch.Generator().manual_seed(seed)
    size = (8, 12)
    points = [torch.rand(int(n), 2, generator=generator) * 8 for n in torch.arange(batch)]
    roi = torch.rand(batch, *size, generator=generator) > 0.3
    density = torch.randn(batch, 1, 8 // stride, 12 // stride, generator=generator)
    loss = loss_class(reduction=reduction)

    def value(images: slice) -> Tensor:
        prediction = Prediction.from_density(density[images], stride)
        return loss(prediction, Target(points[images], size, Splat(), roi=roi[images])).total

    singles = torch.stack([value(slice(i, i + 1)) for i in range(batch)])
    torch.testing.assert_close(value(slice(None)), singles.mean())


@pytest.mark.parametrize("loss", [MSE(), L1(), MSE(reduction="mean"), L1(reduction="mean")])
def test_zero_people_cost_what_is_predicted(loss) -> None:
    target = Target([torch.zeros(0, 2)], (4, 4), Splat())
    nothing = Prediction.from_density(torch.zeros(1, 1, 4, 4), 1)
    something = Prediction.from_density(torch.full((1, 1, 4, 4), 0.5), 1)
    assert loss(nothing, target).total.item() == 0
    assert loss(something, target).total.item() > 0


def test_padding_outside_the_region_changes_nothing() -> None:
    points, roi = torch.tensor([[1.5, 1.5]]), torch.zeros(1, 8, 8, dtype=torch.bool)
    roi[:, :4, :4] = True
    small = maps(1, 1, 4, 4)
    padded = F.pad(small, (0, 4, 0, 4), value=7.0)
    for reduction in REDUCTIONS:
        loss = MSE(reduction=reduction)
        alone = loss(Prediction.from_density(small, 1), Target([points], (4, 4), Splat())).total
        within = loss(
            Prediction.from_density(padded, 1), Target([points], (8, 8), Splat(), roi=roi)
        ).total
        torch.testing.assert_close(alone, within)


def test_scale_is_that_of_the_maps() -> None:
    density, points = maps(1, 1, 4, 4), [torch.tensor([[1.5, 2.5]])]
    target = Target(points, (4, 4), Splat())
    hundredfold, wanted = density * 100, target.density(1) * 100
    prediction = Prediction.from_density(density, 1)
    torch.testing.assert_close(
        MSE(reduction="mean", scale=100)(prediction, target).total, F.mse_loss(hundredfold, wanted)
    )
    torch.testing.assert_close(
        L1(reduction="mean", scale=100)(prediction, target).total, F.l1_loss(hundredfold, wanted)
    )


def test_terms_are_named() -> None:
    prediction = Prediction.from_density(torch.ones(1, 1, 4, 4), 1)
    target = Target([torch.zeros(0, 2)], (4, 4), Splat())
    assert set(MSE()(prediction, target).terms) == {"mse"}
    assert set(L1()(prediction, target).terms) == {"l1"}


@pytest.mark.parametrize("loss", [MSE(), L1()])
def test_pure_count_is_refused(loss) -> None:
    with pytest.raises(IncompatibleError, match="needs a density map"):
        loss(Prediction(count=torch.ones(1)), Target([torch.zeros(0, 2)], (4, 4), Splat()))


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("loss_class", [MSE, L1])
def test_scale_must_be_positive(loss_class, scale) -> None:
    with pytest.raises(OptionsError, match="must be positive"):
        loss_class(scale=scale)


OUTPUTS = {
    "density": MapSpec("density", 1),
    "coarse": MapSpec("density", 2),
    "attention": MapSpec("attention", 1),
}


def with_auxiliary(density: Tensor, **others: Tensor) -> Prediction:
    return replace(Prediction.from_density(density, 1, maps=others), outputs=OUTPUTS)


@pytest.mark.parametrize(("loss_class", "of_torch"), [(MSE, F.mse_loss), (L1, F.l1_loss)])
def test_auxiliary_maps_are_compared_at_their_own_strides(loss_class, of_torch) -> None:
    target = Target([torch.tensor([[1.5, 2.5]]), torch.zeros(0, 2)], (4, 4), Splat())
    fine, coarse = maps(2, 1, 4, 4), maps(2, 1, 2, 2, seed=1)
    prediction = with_auxiliary(fine, coarse=coarse, attention=maps(2, 1, 4, 4, seed=2))
    terms = loss_class(auxiliary=True)(prediction, target)
    main = of_torch(fine, target.density(1), reduction="sum") / 2
    other = of_torch(coarse, target.density(2), reduction="sum") / 2
    assert set(terms.terms) == {loss_class.__name__.lower(), "coarse"}
    torch.testing.assert_close(terms.terms["coarse"], other)
    torch.testing.assert_close(terms.total, main + other)
    torch.testing.assert_close(loss_class()(prediction, target).total, main)


def test_auxiliary_maps_share_scale_reduction_and_region() -> None:
    roi = torch.zeros(1, 4, 4, dtype=torch.bool)
    roi[:, :2, :3] = True
    target = Target([torch.zeros(0, 2)], (4, 4), Splat(), roi=roi)
    prediction = with_auxiliary(torch.zeros(1, 1, 4, 4), coarse=torch.full((1, 1, 2, 2), 2.0))
    terms = MSE(reduction="mean", scale=10, auxiliary=True)(prediction, target).terms
    # one whole cell with 2 people and half a cell with 1, over one and a half cells, hundredfold
    assert terms["coarse"].item() == pytest.approx(100 * (4 + 1) / 1.5)


def test_a_main_map_that_is_one_of_the_named_counts_once() -> None:
    target = Target([torch.zeros(0, 2)], (4, 4), Splat())
    density = torch.ones(1, 1, 4, 4)
    prediction = replace(
        Prediction.from_density(density, 1, maps={"fine": density}),
        outputs={"density": MapSpec("density", 1), "fine": MapSpec("density", 1)},
    )
    assert MSE(auxiliary=True)(prediction, target).total.item() == 16
