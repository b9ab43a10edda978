"""Options for files of many images, and for values of more than 8 bits."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from crowdkit_core.cli.options import Decorator
from crowdkit_core.cli.output import say_once
from crowdkit_core.errors import UsageError

if TYPE_CHECKING:  # brings torch along
    from crowdkit_core.inference import Model
    from crowdkit_core.inference.sources import Reading, Source
    from crowdkit_core.interfaces import ValueRange

PERCENTILE = "percentile"

_RANGE = "--range"


class CommandWithRange(click.Command):
    """A command whose ``--range`` takes two numbers, or one word."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse arguments, the two numbers of ``--range LOW HIGH`` joined first."""
        return super().parse_args(ctx, _joined(args))


frames_option: Decorator = click.option(
    "--frames",
    metavar="FRAMES",
    help="Of files of many images count these: a number from 0, or FIRST:END:STEP, as 0:100:10.",
)
channel_option: Decorator = click.option(
    "--channel",
    metavar="CHANNEL",
    help="Which channel of files of several: its number from 0, or its name in OME metadata.",
)
project_option: Decorator = click.option(
    "--project",
    metavar="max|mean",
    help="Count the planes of a stack as one image, projected over z; over time as max:t.",
)
range_option: Decorator = click.option(
    _RANGE,
    "value_range",
    metavar="LOW HIGH|percentile",
    help="What becomes black and white in files of more than 8 bits: two of their values, or "
    "percentiles of all images together. By default what the weights were trained on, and "
    "percentiles where they do not know.",
)


def chosen_range(text: str | None) -> "ValueRange | str | None":
    """A range, ``percentile``, or None where nobody asked for any.

    Raises:
        UsageError: It is none of them.

    Example:
        >>> print(chosen_range("200:4095"))
        200 to 4095
    """
    from crowdkit_core.interfaces import ValueRange

    if text is None or text == PERCENTILE:
        return text
    low, _, high = text.partition(":")
    try:
        return ValueRange(float(low), float(high))
    except UsageError:
        raise
    except ValueError:
        raise UsageError(
            f"--range {text!r}: expected two numbers, as --range 0 4095, or {PERCENTILE}"
        ) from None


def range_settings(text: str | None) -> list[str]:
    """``--range`` as the ``--set`` text of a data set's option; none where nobody asked.

    Raises:
        UsageError: As `chosen_range`.

    Example:
        >>> range_settings("200:4095")
        ['dataset.value_range=[200.0, 4095.0]']
    """
    asked = chosen_range(text)
    if asked is None or isinstance(asked, str):
        return [] if asked is None else [f"dataset.value_range={asked}"]
    return [f"dataset.value_range=[{asked.low!r}, {asked.high!r}]"]


def chosen_reading(
    known: "Reading",
    *,
    frames: str | None,
    channel: str | None,
    project: str | None,
    value_range: str | None,
) -> "Reading":
    """What is taken from files, by the options and else as a model knows it.

    Raises:
        UsageError: An option is not of its form.
    """
    from crowdkit_core.data.files.stacks import Selection, parse_frames, parse_projection
    from crowdkit_core.inference.sources import Reading

    asked = chosen_range(value_range)
    if asked == PERCENTILE:
        asked = None
    elif asked is None:
        asked = known.value_range
    selection = Selection(
        frames=None if frames is None else parse_frames(frames),
        channel=int(channel) if channel is not None and channel.isdecimal() else channel,
        projection=None if project is None else parse_projection(project),
    )
    return Reading(selection=selection, value_range=asked)  # type: ignore[arg-type]  # no text


def require_stacks(sources: "Sequence[Source]", **given: str | None) -> None:
    """Refuse options for stacks, by their names, where clips or cameras are counted.

    Raises:
        UsageError: One is given.
    """
    from crowdkit_core.inference.sources import is_video

    clips = [source for source in sources if is_video(source)]
    for option, value in given.items():
        if value is not None and clips:
            raise UsageError(
                f"--{option} is for stacks and animations, and {clips[0]} is none",
                hint="--every chooses frames of clips",
            )


def reading_files(model: "Model", sources: "Sequence[Source]") -> "Model":
    """The model with the range of values that it counts files with; says what is not obvious."""
    from crowdkit_core.data.files.stacks import decided_range
    from crowdkit_core.data.files.value_ranges import PERCENTILES
    from crowdkit_core.inference.sources import is_video

    reading = model.reading
    if reading.selection.projection is not None:
        say_once(f"crowdkit: each image is {reading.selection.projection} of its planes")
    if reading.value_range is not None:
        return model
    files = [source for source in sources if isinstance(source, Path) and not is_video(source)]
    decided = decided_range(files, reading.selection)
    if decided is None:
        return model
    low, high = PERCENTILES
    say_once(
        f"crowdkit: values {decided.values} become black to white in all images (percentiles "
        f"{low:g} and {high:g} of all frames together: {decided.frames}); --range sets others"
    )
    return replace(model, reading=replace(reading, value_range=decided.values))


def _joined(args: Sequence[str]) -> list[str]:
    """Arguments with ``--range LOW HIGH`` as ``--range LOW:HIGH``.

    Example:
        >>> _joined(["a.tif", "--range", "0", "4095", "--json"])
        ['a.tif', '--range', '0:4095', '--json']
    """
    joined = list(args)
    for index, argument in enumerate(args[:-2]):
        low, high = args[index + 1 : index + 3]
        if argument == _RANGE and _is_number(low) and _is_number(high):
            return [*joined[: index + 1], f"{low}:{high}", *joined[index + 3 :]]
    return joined


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
