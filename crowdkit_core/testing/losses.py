"""Check losses against their contract."""

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from crowdkit_core.data import collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import (
    Batch,
    Counter,
    Loss,
    LossTerms,
    Points,
    Prediction,
    Sample,
    Size,
    Target,
)
from crowdkit_core.interfaces import require_fit as _require_fit
from crowdkit_core.testing import signatures  # noqa: F401  # registers the common checks first
from crowdkit_core.testing.runner import check_for, run_checks
from crowdkit_core.testing.toys import ToyCounter, ToyDataset

KIND = Loss.kind
SIZE: Size = (64, 96)

_partners: dict[int, Counter] = {}


def check_loss(
    loss: Loss,
    *,
    counter: Counter | None = None,
    expected_failed_checks: Mapping[str, str] | None = None,
) -> None:
    """Check a loss against its contract.

    Args:
        loss: The instance to check.
        counter: Gives the predictions; a tiny one with a map of every kind by default.
        expected_failed_checks: Check name to the reason why it fails.

    Raises:
        ConformanceError: Lists every promise it breaks.
    """
    if counter is not None:
        _partners[id(loss)] = counter
    try:
        run_checks(loss, expected_failed_checks)
    finally:
        _partners.pop(id(loss), None)


def _counter(loss: Loss) -> Counter:
    torch.manual_seed(0)
    counter = _partners.get(id(loss)) or ToyCounter()
    try:
        _require_fit(loss, counter)
    except IncompatibleError as error:
        raise AssertionError(f"give check_loss a counter that fits: {error}") from error
    return counter.train()


def _images(number: int) -> Tensor:
    return torch.rand(number, 3, *SIZE, generator=torch.Generator().manual_seed(1))


def _points(number: int, seed: int) -> Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random) * torch.tensor([SIZE[1], SIZE[0]])


def _target(loss: Loss, points: Sequence[Tensor], roi: Tensor | None = None) -> Target:
    lengths = [dict(loss.measure(each, SIZE)) for each in points]
    images = torch.zeros(len(points), 3, *SIZE)
    return Target(points, SIZE, Fixed(sigma=4.0), roi=roi, lengths=lengths, images=images)


def _fitted(loss: Loss) -> Loss:
    loss.fit(ToyDataset(size=SIZE), Fixed(sigma=4.0))
    loss.start_epoch(0)
    return loss


def _leaf(prediction: Prediction) -> Prediction:
    """The same values as leaves of a new graph."""
    fresh = {name: m.detach().clone().requires_grad_() for name, m in prediction.maps.items()}
    density = prediction.density
    if density is not None:
        density = density.detach().clone().requires_grad_()
    return dataclasses.replace(
        prediction,
        density=density,
        maps=fresh,
        count=density.flatten(1).sum(1)
        if density is not None
        else prediction.count.detach().clone().requires_grad_(),
    )


def _part(prediction: Prediction, index: int) -> Prediction:
    cut = slice(index, index + 1)
    return dataclasses.replace(
        prediction,
        count=prediction.count[cut],
        density=None if prediction.density is None else prediction.density[cut],
        maps={name: m[cut] for name, m in prediction.maps.items()},
        counts={name: c[cut] for name, c in prediction.counts.items()},
    )


@check_for(KIND)
def terms_are_finite_scalars(loss: Loss) -> None:
    """`LossTerms` with at least one term; each a finite scalar, and the total too."""
    terms = _fitted(loss)(_counter(loss)(_images(2)), _target(loss, [_points(9, 0), _points(4, 1)]))
    assert isinstance(terms, LossTerms), f"forward returns {type(terms).__name__}, not LossTerms"
    assert terms.terms, "no named term"
    for name, value in {**terms.terms, "total": terms.total}.items():
        assert value.ndim == 0, f"{name} has shape {tuple(value.shape)}, not a scalar"
        assert value.isfinite(), f"{name} is {value.item()}"


@check_for(KIND)
def zero_people_are_fine(loss: Loss) -> None:
    """An image without people gives a finite loss with finite gradients."""
    prediction = _leaf(_counter(loss)(_images(1)))
    total = _fitted(loss)(prediction, _target(loss, [_points(0, 0)])).total
    assert total.isfinite(), f"loss of an image without people is {total.item()}"
    for gradient in _gradients(total, prediction):
        assert gradient is None or gradient.isfinite().all(), "gradient is not finite"


