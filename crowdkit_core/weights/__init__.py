"""Weights files: read safely, checked against the architecture, written atomically."""

from crowdkit_core.weights.files import (
    WeightsFile,
    read_weights,
    save_half,
    save_weights,
)
from crowdkit_core.weights.headers import VALUE_RANGE, written_header
from crowdkit_core.weights.keys import strip_prefixes
from crowdkit_core.weights.matching import load_matching

__all__ = [
    "VALUE_RANGE",
    "WeightsFile",
    "load_matching",
    "read_weights",
    "save_half",
    "save_weights",
    "strip_prefixes",
    "written_header",
]
