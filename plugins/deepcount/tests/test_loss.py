"""The loss by hand, on other counters, and inside a region."""

import pytest
import torch
from crowdkit_deepcount.loss import DeepCountLoss
from crowdkit_deepcount.model import DeepCount
from torch import Tensor

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Counter, MapSpec, Prediction, Target, require_fit
from crowdkit_core.testing import check_loss
from crowdkit_core.testing.toys import ToyCounter

DOTS = Fixed(sigma=0.0)
SPECS = {
    "density": MapSpec("density", 8),
    "fine": MapSpec("density", 8),
    "coarse": MapSpec("density", 16),
    "mask": MapSpec("attention", 8),
}


def target(*points: list[list[float]], roi: Tensor | None = None) -> Target:
    xy = [torch.tensor(each).reshape(-1, 2) for each in points]
    return Target(xy, (16, 32), DOTS, roi=roi)


def by_hand(*, direct_count: bool = True, **maps: Tensor) -> Prediction:
    """Two people in the left half, at (4, 4) and (12, 12), would be right."""
    return Prediction(
        count=torch.tensor([5.0]),
        density=maps.get("fine"),
        stride=8 if "fine" in maps else None,
        maps=maps,
        outputs=SPECS,
        direct_count=direct_count,
    )


PEOPLE = [[4.0, 4.0], [12.0, 12.0]]
FINE = torch.tensor([[[[0.5, 0.0, 0.0, 0.0], [0.0, 1.0, -0.25, 0.0]]]])  # errors 0.5 and 0.25
COARSE = torch.tensor([[[[1.0, 3.0]]]])  # errors 1 and 3
MASK = torch.ones(1, 1, 2, 4)


def test_by_hand() -> None:
    terms = DeepCountLoss()(by_hand(fine=FINE, coarse=COARSE, mask=MASK), target(PEOPLE))
    assert {name: term.item() for name, term in terms.terms.items()} == pytest.approx(
        {"count": 0.005 * 16 * 3, "fine": 0.005 * 0.75, "coarse": 0.005 * 4}
    )
    assert terms.total.item() == pytest.approx(0.005 * (48 + 0.75 + 4))


def test_the_reference_does_not_halve() -> None:
    prediction = by_hand(fine=FINE, coarse=COARSE)
    terms = DeepCountLoss(preset="reference", omega=0.1, beta=2.0)(prediction, target(PEOPLE))
    assert terms.total.item() == pytest.approx(0.1 * (6 + 0.75 + 4))


def test_a_main_map_of_its_own_is_a_term_too() -> None:
    prediction = Prediction.from_density(FINE, 8)
    terms = DeepCountLoss(omega=2.0, beta=1.0)(prediction, target(PEOPLE))
    assert {name: term.item() for name, term in terms.terms.items()} == pytest.approx(
        {"count": 0.75, "density": 0.75}
    )


def test_a_pure_count() -> None:
    terms = DeepCountLoss()(by_hand(), target(PEOPLE))
    assert terms.terms.keys() == {"count"}
    assert terms.total.item() == pytest.approx(0.005 * 48)


def test_only_the_region_counts() -> None:
    roi = torch.zeros(1, 16, 32, dtype=torch.bool)
    roi[..., :16] = True
    with_stranger = target([*PEOPLE, [30.0, 2.0]], roi=roi)
    terms = DeepCountLoss(omega=2.0, beta=1.0)(by_hand(fine=FINE, coarse=COARSE), with_stranger)
    assert terms.terms["fine"].item() == pytest.approx(0.5)
    assert terms.terms["coarse"].item() == pytest.approx(1.0)
    assert terms.terms["count"].item() == pytest.approx(3.0)


def test_the_count_of_a_map_is_what_it_shows_inside() -> None:
    roi = torch.zeros(1, 16, 32, dtype=torch.bool)
    roi[..., :16] = True
    prediction = by_hand(fine=FINE, direct_count=False)
    terms = DeepCountLoss(omega=2.0, beta=1.0)(prediction, target(PEOPLE, roi=roi))
    assert terms.terms["count"].item() == pytest.approx(0.5)


@pytest.mark.parametrize("preset", ["paper", "reference"])
def test_conformance(preset: str) -> None:
    check_loss(crowdkit_core.create("loss", "deepcount", preset=preset))


def test_conformance_with_its_counter() -> None:
    torch.manual_seed(0)
    counter = DeepCount(tile=(128, 128), branches=(1, 5))
    check_loss(crowdkit_core.create("loss", "deepcount"), counter=counter)


def test_every_branch_is_a_term_once() -> None:
    torch.manual_seed(0)
    counter = DeepCount(tile=(128, 128), branches=(2, 4, 5))
    prediction = counter(torch.rand(1, 3, 128, 128))
    people = Target([torch.rand(7, 2) * 128], (128, 128), Fixed(sigma=5.0))
    terms = DeepCountLoss()(prediction, people).terms
    assert terms.keys() == {"count", "branch2", "branch4", "branch5"}


def test_it_trains_another_counter_with_an_auxiliary_map() -> None:
    torch.manual_seed(0)
    counter = ToyCounter()
    loss = DeepCountLoss()
    require_fit(loss, counter)
    images = torch.rand(2, 3, 64, 64)
    people = Target([torch.rand(9, 2) * 64, torch.rand(4, 2) * 64], (64, 64), Fixed(sigma=4.0))
    optimizer = torch.optim.Adam(counter.parameters(), lr=1e-2)
    totals = []
    for _ in range(30):
        terms = loss(counter(images), people)
        optimizer.zero_grad()
        torch.autograd.backward(terms.total)
        optimizer.step()
        totals.append(terms.total.item())
    assert terms.terms.keys() == {"count", "density", "coarse"}
    assert totals[-1] < 0.5 * totals[0]


class PureCounter(Counter):
    direct_count = True
    outputs = {}  # noqa: RUF012

    def forward(self, images: Tensor) -> Prediction:
        return Prediction(count=images.mean((1, 2, 3)))


def test_it_fits_the_backbone_alone() -> None:
    require_fit(DeepCountLoss(), PureCounter())


def test_a_map_nobody_declared_is_named() -> None:
    prediction = Prediction(count=torch.zeros(1), maps={"heat": MASK})
    with pytest.raises(IncompatibleError, match="'heat'"):
        DeepCountLoss()(prediction, target(PEOPLE))


@pytest.mark.parametrize("options", [{"omega": 0.0}, {"beta": -1.0}, {"omega": float("nan")}])
def test_impossible_options(options: dict[str, float]) -> None:
    with pytest.raises(OptionsError, match=next(iter(options))):
        crowdkit_core.create("loss", "deepcount", **options)
