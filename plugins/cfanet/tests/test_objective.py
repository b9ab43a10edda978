"""The whole objective: its schedule, its sums, and its ablations."""

import dataclasses

import numpy as np
import pytest
import torch
from crowdkit_cfanet.bsl import BSL
from crowdkit_cfanet.objective import CFANetLoss, DensityLoss, Weights, weights_at
from crowdkit_cfanet.targets import density_quantiles
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import DataError, IncompatibleError, OptionsError, UsageError
from crowdkit_core.interfaces import Counter, MapSpec, Prediction, Target, require_fit
from crowdkit_core.testing import check_loss
from crowdkit_core.testing.toys import ToyCounter, ToyDataset

SIZE = (32, 48)
STRIDES = (8, 4, 2, 1)
GENERATOR = Fixed(sigma=3.0)
DATASET = ToyDataset(length=5, size=SIZE)


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def points(count: int, size=SIZE, seed: int = 0) -> Tensor:
    return maps(count, 2, seed=seed) * torch.tensor([size[1], size[0]])


def fitted(**options) -> CFANetLoss:
    loss = CFANetLoss(**options)
    loss.fit(DATASET, GENERATOR)
    return loss


class Attentive(Counter):
    """All maps of the paper, without a network: its outputs by stage, or some of them."""

    size_multiple = 8

    def __init__(self, *, coarse=True, fine=True, sides=3, classes=6) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 1)}
        self.outputs |= {f"density{i}": MapSpec("density", 1) for i in range(1, sides + 1)}
        for stage, stride in enumerate(STRIDES, start=1):
            if coarse:
                self.outputs[f"coarse{stage}"] = MapSpec("attention", stride)
            if fine:
                self.outputs[f"fine{stage}"] = MapSpec("classes", stride, classes)
        self.mix = nn.Conv2d(3, 1, 1)

    def forward(self, images: Tensor) -> Prediction:
        return self.of_values(self.mix(images))

    def of_values(self, values: Tensor) -> Prediction:
        """Every map a pooled copy of ``values``."""
        found = {}
        for name, spec in self.outputs.items():
            number = 4 if name == "density" else int(name[-1])
            pooled = F.avg_pool2d(values, spec.stride, ceil_mode=True)
            if spec.kind == "density":
                found[name] = pooled.abs() * 0.01 * number
            elif spec.kind == "attention":
                found[name] = (pooled * number).sigmoid()
            else:
                levels = torch.arange(float(spec.channels)).view(-1, 1, 1)
                found[name] = (levels * pooled).sin()
        return Prediction.from_density(found.pop("density"), 1, maps=found)


def prediction_of(count: int, size=SIZE, seed: int = 0, **parts) -> Prediction:
    torch.manual_seed(seed)
    return Attentive(**parts)(maps(count, 3, *size, seed=seed))


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [
        (0, (0.8, 0.3, 0.3)),
        (50, (0.9, 0.175, 0.3)),
        (100, (1.0, 0.05, 0.3)),
        (200, (1.0, 0.05, 0.175)),
        (300, (1.0, 0.05, 0.05)),
        (500, (1.0, 0.05, 0.05)),
    ],
)
def test_the_schedule_is_that_of_figure_4(epoch, expected) -> None:
    loss = CFANetLoss()
    loss.start_epoch(epoch)
    found = loss.weights
    assert (found.density, found.coarse, found.fine) == pytest.approx(expected)


def test_weights_move_the_terms_and_nothing_else() -> None:
    loss, prediction = fitted(), prediction_of(1)
    target = Target([points(5)], SIZE, GENERATOR)
    first = loss(prediction, target).terms
    loss.start_epoch(400)
    later = loss(prediction, target).terms
    factors = {"structure": 1.25, "background": 1.25, "coarse": 1 / 6, "fine": 1 / 6}
    assert set(first) == set(factors)
    for name, factor in factors.items():
        torch.testing.assert_close(later[name], factor * first[name])