def _gradients(total: Tensor, prediction: Prediction) -> tuple[Tensor | None, ...]:
    """Of everything the loss may read; None where it does not."""
    return torch.autograd.grad(total, _leaves(prediction), allow_unused=True)


def _leaves(prediction: Prediction) -> list[Tensor]:
    leaves = [*prediction.maps.values()]
    if prediction.density is not None:
        leaves.append(prediction.density)
    elif prediction.count.requires_grad:
        leaves.append(prediction.count)
    return leaves


@check_for(KIND)
def prediction_gets_a_gradient(loss: Loss) -> None:
    """The total depends on the prediction."""
    prediction = _leaf(_counter(loss)(_images(1)))
    total = _fitted(loss)(prediction, _target(loss, [_points(9, 2)])).total
    assert total.requires_grad, "the total does not depend on the prediction"
    gradients = _gradients(total, prediction)
    assert any(g is not None and bool(g.any()) for g in gradients), "every gradient is zero"


@check_for(KIND)
def batch_is_the_mean_of_its_images(loss: Loss) -> None:
    """loss(batch) == mean of loss(image), unless the loss says that it divides by the batch."""
    if not loss.is_mean_of_images:
        return
    fitted = _fitted(loss)
    prediction = _leaf(_counter(loss)(_images(3)))
    points = [_points(12, 3), _points(0, 4), _points(5, 5)]
    together = fitted(prediction, _target(loss, points)).total.item()
    alone = [
        fitted(_part(prediction, i), _target(loss, [each])).total.item()
        for i, each in enumerate(points)
    ]
    mean = sum(alone) / len(alone)
    close = abs(together - mean) <= 1e-4 * max(1.0, abs(mean))
    assert close, f"a batch gives {together:.6g}, the mean of its images {mean:.6g}"


@check_for(KIND)
def padding_changes_nothing(loss: Loss) -> None:
    """Images of different sizes, one with a region, cost what they cost alone.

    One by one, and so that their batch costs the mean of them.
    """
    fitted = _fitted(loss)
    samples = _samples_of_different_sizes(fitted)
    batch = collate(samples)
    prediction = _leaf(_counter(loss)(batch.images))
    alone = [
        fitted(
            _unpadded(_part(prediction, i), sample.size),
            Target.from_batch(collate([sample]), Fixed(sigma=4.0)),
        ).total.item()
        for i, sample in enumerate(samples)
    ]
    for i, cost in enumerate(alone):
        target = Target.from_batch(_image_of(batch, i), Fixed(sigma=4.0))
        padded = fitted(_part(prediction, i), target).total.item()
        close = abs(padded - cost) <= 1e-4 * max(1.0, abs(cost))
        assert close, f"a padded image gives {padded:.6g}, without its padding {cost:.6g}"
    if not loss.is_mean_of_images:
        return
    together = fitted(prediction, Target.from_batch(batch, Fixed(sigma=4.0))).total.item()
    mean = sum(alone) / len(alone)
    close = abs(together - mean) <= 1e-4 * max(1.0, abs(mean))
    assert close, f"a padded batch gives {together:.6g}, the mean of its images {mean:.6g}"


def _image_of(batch: Batch, index: int) -> Batch:
    """One image of a batch, padded as there."""
    cut = slice(index, index + 1)
    return dataclasses.replace(
        batch,
        images=batch.images[cut],
        points=batch.points[cut],
        sizes=batch.sizes[cut],
        roi=None if batch.roi is None else batch.roi[cut],
        lengths=batch.lengths[cut],
        names=batch.names[cut],
    )


def _samples_of_different_sizes(loss: Loss) -> list[Sample]:
    samples = []
    for size, people in (((40, 56), 12), ((30, 64), 9), ((33, 23), 0)):
        random = torch.Generator().manual_seed(people)
        xy = torch.rand(people, 2, generator=random) * torch.tensor([size[1], size[0]])
        samples.append(
            Sample(
                name=f"{people} people",
                image=torch.rand(3, *size, generator=random),
                points=Points(xy, canvas_size=size),
                lengths=dict(loss.measure(xy, size)),
            )
        )
    roi = torch.ones(samples[1].size, dtype=torch.bool)
    roi[:, 37:] = False
    samples[1] = dataclasses.replace(samples[1], roi=roi)
    return samples


