"""Trace a counter into an ONNX graph that takes images of any size.

Height, width and number of images stay free; `crowdkit_core.networks.traced_padding` says how.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._sympy.numbers import int_oo

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.inference.export.packages import cause, quiet
from crowdkit_core.interfaces import Counter
from crowdkit_core.networks.same_padding import whole_number_padding
from crowdkit_core.networks.traced_padding import onnx_translations

OPSET = 18
"""Version of ONNX's operations that is written."""

_TRACED = (2, 3, 195, 237)


class OnePass(nn.Module):
    """A counter that gives plain tensors."""

    def __init__(self, counter: Counter) -> None:
        super().__init__()
        self.counter = counter

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> tuple[Tensor, ...]:
        """Count and, where there is one, density map."""
        prediction = self.counter(images)
        return tuple(each for each in (prediction.count, prediction.density) if each is not None)


def write_graph(counter: Counter, path: Path) -> None:
    """Write one pass of a counter, in float32.

    Raises:
        IncompatibleError: ONNX cannot say what it does for images of any size.
    """
    free = torch.export.Dim.DYNAMIC
    try:
        with quiet(), whole_number_padding():
            program = torch.onnx.export(
                OnePass(counter).eval(),
                (torch.rand(_TRACED),),
                dynamo=True,
                opset_version=OPSET,
                input_names=["images"],
                output_names=["count"] if counter.stride is None else ["count", "density"],
                dynamic_shapes={"images": {0: free, 2: free, 3: free}},
                custom_translation_table=dict(onnx_translations()),
                verbose=False,
            )
    except Exception as error:  # of many kinds, by what the network does
        raise IncompatibleError(
            f"{counter.label} cannot be exported for images of any size: {cause(error)}"
        ) from error
    assert program is not None
    _require_free(program, counter)
    program.save(path, external_data=False)


def _require_free(program: torch.onnx.ONNXProgram, counter: Counter) -> None:
    """Refuse a trace of one of several ways that a network takes by the size of an image."""
    assert program.exported_program is not None
    ranges = program.exported_program.range_constraints
    nodes = program.exported_program.graph.nodes
    (images,) = [node for node in nodes if node.op == "placeholder" and node.name == "images"]
    number, _, height, width = images.meta["val"].shape
    sizes = {"number of images": number, "height": height, "width": width}
    for (name, side), least in zip(sizes.items(), (1, *counter.min_size), strict=True):
        known = None if isinstance(side, int) else ranges.get(side.node.expr)
        if known is None or known.lower > least or known.upper != int_oo:
            found = f"{side}" if known is None else f"{known.lower} to {known.upper}"
            raise IncompatibleError(
                f"{counter.label} cannot be exported for images of any size: "
                f"what was traced holds for a {name} of {found} alone"
            )
