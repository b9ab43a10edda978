"""Padding and cropping as operations of their own, for networks that are traced for any size.

The sizes behind the padding are new unknowns to the tracer, multiples by themselves. Worked out
from the image's size they grow with every layer to terms that take minutes to compare.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, library
from torch.nn import functional as F


@library.custom_op("crowdkit::pad_to_multiple", mutates_args=())
def pad_traced(images: Tensor, multiple: int) -> Tensor:
    """`pad_to_multiple` in a trace."""
    height, width = images.shape[-2:]
    return F.pad(images, (0, -width % multiple, 0, -height % multiple)).clone()


@pad_traced.register_fake
def _any_multiple(images: Tensor, multiple: int) -> Tensor:
    context = library.get_ctx()
    rows, columns = context.new_dynamic_size(min=2), context.new_dynamic_size(min=2)
    return images.new_empty(*images.shape[:2], rows * multiple, columns * multiple)


@library.custom_op("crowdkit::crop_map", mutates_args=())
def crop_traced(maps: Tensor, height: int, width: int, stride: int) -> Tensor:
    """`crop_map` in a trace."""
    return maps[..., : -(-height // stride), : -(-width // stride)].clone()


@crop_traced.register_fake
def _any_cells(maps: Tensor, height: int, width: int, stride: int) -> Tensor:  # noqa: ARG001
    context = library.get_ctx()
    rows, columns = context.new_dynamic_size(min=2), context.new_dynamic_size(min=2)
    return maps.new_empty(*maps.shape[:2], rows, columns)


def onnx_translations() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """How ONNX says both, for ``torch.onnx.export``; needs the package onnxscript."""
    op: Any = import_module("onnxscript").opset18

    def pad(images: Any, multiple: int) -> Any:
        size = op.Shape(images, start=2)
        missing = op.Mod(op.Neg(size), op.Constant(value_ints=[multiple]))
        before = op.Constant(value_ints=[0, 0, 0, 0, 0, 0])
        return op.Pad(images, op.Concat(before, missing, axis=0))

    def crop(maps: Any, height: Any, width: Any, stride: int) -> Any:
        one = op.Constant(value_ints=[-1])
        size = op.Concat(op.Reshape(height, one), op.Reshape(width, one), axis=0)
        beyond = op.Add(size, op.Constant(value_ints=[stride - 1]))
        cells = op.Div(beyond, op.Constant(value_ints=[stride]))
        first, axes = op.Constant(value_ints=[0, 0]), op.Constant(value_ints=[2, 3])
        return op.Slice(maps, first, cells, axes)

    packet = torch.ops.crowdkit
    return {packet.pad_to_multiple.default: pad, packet.crop_map.default: crop}
