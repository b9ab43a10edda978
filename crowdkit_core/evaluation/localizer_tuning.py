"""Choose a localizer's options on annotated images."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import torch
from torch import Tensor

from crowdkit_core.cards import ChosenLocalizer
from crowdkit_core.errors import UsageError
from crowdkit_core.evaluation.bootstrap import Estimate, resampling_weights
from crowdkit_core.evaluation.image_result import found_points, predict_sample
from crowdkit_core.evaluation.matching_radii import lengths_inside
from crowdkit_core.evaluation.objectives import Objective
from crowdkit_core.inference.count import AS_GIVEN, TileSide
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.interfaces import (
    Counter,
    Dataset,
    Localizer,
    evaluating,
    points_inside,
    require_fit,
)
from crowdkit_core.localization.tried import tried_values
from crowdkit_core.registry import create
from crowdkit_core.registry.lookup import find

Options = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedSetting:
    """Options of a localizer, and how good they are.

    Attributes:
        options: Those that were searched or fixed.
        score: With its interval over images.
    """

    options: Options
    score: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """What a search found.

    Attributes:
        localizer: Registered name.
        by: What was to be great.
        settings: All that were tried, in the order of the grid.
        best: The one with the greatest score, of equal ones the first.
        untuned: The localizer with nothing but the fixed options.
        gain: How much better the best is than the untuned one on the same images.
        images: How many images there were.
    """

    localizer: str
    by: str
    settings: tuple[TriedSetting, ...]
    best: TriedSetting
    untuned: TriedSetting
    gain: Estimate
    images: int

    def chosen(self, dataset: Dataset, sizing: Sizing = AS_GIVEN) -> ChosenLocalizer:
        """The best setting with what it was chosen on, to be kept beside weights or in a card."""
        return ChosenLocalizer(
            name=self.localizer,
            options=dict(self.best.options),
            by=self.by,
            value=self.best.score.value,
            interval=(self.best.score.low, self.best.score.high),
            dataset=dataset.registered_name,
            split=dataset.split,
            images=self.images,
            sizes=sizing.described(),
        )


def tune_localizer(
    counter: Counter,
    dataset: Dataset,
    *,
    localizer: str = "local-maxima",
    options: Options | None = None,
    tried: Mapping[str, Sequence[Any]] | None = None,
    by: str = "f1@8",
    device: torch.device | str | None = None,
    tile: TileSide = None,
    sizing: Sizing = AS_GIVEN,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Tuning:
    """Try every combination of options and keep the best.

    Each image goes through the counter once and is forgotten when all settings have found their
    points in it: what is kept of it are three numbers a setting. The score of the best, having
    been chosen on these images, is on average too good; others tell what it is worth.

    Args:
        counter: Any counter; its mode is restored afterwards.
        dataset: Images that the counter was not trained on.
        localizer: Registered name.
        options: Fixed ones; they are not searched.
        tried: Values of options to search; by default those that the localizer declares
            (`localization.Tried`) and that are not fixed.
        by: ``precision``, ``recall`` or ``f1``, an ``@``, and pixels, ``sigma_s`` or ``sigma_l``.
        device: As of `evaluate`.
        tile: As of `evaluate`.
        sizing: As of `evaluate`.
        seed: Of the bootstrap.
        progress: Called with how many images are done, and of how many.

    Raises:
        UnknownComponentError: No localizer has this name.
        OptionsError: An option cannot have a value.
        UsageError: There is nothing to search, no image, nobody in any, or ``by`` is no objective
            or needs boxes that are not there.
        IncompatibleError: The counter lacks what the localizer needs.
        DataError: An image cannot be read.
    """
    objective = Objective.of(by)
    fixed = dict(options or {})
    grid = _grid(localizer, fixed, tried)
    localizers = [create("localizer", localizer, **each) for each in (fixed, *grid)]
    require_fit(localizers[0], counter)
    _require_heads(dataset, objective)
    sums = []
    with evaluating(counter, device) as where:
        for index in range(len(dataset)):
            sums.append(_sums(counter, dataset, index, localizers, objective, where, tile, sizing))
            if progress is not None:
                progress(index + 1, len(dataset))
    each = torch.stack(sums, 1)  # (settings, images, 3)
    weights = resampling_weights(len(dataset), seed=seed)
    values, resampled = objective.value(each.sum(1)), objective.value(weights @ each)
    untuned, *settings = (
        TriedSetting(options=option, score=Estimate.of(value, draws))
        for option, value, draws in zip((fixed, *grid), values, resampled, strict=True)
    )
    best = int(values[1:].argmax()) + 1
    return Tuning(
        localizer=localizer,
        by=by,
        settings=tuple(settings),
        best=settings[best - 1],
        untuned=untuned,
        gain=Estimate.of(values[best] - values[0], resampled[best] - resampled[0]),
        images=len(dataset),
    )


def _grid(
    localizer: str, fixed: Options, tried: Mapping[str, Sequence[Any]] | None
) -> list[dict[str, Any]]:
    """Every combination, the last option varying fastest."""
    found = find("localizer", localizer)
    declared = tried_values(found.factory, found.label)
    searched = {
        name: tuple(values)
        for name, values in (declared if tried is None else tried).items()
        if name not in fixed
    }
    if not searched or not all(searched.values()):
        raise UsageError(
            f"{found.label}: there is nothing to search",
            hint=f"name an option and its values: --try OPTION=VALUE,VALUE; declared are: "
            f"{', '.join(declared) or 'none'}",
        )
    return [
        {**fixed, **dict(zip(searched, values, strict=True))}
        for values in product(*searched.values())
    ]


def _require_heads(dataset: Dataset, objective: Objective) -> None:
    annotations = (dataset.annotation(index) for index in range(len(dataset)))
    first = next((each for each in annotations if len(each.points)), None)
    if first is None:
        raise UsageError(
            f"{dataset.label}: there is nobody in its {len(dataset)} {dataset.split} images to "
            "tune on"
        )
    objective.require(first)


def _sums(
    counter: Counter,
    dataset: Dataset,
    index: int,
    localizers: Sequence[Localizer],
    objective: Objective,
    device: torch.device,
    tile: TileSide,
    sizing: Sizing,
) -> Tensor:
    """(settings, 3) what one image adds."""
    sample = dataset[index]
    shown = predict_sample(counter, sample, device, tile=tile, sizing=sizing)
    points = sample.points.as_subclass(Tensor)
    inside = points_inside(points, sample.roi)
    lengths = lengths_inside(sample.lengths, inside)
    rows = []
    for localizer in localizers:
        found = found_points(sample, shown, localizer)
        assert found is not None  # there is a localizer
        rows.append(objective.sums(found.xy, points[inside], lengths))
    return torch.stack(rows)
