"""The option ``--columns``: what the columns of a table are called."""

from collections.abc import Callable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.errors import UsageError

if TYPE_CHECKING:  # data brings torch along
    from crowdkit_core.data.annotations import Columns

columns_option: Callable[..., Any] = click.option(
    "--columns",
    metavar="COLUMN=NAME,...",
    help="Columns of a csv, or keys of a json, that are not called image, x, y and score: "
    "image=filename,score=confidence.",
)


def columns_of(text: str | None) -> "Columns | None":
    """``image=filename,score=confidence`` as the names of columns; None for None.

    Raises:
        UsageError: It is not of that form, or there is no such column.

    Example:
        >>> columns_of("image=filename,score=confidence").score
        'confidence'
    """
    from crowdkit_core.data.annotations import Columns

    if text is None:
        return None
    known = [field.name for field in fields(Columns)]
    names = dict(part.partition("=")[::2] for part in text.split(","))
    for name, column in names.items():
        if name not in known or not column:
            raise UsageError(
                f"--columns {text!r}: expected such as image=filename,score=confidence",
                hint=f"columns: {', '.join(known)}",
            )
    return Columns(**names)
