"""Let backbones that pad as TensorFlow does be traced for any size."""

from collections.abc import Iterator
from contextlib import contextmanager

from timm.layers import padding


@contextmanager
def whole_number_padding() -> Iterator[None]:
    """Have timm reckon padding in whole numbers, which a tracer can simplify; floats it cannot."""
    floats = padding.get_same_padding
    padding.get_same_padding = _same_padding
    try:
        yield
    finally:
        padding.get_same_padding = floats


def _same_padding(x: int, kernel_size: int, stride: int, dilation: int) -> int:
    seen = (-(-x // stride) - 1) * stride + (kernel_size - 1) * dilation + 1
    return max(seen - x, 0)