def _unpadded(prediction: Prediction, size: Size) -> Prediction:
    """What a counter would have to give for the image without its padding."""

    def cut(maps: Tensor, stride: int) -> Tensor:
        rows, columns = (-(-side // stride) for side in size)
        return maps[..., :rows, :columns]

    maps = {name: cut(m, prediction.outputs[name].stride) for name, m in prediction.maps.items()}
    if prediction.density is None or prediction.stride is None:
        return dataclasses.replace(prediction, maps=maps)
    density = cut(prediction.density, prediction.stride)
    count = prediction.count if prediction.direct_count else density.flatten(1).sum(1)
    return dataclasses.replace(prediction, density=density, maps=maps, count=count)


@check_for(KIND)
def gradients_are_derivatives(loss: Loss) -> None:
    """Gradients agree with finite differences in float64, unless the loss says they do not."""
    if not loss.gradient_is_derivative:
        return
    fitted, target = _fitted(loss), _target(loss, [_points(9, 8), _points(0, 9)])
    prediction = _leaf(_counter(loss)(_images(2)))
    leaves = tuple(leaf.detach().double().requires_grad_() for leaf in _leaves(prediction))

    def total(*values: Tensor) -> Tensor:
        terms: LossTerms = fitted(_with_leaves(prediction, values), target)
        return terms.total

    try:
        torch.autograd.gradcheck(total, leaves, fast_mode=True)
    except RuntimeError as error:
        raise AssertionError(f"gradients are wrong: {' '.join(str(error).split())}") from error


def _with_leaves(prediction: Prediction, leaves: Sequence[Tensor]) -> Prediction:
    """The prediction with other values, in the order of `_leaves`."""
    maps = dict(zip(prediction.maps, leaves, strict=False))
    rest = leaves[len(maps) :]
    if prediction.density is not None:
        (density,) = rest
        return dataclasses.replace(
            prediction, maps=maps, density=density, count=density.flatten(1).sum(1)
        )
    return dataclasses.replace(prediction, maps=maps, count=rest[0] if rest else prediction.count)


@check_for(KIND)
def only_the_region_counts(loss: Loss) -> None:
    """A density changed outside the region of interest leaves the loss as it is."""
    prediction = _leaf(_counter(loss)(_images(1)))
    if prediction.density is None or prediction.stride is None:
        return
    roi = torch.zeros(1, *SIZE, dtype=torch.bool)
    half = SIZE[1] // 2 // 8 * 8
    roi[..., :half] = True
    changed = prediction.density.detach().clone()
    changed[..., half // prediction.stride :] += 1.0
    target = _target(loss, [_points(9, 6)], roi)
    count = prediction.count_inside(roi)
    inside = dataclasses.replace(prediction, count=count)
    other = dataclasses.replace(inside, density=changed)
    fitted = _fitted(loss)
    before, after = fitted(inside, target).total.item(), fitted(other, target).total.item()
    close = abs(before - after) <= 1e-5 * max(1.0, abs(before))
    assert close, f"people outside the region change the loss from {before:.6g} to {after:.6g}"


@check_for(KIND)
def only_proposals_in_the_region_count(loss: Loss) -> None:
    """Points proposed from outside the region of interest leave the loss as it is."""
    prediction = _leaf(_counter(loss)(_images(1)))
    roi = torch.zeros(1, *SIZE, dtype=torch.bool)
    half = SIZE[1] // 2 // 8 * 8
    roi[..., :half] = True
    changed = dict(prediction.maps)
    for name, spec in prediction.outputs.items():
        if spec.kind in ("offsets", "proposals") and name in changed:
            changed[name] = changed[name].detach().clone()
            changed[name][..., half // spec.stride :] += torch.arange(spec.channels)[:, None, None]
    target, fitted = _target(loss, [_points(9, 6)], roi), _fitted(loss)
    other = dataclasses.replace(prediction, maps=changed)
    before, after = (fitted(each, target).total.item() for each in (prediction, other))
    close = abs(before - after) <= 1e-5 * max(1.0, abs(before))
    assert close, f"proposals outside the region change the loss from {before:.6g} to {after:.6g}"


@check_for(KIND)
def truth_is_preferred(loss: Loss) -> None:
    """Where only the density map is read, the target itself costs less than a wrong map."""
    if loss.needs != ("density",):
        return
    target = _target(loss, [_points(14, 7)])
    truth = target.density(4)
    wrong = 3 * truth.roll(5, dims=-1) + 0.05
    fitted = _fitted(loss)
    at_truth = fitted(Prediction.from_density(truth, 4), target).total.item()
    at_wrong = fitted(Prediction.from_density(wrong, 4), target).total.item()
    assert at_truth < at_wrong, f"the truth costs {at_truth:.6g}, a wrong map {at_wrong:.6g}"
