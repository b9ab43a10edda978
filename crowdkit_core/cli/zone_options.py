"""Options to count several parts of an image, and people per square metre."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.cli.output import say_once
from crowdkit_core.errors import UsageError

if TYPE_CHECKING:  # brings torch along
    from crowdkit_core.inference import Counted, Ground, Zones

_File = click.Path(dir_okay=False, path_type=Path)

_OPTIONS = (
    click.option(
        "--zones",
        type=_File,
        help="Also count each zone: JSON, GeoJSON, CVAT or LabelMe polygons, or a label image.",
    ),
    click.option(
        "--ground",
        type=_File,
        help="Points of the ground in metres (.json), for people per square metre.",
    ),
    click.option("--zones-csv", type=_File, help="Write a row per image and zone (.csv or .json)."),
    click.option(
        "--ground-densities",
        type=click.Path(file_okay=False, path_type=Path),
        help="With --ground: write a .npy map per image of people per square metre.",
    ),
)


def zone_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_zones(zones: Path | None, ground: Path | None) -> "tuple[Zones | None, Ground | None]":
    """What the files hold; says how well the ground fits what was measured.

    Raises:
        DataError: One cannot be read.
    """
    from crowdkit_core.inference import read_ground, read_zones

    found = None if zones is None else read_zones(zones)
    plane = None if ground is None else read_ground(ground)
    if plane is not None and plane.residual is not None:
        say_once(
            f"crowdkit: {plane.source}: {plane.points} points, which fit to {plane.residual:.2f} m"
        )
    return found, plane


def require_zones(
    *, zones: Path | None, ground: Path | None, table: Path | None, maps: Path | None
) -> None:
    """Refuse outputs of what is not asked for.

    Raises:
        UsageError: One is.
    """
    if table is not None and zones is None:
        raise UsageError("--zones-csv without --zones")
    if maps is not None and ground is None:
        raise UsageError("--ground-densities without --ground")


def zone_lines(counted: "Counted") -> list[str]:
    """A line for the area of an image without zones, or for each zone, to go below its count."""
    if counted.zones:
        levelled = counted.things == "people"
        return [
            "\t".join(
                [f"  {zone.name}", f"{zone.count:.1f}"]
                + _area(zone.square_metres, zone.per_square_metre)
                + ([str(zone.level)] if levelled and zone.level else [])
            )
            for zone in counted.zones
        ]
    area = _area(counted.square_metres, counted.per_square_metre)
    return ["\t".join(["  ground", *area])] if area else []


def _area(square_metres: float | None, per_square_metre: float | None) -> list[str]:
    if square_metres is None or per_square_metre is None:
        return []
    return [f"{square_metres:.1f} m²", f"{per_square_metre:.2f} per m²"]
