"""Options that several commands share."""

from collections.abc import Callable
from typing import Any

import click

Decorator = Callable[..., Any]

set_option: Decorator = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Set an option of a component, such as counter.width=64 or dataset.root=DIR.",
)

device_option: Decorator = click.option(
    "--device", help="cpu, cuda, cuda:1, mps; a GPU if there is one by default."
)

precision_option: Decorator = click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bf16"]),
    default="auto",
    show_default=True,
    help="How the network is computed; auto: the quickest way on this machine that is known to "
    "change counts by less than a thousandth.",
)

weights_option: Decorator = click.option(
    "--weights",
    metavar="WEIGHTS",
    help="Its weights: a file, or the name of installed ones (`crowdkit list weights`).",
)

tile_option: Decorator = click.option(
    "--tile",
    default="auto",
    show_default=True,
    help="Side of a tile in pixels; auto tiles only large images, 0 never tiles.",
)

halo_option: Decorator = click.option(
    "--halo", type=int, help="Margin round each tile in pixels; what the counter needs by default."
)


ANNOTATION_FORMATS = (
    "csv, json, txt, coco, cvat, labelme, label-studio, via-csv, via-json, nwpu-text, napari, "
    "cell-counter, qupath-geojson"
)
"""Names of the formats of annotation files, written out so that help needs no torch."""

ONLY_READ_FORMATS = (
    "make-sense, visdrone, voc, yolo, imagej-results, imagej-table, imagej-roi, qupath-table, "
    "cellprofiler, ilastik, trackmate"
)
"""Those that are read, but not written."""

READ_FORMATS = f"{ANNOTATION_FORMATS}, {ONLY_READ_FORMATS}"
"""All of them."""


pixel_size_option: Decorator = click.option(
    "--pixel-size",
    type=float,
    metavar="LENGTH",
    help="Side of a pixel in the unit of the points, such as µm, where they are no pixels.",
)

planes_option: Decorator = click.option(
    "--planes",
    type=click.Choice(["one", "all"]),
    show_default="one",
    help="Whether points of several planes of a stack are refused, or all are the image's.",
)


def named_overrides(overrides: tuple[str, ...], **names: str | None) -> list[str]:
    """``--counter mcnn`` as ``counter.name=mcnn`` before the ``--set`` texts."""
    return [f"{kind}.name={name}" for kind, name in names.items() if name] + list(overrides)
