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
no_resize_option: Callable[..., Any] = click.option(
    "--no-resize", is_flag=True, help="Count images in their own size."
)


def chosen_sizing(
    default: "Sizing", *, scale: float | None, long_side: int | None, no_resize: bool
) -> "Sizing":
    """What the options ask for, or else the sizes that suit the counter.

    Raises:
        UsageError: More than one is given, or a value is out of its range.
    """
    from crowdkit_core.data.transforms import Resizing

    given = {"--scale": scale is not None, "--long-side": long_side is not None}
    given["--no-resize"] = no_resize
    names = [name for name, there in given.items() if there]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)}: give one of them")
    if not names:
        return default
    side = None if long_side is None else (long_side, long_side)
    resizing = Resizing(long_side=side, scale=1.0 if scale is None else scale)
    return replace(default, resizing=resizing, check_heads=False)
