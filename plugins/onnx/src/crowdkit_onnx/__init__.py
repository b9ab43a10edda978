"""Count with exported ONNX files: as a counter of crowdkit, or alone without torch.

Example:
    >>> from crowdkit_onnx import load
    >>> load("nowhere.onnx")
    Traceback (most recent call last):
    ...
    crowdkit_onnx.errors.UsageError: nowhere.onnx: no such file
"""

from crowdkit_onnx.counting import Model, load
from crowdkit_onnx.errors import CountingError, UsageError
from crowdkit_onnx.interval import Interval
from crowdkit_onnx.result import Counted

__all__ = ["Counted", "CountingError", "Interval", "Model", "UsageError", "load"]
