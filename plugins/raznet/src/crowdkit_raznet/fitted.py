"""Which options a fusion threshold was fitted with, so that it is not used with others.

The threshold is right for the points it was fitted to. Deeper zooming, another peak threshold or
other regions find others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from math import inf

import torch
from jaxtyping import Int64
from torch import Tensor

from crowdkit_core.errors import IncompatibleError
from crowdkit_raznet.regions import RegionSearch

_ZOOMING = ("zoom_window", *(f"search.{each.name}" for each in fields(RegionSearch)))
OPTIONS = ("depth", "threshold", "refine", "window", "fit_each_part", *_ZOOMING)
_UNIT = 10**6  # of an option's value; whole numbers survive being saved in half precision

NEVER = torch.zeros(len(OPTIONS), dtype=torch.int64)
"""Of a threshold that was never fitted: an infinite one, or one set by hand."""

UNKNOWN = torch.full_like(NEVER, -1)
"""Of a threshold from a file that does not say with what, or fitted while zooming was off."""


def encoded(search: RegionSearch, **others: int | float) -> Int64[Tensor, " options"]:
    """Values of `OPTIONS`, to be saved with the threshold.

    Args:
        search: As of the counter.
        **others: The other options. Those of the zooming do nothing at a depth of 1: they are 0.
    """
    values = {**others, **{f"search.{name}": value for name, value in asdict(search).items()}}
    if others["depth"] == 1:
        values |= dict.fromkeys(_ZOOMING, 0)
    return torch.tensor([round(float(values[name]) * _UNIT) for name in OPTIONS])


def no_longer_valid(counter: str, changed: Sequence[str]) -> IncompatibleError:
    """Says what `differences` a threshold does not hold with, and the ways out."""
    return IncompatibleError(
        f"{counter}: the fusion threshold was fitted with {'; '.join(changed)}",
        hint="`crowdkit eval RUN` fits it again to the training images of RUN, `calibrate` in"
        " Python does; counter.count_by=average needs no threshold",
    )


def with_origin(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights from before it was recorded what their threshold was fitted with: that is unknown."""
    if "fitted_with" in state or "fusion_threshold" not in state:
        return dict(state)
    never = bool((state["fusion_threshold"] == inf).all())
    return {**state, "fitted_with": NEVER if never else UNKNOWN}


def differences(fitted: Int64[Tensor, " options"], now: Int64[Tensor, " options"]) -> list[str]:
    """What is no longer as it was, as ``depth 2, now 3``; empty for one that was never fitted."""
    before, after = fitted.tolist(), now.tolist()
    if before == NEVER.tolist():
        return []
    if before == UNKNOWN.tolist():
        return ["options that are not recorded"]
    zooming = min(before[0], after[0]) > _UNIT  # else the depth says it all
    return [
        f"{name} {one / _UNIT:g}, now {other / _UNIT:g}"
        for name, one, other in zip(OPTIONS, before, after, strict=True)
        if one != other and (zooming or name not in _ZOOMING)
    ]
