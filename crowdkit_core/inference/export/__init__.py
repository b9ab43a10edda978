"""Write a counter as an ONNX file, and compare its counts with those of torch."""

from crowdkit_core.inference.export.exporting import Exported, export
from crowdkit_core.inference.export.precision import (
    TOLERANCES,
    CalibrationMethod,
    Precision,
    Tolerance,
    WeightBits,
)

__all__ = [
    "TOLERANCES",
    "CalibrationMethod",
    "Exported",
    "Precision",
    "Tolerance",
    "WeightBits",
    "export",
]
