"""What an ONNX file says of itself: JSON under one key of its metadata."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crowdkit_core.inference.export.packages import package
from crowdkit_core.inference.export.precision import Precision
from crowdkit_core.inference.known import Known
from crowdkit_core.jsonable import jsonable

if TYPE_CHECKING:
    from crowdkit_core.inference.model import Model

KEY = "crowdkit"

FORMAT = 1
"""Raised when a reader of today would misread the file."""


def write_metadata(path: Path, model: "Model", precision: Precision) -> None:
    """Add to a graph what a program needs to count with it as the model does."""
    onnx = package("onnx")
    graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {KEY: json.dumps(_facts(model, precision))})
    onnx.save(graph, path)


def _facts(model: "Model", precision: Precision) -> dict[str, Any]:
    counter = model.counter
    given = {} if counter.origin is None else counter.origin.options
    return {
        "format": FORMAT,
        "counter": counter.registered_name,
        "options": jsonable({**counter.weights_options, **given}),
        "precision": precision,
        "normalization": "inside",
        "network": {
            "stride": counter.stride,
            "size_multiple": counter.size_multiple,
            "receptive_field": counter.receptive_field,
            "min_size": list(counter.min_size),
            "direct_count": counter.direct_count,
        },
        "known": _known(model, precision).as_table(),
    }


def _known(model: "Model", precision: Precision) -> Known:
    """Of int8 without what holds for counts of the weights alone, which differ by percents."""
    known = Known.of_model(model)
    return replace(known, weights="", calibration=None) if precision == "int8" else known