@pytest.mark.parametrize("classes", [2, 4, 6, 8])
def test_every_sum_runs_over_all_stages(classes) -> None:
    """Once more, with numpy's classes, means of four centre pixels and torch's entropies."""
    ones = (Weights(epoch=0, density=1.0, coarse=1.0, fine=1.0),)
    loss, prediction = fitted(schedule=ones), prediction_of(2, classes=classes)
    target = Target([points(5), points(9, seed=1)], SIZE, GENERATOR)
    found = loss(prediction, target).terms

    density = target.density(1)
    values = torch.cat(
        [
            Target([DATASET.annotation(i).points], SIZE, GENERATOR).density(1).flatten()
            for i in range(len(DATASET))
        ]
    ).numpy()
    values = values[values >= 1e-5].astype(np.float64)
    borders = [1e-5, *np.quantile(values, np.arange(1, classes - 1) / (classes - 1))]
    levels = torch.from_numpy(np.digitize(density[:, 0].numpy(), borders))
    crowd = (density >= 1e-5).float()
    coarse = fine = torch.zeros(())
    for stage, stride in enumerate(STRIDES, start=1):
        centre = stride // 2
        low = max(centre - 1, 0)
        four = [crowd[..., r::stride, c::stride] for r in (low, centre) for c in (low, centre)]
        soft = torch.stack(four).mean(0)
        coarse = coarse + F.binary_cross_entropy(prediction.maps[f"coarse{stage}"], soft)
        hard = levels[:, centre::stride, centre::stride]
        fine = fine + F.cross_entropy(prediction.maps[f"fine{stage}"], hard)
    torch.testing.assert_close(found["coarse"], coarse)
    torch.testing.assert_close(found["fine"], fine, rtol=1e-3, atol=1e-3)

    sides = [prediction.density, *(prediction.maps[f"density{i}"] for i in (1, 2, 3))]
    alone = [BSL()(Prediction.from_density(each, 1), target).terms for each in sides]
    for name in ("structure", "background"):
        torch.testing.assert_close(found[name], sum(each[name] for each in alone))


def test_ablations_need_no_option() -> None:
    target, loss = Target([points(5)], SIZE, GENERATOR), fitted()
    full = loss(prediction_of(1), target).terms
    without_coarse = loss(prediction_of(1, coarse=False), target).terms
    without_fine = loss(prediction_of(1, fine=False), target).terms
    assert set(without_coarse) == {"structure", "background", "fine"}
    assert set(without_fine) == {"structure", "background", "coarse"}
    torch.testing.assert_close(without_fine["coarse"], full["coarse"])
    only = prediction_of(1, coarse=False, fine=False, sides=0)
    torch.testing.assert_close(loss(only, target).total, 0.8 * BSL()(only, target).total)


def test_another_loss_takes_the_place_of_bsl_on_every_density_map() -> None:
    """The paper's table 10: attention stays supervised, and so do the side maps."""
    part = DensityLoss(name="mse", options={"scale": 50.0})
    target, prediction = Target([points(5)], SIZE, GENERATOR), prediction_of(1)
    loss = fitted(density_loss=part)
    found = loss(prediction, target).terms
    mse = crowdkit_core.create("loss", "mse", scale=50.0)
    sides = [prediction.density, *(prediction.maps[f"density{i}"] for i in (1, 2, 3))]
    alone = [mse(Prediction.from_density(each, 1), target).total for each in sides]
    assert set(found) == {"mse", "coarse", "fine"}
    torch.testing.assert_close(found["mse"], 0.8 * sum(alone))
    with_bsl = fitted()(prediction, target).terms
    for name in ("coarse", "fine"):
        torch.testing.assert_close(found[name], with_bsl[name])


def test_what_a_density_loss_learns_and_measures_reaches_it() -> None:
    class Learning(BSL):
        def fit(self, dataset, density_generator) -> None:
            self.fitted = len(dataset)

        def measure(self, points, size):
            return {"x": points[:, 0]}

        def start_epoch(self, epoch: int) -> None:
            self.epoch = epoch

    part = Learning()
    loss = fitted(density_loss=part)
    loss.start_epoch(3)
    assert (part.fitted, part.epoch) == (len(DATASET), 3)
    assert set(loss.measure(points(2), SIZE)) == {"x"}


def test_a_density_loss_that_reads_other_maps_is_refused() -> None:
    class Needy(BSL):
        needs = ("density", "background")

    with pytest.raises(OptionsError, match="also reads background"):
        CFANetLoss(density_loss=Needy())


