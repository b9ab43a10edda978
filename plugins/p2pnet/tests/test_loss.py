"""Both terms by hand and by torch, what is matched, and what becomes of images and crowds."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import (
    Loss,
    MapSpec,
    Prediction,
    Target,
    predict_points,
    require_fit,
)
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.testing.toys import ToyPointCounter

MIDDLE = {
    "offsets": MapSpec("offsets", 8, 2, references=((4.0, 4.0),), scored_by="proposals"),
    "proposals": MapSpec("proposals", 8, 2),
}


def make(**options: Any) -> Loss:
    return crowdkit_core.create("loss", "p2pnet", **options)


def predicted(offsets: Tensor, logits: Tensor) -> Prediction:
    """Of one point a cell, in the middle of 8 pixels; (B, 2, h, w) each."""
    return Prediction(
        count=torch.zeros(len(offsets)),
        maps={"offsets": offsets, "proposals": logits},
        outputs=MIDDLE,
    )


def drawn(images: int = 1, rows: int = 2, columns: int = 3, seed: int = 0) -> Prediction:
    random = torch.Generator().manual_seed(seed)
    offsets, logits = torch.randn(2, images, 2, rows, columns, generator=random)
    return predicted(4 * offsets, logits)


def target_of(*images: Tensor, size: tuple[int, int] = (16, 24), **options: Any) -> Target:
    return Target(images, size, Fixed(), **options)


def crowd(number: int, seed: int = 0) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random) * torch.tensor([24.0, 16.0])


@parametrize_with_checks([make(), make(normalise="image"), make(point_weight=0.0)])
def test_conformance(component: Loss, check: Callable[[Loss], None]) -> None:
    check(component)


def test_two_cells_by_hand() -> None:
    """One person, 3 pixels right and 4 below the left proposal, which is the surer one."""
    logits = torch.tensor([[[[0.0, 1.0]], [[2.0, 0.0]]]])
    prediction = predicted(torch.zeros(1, 2, 1, 2), logits)
    terms = make()(prediction, target_of(torch.tensor([[7.0, 8.0]]), size=(8, 16))).terms
    person = torch.tensor(2.0).exp()
    nobody = torch.tensor(1.0).exp()
    left, right = -(person / (1 + person)).log(), -(nobody / (1 + nobody)).log()
    torch.testing.assert_close(terms["classification"], (left + 0.5 * right) / 1.5)
    torch.testing.assert_close(terms["points"], torch.tensor(2e-4 * 25.0))


@given(people=st.integers(0, 12), seed=st.integers(0, 50), weight=st.sampled_from([0.0, 0.5, 2.0]))
def test_classification_is_torchs_weighted_mean(people: int, seed: int, weight: float) -> None:
    """Over all proposals of the batch; as many are people as there are pairs."""
    prediction = drawn(images=2, seed=seed)
    target = target_of(crowd(people, seed), crowd(3, seed + 1))
    # Costs of the score alone: the surest are matched, and labels are known without matching.
    loss = make(distance_cost=0.0, background_weight=weight)(prediction, target)
    logits = prediction.maps["proposals"].permute(0, 2, 3, 1).flatten(1, 2)
    labels = torch.zeros(2, 6, dtype=torch.long)
    for image, number in enumerate((people, 3)):
        best = logits[image].softmax(-1)[:, 1].argsort(descending=True)[:number]
        labels[image, best] = 1
    weights = torch.tensor([weight, 1.0])
    expected = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), weight=weights)
    torch.testing.assert_close(loss.terms["classification"], expected)


def test_distances_are_divided_by_the_people_of_the_batch_or_the_image() -> None:
    """Two people 1 pixel off in one image, one 2 pixels off in the other."""
    prediction = predicted(torch.zeros(2, 2, 1, 2), torch.zeros(2, 2, 1, 2))
    one = torch.tensor([[5.0, 4.0], [12.0, 3.0]])
    other = torch.tensor([[4.0, 6.0]])
    target = target_of(one, other, size=(8, 16))
    for normalise, expected in (("batch", (1 + 1 + 4) / 3), ("image", (1 + 4) / 2)):
        loss = make(point_weight=1.0, normalise=normalise)(prediction, target)
        assert loss.terms["points"].item() == pytest.approx(expected)


@given(seed=st.integers(0, 50))
def test_an_image_alone_costs_the_same_either_way(seed: int) -> None:
    prediction, target = drawn(seed=seed), target_of(crowd(4, seed))
    by_batch, by_image = (make(normalise=each)(prediction, target) for each in ("batch", "image"))
    torch.testing.assert_close(by_batch.total, by_image.total)


def test_more_people_than_proposals_leave_some_without() -> None:
    prediction = predicted(torch.zeros(1, 2, 1, 1), torch.zeros(1, 2, 1, 1))
    points = torch.tensor([[4.0, 4.0], [0.0, 4.0], [4.0, 0.0], [7.0, 7.0]])
    loss = make(point_weight=1.0)(prediction, target_of(points, size=(8, 8)))
    assert loss.terms["points"].item() == 0  # of 4 people, divided by them all
    assert loss.terms["classification"].item() == pytest.approx(torch.tensor(2.0).log().item())


@pytest.mark.parametrize("normalise", ["batch", "image"])
@pytest.mark.parametrize("people", [0, 1, 5000])
def test_any_crowd_has_a_finite_slope(people: int, normalise: str) -> None:
    prediction = drawn(images=2, rows=16, columns=16)
    leaves = [each.requires_grad_() for each in prediction.maps.values()]
    random = torch.Generator().manual_seed(1)
    points = 128 * torch.rand(people, 2, generator=random)
    target = target_of(points, torch.zeros(0, 2), size=(128, 128))
    total = make(normalise=normalise)(prediction, target).total
    assert total.isfinite()
    for gradient in torch.autograd.grad(total, leaves):
        assert gradient.isfinite().all()
        assert bool(gradient.any()) or people == 0


def test_images_without_a_reference_point_cost_nothing() -> None:
    """Of 3 pixels, where the only one of a cell is at 4."""
    prediction = predicted(torch.zeros(1, 2, 1, 1), torch.ones(1, 2, 1, 1).requires_grad_())
    loss = make()(prediction, target_of(torch.ones(1, 2), size=(3, 3)))
    assert loss.total.item() == 0
    loss.total.backward()


def test_padding_is_neither_matched_nor_background() -> None:
    """The right cell of the first image is padding, whose proposal lies on the person."""
    logits = torch.zeros(2, 2, 1, 2)
    logits[0, 1, 0, 1] = 5.0
    target = target_of(
        torch.tensor([[7.5, 4.0]]), torch.zeros(0, 2), size=(8, 16), sizes=[(8, 8), (8, 16)]
    )
    offsets = torch.zeros(2, 2, 1, 2)
    offsets[0, 0, 0, 1] = -4.5
    terms = make(point_weight=1.0, normalise="image")(predicted(offsets, logits), target).terms
    assert terms["points"].item() == pytest.approx(3.5**2 / 2)
    assert terms["classification"].item() == pytest.approx(torch.tensor(2.0).log().item())


def test_following_the_slope_finds_the_people() -> None:
    """Free maps, no network: the count is right, and every person has a point on them."""
    points = torch.tensor([[3.0, 3.0], [6.0, 12.0], [20.0, 5.0], [17.0, 14.0]])
    prediction, loss = drawn(seed=3), make(point_weight=1e-2)
    leaves = [each.requires_grad_() for each in prediction.maps.values()]
    optimizer = torch.optim.Adam(leaves, lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        loss(prediction, target_of(points)).total.backward()
        optimizer.step()
    found = predict_points(prediction.maps, MIDDLE, (16, 24), threshold=0.5).points[0].xy
    assert len(found) == len(points)
    assert torch.cdist(points, found).amin(1).max() < 0.1


def test_every_parameter_of_the_counter_learns() -> None:
    torch.manual_seed(0)
    counter = crowdkit_core.create("counter", "p2pnet", backbone="test_resnet", width=8)
    target = target_of(crowd(5), crowd(0), size=(32, 48))
    make()(counter(torch.rand(2, 3, 32, 48)), target).total.backward()
    slopes = {name: each.grad for name, each in counter.named_parameters()}
    assert all(slope is not None for slope in slopes.values())
    assert all(slopes[f"{head}.4.weight"].any() for head in ("regression", "classification"))


def test_half_precision_is_left_before_the_logarithms() -> None:
    prediction = drawn(rows=8, columns=8)
    half = predicted(*(each.bfloat16() for each in prediction.maps.values()))
    exact = predicted(*(each.float() for each in half.maps.values()))
    target = target_of(crowd(30), size=(64, 64))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = make()(half, target)
    torch.testing.assert_close(mixed.total, make()(exact, target).total, rtol=0, atol=0)


@pytest.mark.gpu
def test_a_gpu_gives_the_same_slope() -> None:
    slopes = []
    for device in ("cpu", "cuda"):
        maps = [each.to(device).requires_grad_() for each in drawn(rows=8, columns=8).maps.values()]
        target = target_of(crowd(30).to(device), size=(64, 64))
        total = make()(predicted(*maps), target).total
        slopes.append([each.cpu() for each in torch.autograd.grad(total, maps)])
    torch.testing.assert_close(*slopes)


def test_counters_that_propose_nothing_are_refused() -> None:
    density = crowdkit_core.create("counter", "mcnn")
    with pytest.raises(IncompatibleError, match=r"'p2pnet' needs a map of kind 'offsets'.*'mcnn'"):
        require_fit(make(), density)
    with pytest.raises(IncompatibleError, match="no map of kind 'offsets'"):
        make()(Prediction(count=torch.ones(1)), target_of(crowd(1)))


@pytest.mark.parametrize("name", ["mse", "deepcount"])
def test_losses_of_density_or_counts_are_refused_for_points(name: str) -> None:
    with pytest.raises(IncompatibleError, match=r"density.*does not give") as error:
        require_fit(crowdkit_core.create("loss", name), ToyPointCounter())
    assert error.value.hint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"point_weight": -1.0}, r"point_weight is -1\.0"),
        ({"background_weight": float("nan")}, "background_weight is nan"),
        ({"distance_cost": 0.0, "score_cost": 0.0}, "both costs are 0"),
        ({"normalise": "people"}, "normalise"),
    ],
)
def test_bad_input_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        make(**options)
