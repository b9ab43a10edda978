"""Options for the size in which images are counted."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.errors import UsageError

if TYPE_CHECKING:  # brings torch along
    from crowdkit_core.inference import Sizing

scale_option: Callable[..., Any] = click.option(
    "--scale", type=float, help="Count images this many times their size."
)
long_side_option: Callable[..., Any] = click.option(
    "--long-side", type=int, help="Count images with their longer side this many pixels long."
)


def chosen_sizing(default: "Sizing", *, scale: float | None, long_side: int | None) -> "Sizing":
    """What the options ask for, or else the sizes of the model.

    Raises:
        UsageError: Both are given, or a value is out of its range.
    """
    from crowdkit_core.data.transforms import Resizing

    if scale is not None and long_side is not None:
        raise UsageError("--scale and --long-side: give one of them")
    if scale is None and long_side is None:
        return default
    side = None if long_side is None else (long_side, long_side)
    resizing = Resizing(long_side=side, scale=1.0 if scale is None else scale)
    return replace(default, resizing=resizing, check_heads=False)
