"""Weights files of the authors: their names here, and what of them is left out."""

import re
from collections.abc import Mapping
from math import isqrt
from typing import Any

from torch import Tensor

_BODIES = {"body1": 0, "body2": 13, "body3": 23, "body4": 33}
"""Where each part of the backbone begins in torchvision's ``vgg16_bn().features``."""

_LAYERS = {
    "fpn.P4_1": "pyramid.fine",
    "fpn.P5_1": "pyramid.coarse",
    "fpn.P4_2": "pyramid.smooth",
    **{
        f"{head}.{theirs}": f"{head}.{ours}"
        for head in ("regression", "classification")
        for theirs, ours in (("conv1", 0), ("conv2", 2), ("output", 4))
    },
}
_UNUSED = re.compile(r"fpn\.(P3_1|P3_2|P5_2)\.|(regression|classification)\.conv[34]\.")
_OF_BACKBONE = re.compile(r"backbone\.(body[1-4])\.(\d+)\.(\w+)")


def is_published(state: Mapping[str, Tensor]) -> bool:
    """Whether a file's keys are those of the authors' code."""
    return any(key.startswith("fpn.") for key in state)


def translate(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A published state under the names here, without the layers that nothing reads."""
    return {_renamed(key): value for key, value in state.items() if not _UNUSED.match(key)}


def published_options(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The sides of the square of reference points; nothing where they are no square."""
    channels = len(state["regression.output.bias"]) if "regression.output.bias" in state else 0
    side = isqrt(channels // 2)
    return {"rows": side, "columns": side} if side and 2 * side**2 == channels else {}


def _renamed(key: str) -> str:
    if of_backbone := _OF_BACKBONE.fullmatch(key):
        body, index, part = of_backbone.groups()
        return f"backbone.net.features_{_BODIES[body] + int(index)}.{part}"
    layer, _, part = key.rpartition(".")
    return f"{_LAYERS.get(layer, layer)}.{part}"
