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
    "csv, json, txt, coco, cvat, labelme, label-studio, via-csv, via-json, nwpu-text"
)
"""Names of the formats of annotation files, written out so that help needs no torch."""

READ_FORMATS = f"{ANNOTATION_FORMATS}, make-sense, visdrone, voc, yolo"
"""The same with those that are read, but not written."""


def named_overrides(overrides: tuple[str, ...], **names: str | None) -> list[str]:
    """``--counter mcnn`` as ``counter.name=mcnn`` before the ``--set`` texts."""
    return [f"{kind}.name={name}" for kind, name in names.items() if name] + list(overrides)