@settings(deadline=None, max_examples=15)
@given(
    sizes=st.lists(st.tuples(st.integers(8, 24), st.integers(8, 24)), min_size=1, max_size=3),
    with_roi=st.booleans(),
    seed=st.integers(0, 99),
)
def test_batch_is_the_mean_of_its_images(sizes, with_roi, seed) -> None:
    whole = tuple(max(sides) for sides in zip(*sizes, strict=True))
    loss, counter = fitted(), Attentive()
    people = [points(i, size, seed + i) for i, size in enumerate(sizes)]
    roi = torch.zeros(len(sizes), *whole, dtype=torch.bool)
    alone, singles = [], []
    for i, size in enumerate(sizes):
        inside = maps(1, *size, seed=seed + i) < 0.8
        inside = inside if with_roi else torch.ones_like(inside)
        roi[i, : size[0], : size[1]] = inside
        values = maps(1, 1, *size, seed=seed + i + 7) - 0.5
        prediction = dataclasses.replace(counter.of_values(values), outputs=counter.outputs)
        alone.append(prediction)
        target = Target([people[i]], size, GENERATOR, roi=inside if with_roi else None)
        singles.append(loss(prediction, target).total)
    cells = {n: tuple(-(-side // s.stride) for side in whole) for n, s in counter.outputs.items()}

    def together(name: str) -> Tensor:
        parts = [p.density if name == "density" else p.maps[name] for p in alone]
        height, width = cells[name]
        return torch.cat(
            [F.pad(p, (0, width - p.shape[-1], 0, height - p.shape[-2]), value=0.9) for p in parts]
        )

    batch = Prediction.from_density(
        together("density"), 1, maps={n: together(n) for n in alone[0].maps}
    )
    batch = dataclasses.replace(batch, outputs=counter.outputs)
    found = loss(batch, Target(people, whole, GENERATOR, roi=roi, sizes=sizes)).total
    torch.testing.assert_close(found, torch.stack(singles).mean(), rtol=1e-4, atol=1e-5)


def test_attention_outside_the_region_is_free() -> None:
    roi = torch.zeros(1, *SIZE, dtype=torch.bool)
    roi[..., :24] = True
    target, loss = Target([points(9)], SIZE, GENERATOR, roi=roi), fitted()
    before = prediction_of(1)
    changed = {name: each.clone() for name, each in before.maps.items()}
    for name, each in changed.items():
        each[..., 24 // before.outputs[name].stride :] = 0.3
    after = dataclasses.replace(before, maps=changed)
    torch.testing.assert_close(loss(after, target).total, loss(before, target).total)
    for each in changed.values():
        each[..., 0] = 0.3
    assert abs(loss(after, target).total - loss(before, target).total) > 1e-3


def test_gradients() -> None:
    loss = fitted(density_loss=BSL(levels=2)).double()
    target = Target([points(2, (8, 8))], (8, 8), GENERATOR)
    counter = Attentive(sides=1, classes=3)

    def total(values: Tensor) -> Tensor:
        prediction = dataclasses.replace(counter.of_values(values), outputs=counter.outputs)
        return loss(prediction, target).total

    values = (maps(1, 1, 8, 8).double() + 0.1).requires_grad_()
    assert torch.autograd.gradcheck(total, values)


def test_nobody_costs_a_finite_loss() -> None:
    counter = Attentive()
    values = maps(1, 1, *SIZE).requires_grad_()
    prediction = dataclasses.replace(counter.of_values(values), outputs=counter.outputs)
    total = fitted()(prediction, Target([torch.zeros(0, 2)], SIZE, GENERATOR)).total
    total.backward()
    assert total.isfinite()
    assert values.grad is not None
    assert bool(values.grad.isfinite().all())


def test_saturated_attention_costs_a_finite_loss() -> None:
    prediction = prediction_of(1)
    certain = {n: (m > 0.5).to(m) for n, m in prediction.maps.items() if n.startswith("coarse")}
    certain = {name: each.requires_grad_() for name, each in certain.items()}
    prediction = dataclasses.replace(prediction, maps={**prediction.maps, **certain})
    total = fitted()(prediction, Target([points(5)], SIZE, GENERATOR)).total
    total.backward()
    assert total.isfinite()
    assert all(bool(each.grad.isfinite().all()) for each in certain.values())


def test_mixed_precision_changes_little() -> None:
    loss, prediction = fitted(), prediction_of(1)
    target = Target([points(5)], SIZE, GENERATOR)
    expected = loss(prediction, target).total
    with torch.autocast("cpu", dtype=torch.bfloat16):
        exact = loss(prediction, target).total
        halved = {name: each.bfloat16() for name, each in prediction.maps.items()}
        rounded = loss(dataclasses.replace(prediction, maps=halved), target).total
    torch.testing.assert_close(exact, expected)
    assert rounded.dtype == torch.float32
    torch.testing.assert_close(rounded, expected, rtol=1e-2, atol=1e-2)


def test_levels_are_learned_before_they_are_used() -> None:
    loss, target = CFANetLoss(), Target([points(5)], SIZE, GENERATOR)
    with pytest.raises(UsageError, match="does not know the density levels"):
        loss(prediction_of(1), target)
    assert loss(prediction_of(1, fine=False), target).total.isfinite()


def test_levels_are_saved_with_the_training() -> None:
    first, second = fitted(), CFANetLoss()
    second.load_state_dict(first.state_dict())
    target, prediction = Target([points(5)], SIZE, GENERATOR), prediction_of(1)
    assert second(prediction, target).total.item() == first(prediction, target).total.item()
    torch.testing.assert_close(second.quantiles, density_quantiles(DATASET, GENERATOR))


def test_a_dataset_without_people_is_named() -> None:
    with pytest.raises(DataError, match="nobody is in the 1 images of split 'train'"):
        CFANetLoss().fit(ToyDataset(length=1), GENERATOR)


def test_a_generator_without_full_resolution_is_named() -> None:
    class Coarse(Fixed):
        strides = frozenset({4, 8})

    with pytest.raises(IncompatibleError, match=r"'CFANetLoss' needs maps at stride 1.*'Coarse'"):
        CFANetLoss().fit(DATASET, Coarse())


@pytest.mark.parametrize("name", ["mcnn", "csrnet"])
def test_it_fits_counters_of_other_papers(name) -> None:
    options = {"backbone": "resnet18"} if name == "csrnet" else {}
    counter = crowdkit_core.create("counter", name, **options)
    loss = crowdkit_core.create("loss", "cfanet")
    require_fit(loss, counter)
    target = Target([points(5, (64, 64))], (64, 64), GENERATOR)
    assert set(loss(counter(maps(1, 3, 64, 64)), target).terms) == {"structure", "background"}


def test_unfit_counters_are_named() -> None:
    with pytest.raises(IncompatibleError, match="'fine1' of at least 2 classes"):
        require_fit(CFANetLoss(), Attentive(classes=1))
    with pytest.raises(IncompatibleError, match="needs a density map"):
        CFANetLoss()(Prediction(count=torch.ones(1)), Target([points(1)], SIZE, GENERATOR))
    unnamed = dataclasses.replace(prediction_of(1), outputs={})
    with pytest.raises(IncompatibleError, match="cannot tell what the map 'density1' is"):
        fitted()(unnamed, Target([points(1)], SIZE, GENERATOR))


def test_schedules_are_options() -> None:
    schedule = [
        {"epoch": 0, "density": 1.0, "coarse": 2.0, "fine": 4.0},
        {"epoch": 10, "density": 1.0, "coarse": 0.0, "fine": 0.0},
    ]
    loss = crowdkit_core.create("loss", "cfanet", schedule=schedule, attention_targets="nearest")
    loss.start_epoch(5)
    assert loss.weights == Weights(epoch=5, density=1.0, coarse=1.0, fine=2.0)
    assert weights_at(loss.schedule, 99).fine == 0


@pytest.mark.parametrize("epochs", [(), (0, 0), (5, 3)])
def test_schedules_ascend(epochs) -> None:
    schedule = tuple(Weights(epoch=e, density=1.0, coarse=1.0, fine=1.0) for e in epochs)
    with pytest.raises(OptionsError, match="ascending"):
        CFANetLoss(schedule=schedule)


def test_weights_are_not_negative() -> None:
    with pytest.raises(OptionsError, match="at least 0"):
        CFANetLoss(schedule=(Weights(epoch=0, density=1.0, coarse=-1.0, fine=1.0),))


@pytest.mark.parametrize("options", [{}, {"attention_targets": "nearest"}])
def test_conformance(options) -> None:
    torch.manual_seed(0)
    check_loss(crowdkit_core.create("loss", "cfanet", **options), counter=ToyCounter())
    check_loss(CFANetLoss(**options), counter=Attentive())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [("cfanet", {"classes": 4}), ("cfanet", {"crr": False, "supervision": 2}), ("marunet", {})],
)
def test_conformance_with_the_networks(name, options) -> None:
    counter = crowdkit_core.create("counter", name, **options)
    check_loss(CFANetLoss(), counter=counter)
