"""Check metrics against their contract."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from crowdkit_core.density import Fixed
from crowdkit_core.interfaces import LocalizedPoints, MapMetric, Metric, PointMetric, Size
from crowdkit_core.testing import signatures  # noqa: F401  # registers the common checks first
from crowdkit_core.testing.runner import check_for, run_checks

KIND = Metric.kind
SIZE: Size = (53, 71)
NOBODY = torch.zeros(0, 2)
FEW = torch.tensor([[12.0, 14.0], [60.0, 20.0]])
MORE = torch.tensor([[12.0, 14.0], [60.0, 20.0], [33.0, 30.0], [50.0, 42.0]])
ELSEWHERE = torch.tensor([[30.0, 45.0], [20.0, 40.0], [66.0, 8.0]])
BLUR = Fixed(sigma=4.0)


def check_metric(
    metric: Metric, *, expected_failed_checks: Mapping[str, str] | None = None
) -> None:
    """Check a metric against its contract.

    Raises:
        ConformanceError: Lists every promise it breaks.
    """
    run_checks(metric, expected_failed_checks)


@check_for(KIND)
def tables_can_show_it(metric: Metric) -> None:
    """A title on one line, decimals, and a kind of input that evaluation knows."""
    known = isinstance(metric, MapMetric | PointMetric)
    assert known, f"{type(metric).__name__} is neither a MapMetric nor a PointMetric"
    assert metric.title.strip(), "has no title"
    assert "\n" not in metric.title + metric.note, "title and note are one line each"
    assert metric.digits in range(10), f"digits is {metric.digits!r}, expected 0 to 9"


@check_for(KIND)
def numbers_have_their_form(metric: Metric) -> None:
    """(B,) numbers of maps, or a table of floats of points, with people and without."""
    if isinstance(metric, MapMetric):
        values = _of_maps(metric, [MORE, FEW, NOBODY], [FEW, NOBODY, NOBODY])
        assert isinstance(values, Tensor), f"gives {type(values).__name__}, expected a tensor"
        assert values.shape == (3,), f"gives shape {tuple(values.shape)} for 3 images"
        assert values.is_floating_point(), f"gives {values.dtype}, expected floats"
    elif isinstance(metric, PointMetric):
        for found, heads in (([MORE, FEW], [FEW, NOBODY]), ([NOBODY, NOBODY], [NOBODY, NOBODY])):
            _require_table(_of_points(metric, found, heads))


@check_for(KIND)
def agreement_is_best(metric: Metric) -> None:
    """What agrees with the annotation is better than what does not; see ``higher_is_better``."""
    agreeing, apart = _headlines(metric, MORE, MORE), _headlines(metric, ELSEWHERE, MORE)
    direction = "higher" if metric.higher_is_better else "lower"
    for name, best in agreeing.items():
        worse = apart.get(name)
        assert worse is not None, f"row {name!r} is missing where points are elsewhere"
        better = best > worse if metric.higher_is_better else best < worse
        assert better, f"{best:.6g} where all agrees, {worse:.6g} elsewhere, {direction} is better"


@check_for(KIND)
def images_do_not_see_each_other(metric: Metric) -> None:
    """Of maps: an image has the same value alone and in a batch."""
    if not isinstance(metric, MapMetric):
        return
    together = _of_maps(metric, [MORE, FEW], [FEW, ELSEWHERE])
    alone = [_of_maps(metric, [MORE], [FEW]), _of_maps(metric, [FEW], [ELSEWHERE])]
    same = torch.allclose(together, torch.cat(alone), rtol=1e-4, atol=1e-6, equal_nan=True)
    assert same, f"{together.tolist()} in a batch, {torch.cat(alone).tolist()} alone"


@check_for(KIND)
def only_the_region_counts(metric: Metric) -> None:
    """Of maps: whoever is seen outside the region changes nothing."""
    if not isinstance(metric, MapMetric):
        return
    roi = torch.zeros(1, *SIZE, dtype=torch.bool)
    roi[:, :, : SIZE[1] // 2] = True
    predicted, target = BLUR([MORE], SIZE), BLUR([FEW], SIZE)
    beside = torch.where(roi[:, None], predicted, predicted + 0.5)
    values = [metric.by_image(each, target, roi) for each in (predicted, beside)]
    same = torch.allclose(values[0], values[1], rtol=1e-4, atol=1e-6, equal_nan=True)
    assert same, f"{values[0].item():.6g} becomes {values[1].item():.6g} by people outside"


@check_for(KIND)
def order_of_images_does_not_matter(metric: Metric) -> None:
    """Of points: a data set has the same numbers in any order."""
    if not isinstance(metric, PointMetric):
        return
    found, heads = [MORE, FEW, NOBODY], [FEW, ELSEWHERE, FEW]
    forward = _of_points(metric, found, heads)
    backward = _of_points(metric, found[::-1], heads[::-1])
    for row, numbers in forward.items():
        for column, value in numbers.items():
            other = backward.get(row, {}).get(column, torch.nan)
            same = torch.allclose(torch.tensor(value), torch.tensor(other), equal_nan=True)
            assert same, f"{row} {column}: {value:.6g}, and {other:.6g} in another order"


def _of_maps(metric: MapMetric, found: Sequence[Tensor], heads: Sequence[Tensor]) -> Tensor:
    everywhere = torch.ones(len(found), *SIZE, dtype=torch.bool)
    return metric.by_image(BLUR(found, SIZE), BLUR(heads, SIZE), everywhere)


def _of_points(
    metric: PointMetric, found: Sequence[Tensor], heads: Sequence[Tensor]
) -> Mapping[str, Mapping[str, float]]:
    """No two points have the same score, and each image's scores descend."""
    ranked = [
        LocalizedPoints(xy, torch.tensor([0.9 - 0.2 * i - 0.01 * len(xy) for i in range(len(xy))]))
        for xy in found
    ]
    return metric.over_images(ranked, heads)


def _headlines(metric: Metric, found: Tensor, heads: Tensor) -> dict[str, float]:
    """What tables of many runs show."""
    if isinstance(metric, MapMetric):
        return {"": _of_maps(metric, [found], [heads]).item()}
    assert isinstance(metric, PointMetric)
    table = _of_points(metric, [found], [heads])
    return {row: next(iter(numbers.values())) for row, numbers in table.items()}


def _require_table(table: Mapping[str, Mapping[str, float]]) -> None:
    assert table, "gives no row"
    columns = [list(numbers) for numbers in table.values()]
    assert columns[0], "gives no column"
    assert all(each == columns[0] for each in columns), f"rows have different columns: {columns}"
    for numbers in table.values():
        for column, value in numbers.items():
            number = isinstance(value, float | int)
            assert number, f"{column} is {type(value).__name__}, expected a float"
