"""Turn a graph of float32 into one of fewer bits."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from jaxtyping import Float32
from numpy import ndarray

from crowdkit_core.errors import CrowdkitError
from crowdkit_core.inference.export.packages import cause, package, quiet

Precision = Literal["float32", "float16", "int8"]
"""Of weights and of most values in between; images and results are float32 in each."""

CalibrationMethod = Literal["minmax", "percentile", "entropy"]
"""How the range of values that 8 bits stand for is found: all that were seen, all but the farthest
(99.999 %), or the one whose distribution changes least."""

WeightBits = Literal[7, 8]
"""Of a weight of int8. With 8 counts are nearer, on processors that add up products of bytes in 32
bits (VNNI, and those of Arm); others add up pairs of them in 16, where 8 bits are too many."""

Shown = Callable[[], Float32[ndarray, "1 3 H W"]]
"""Loads an image as it is shown to a network."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Greatest differences from what torch says.

    Attributes:
        count: As a share of torch's count, or of one person where it counts fewer.
        density: Of a cell, as a share of the greatest cell of torch's map.
    """

    count: float
    density: float


TOLERANCES: dict[Precision, Tolerance] = {
    "float32": Tolerance(1e-3, 1e-3),
    "float16": Tolerance(1e-2, 1e-2),
    "int8": Tolerance(5e-2, 3e-1),
}

_SUMS = ("ReduceSum", "ReduceMean", "Softmax", "CumSum")
"""Stay float32: float16 has whole numbers up to 2048 alone."""

_IN_BYTES = (
    "Add",
    "AveragePool",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Gemm",
    "MatMul",
    "MaxPool",
    "Relu",
    "Resize",
)
"""What int8 works with. Clip and Relu are among them so that no bits are spent on the values in
front of them that they cut off."""


def to_float16(path: Path) -> None:
    """Make a file's weights and most of its values float16, in place."""
    onnx, half = package("onnx"), package("onnxruntime.transformers.float16")
    with quiet():
        graph = half.convert_float_to_float16(
            onnx.load(path),
            keep_io_types=True,
            op_block_list=[*half.DEFAULT_OP_BLOCK_LIST, *_SUMS],
        )
    onnx.save(graph, path)


def to_int8(
    path: Path, images: Sequence[Shown], method: CalibrationMethod, weight_bits: WeightBits
) -> None:
    """Make a file's weights and most of its values 8-bit numbers, in place.

    Static quantization of onnxruntime: each channel of weights has a scale of its own.

    Args:
        path: The file.
        images: Show which values there are.
        method: What follows from them.
        weight_bits: How many of the 8 bits weights take.

    Raises:
        CrowdkitError: onnxruntime cannot do it.
    """
    quantization = package("onnxruntime.quantization")
    methods = quantization.CalibrationMethod
    chosen = {
        "minmax": methods.MinMax,
        "percentile": methods.Percentile,
        "entropy": methods.Entropy,
    }[method]
    prepare = package("onnxruntime.quantization.shape_inference").quant_pre_process
    with TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        try:
            with quiet():
                prepare(path, prepared, skip_symbolic_shape=True)
                quantization.quantize_static(
                    prepared,
                    path,
                    _reader(quantization.CalibrationDataReader, images),
                    quant_format=quantization.QuantFormat.QDQ,
                    op_types_to_quantize=list(_IN_BYTES),
                    per_channel=True,
                    reduce_range=weight_bits == 7,
                    activation_type=quantization.QuantType.QUInt8,
                    weight_type=quantization.QuantType.QInt8,
                    calibrate_method=chosen,
                    extra_options={"CalibStridedMinMax": 1},  # one image at a time
                )
        except CrowdkitError:
            raise
        except Exception as error:  # of many kinds, by what the network does
            raise CrowdkitError(f"int8: onnxruntime cannot quantize: {cause(error)}") from error


def _reader(base: type[Any], images: Sequence[Shown]) -> Any:
    """Images as onnxruntime takes them: a part of them at a time, loaded when it asks."""

    class Reader(base):  # type: ignore[misc]  # a class of an optional package
        waiting: Iterator[Shown] = iter(())

        def __len__(self) -> int:
            return len(images)

        def set_range(self, start_index: int, end_index: int) -> None:
            self.waiting = iter(images[start_index:end_index])

        def get_next(self) -> Any:
            load = next(self.waiting, None)
            return None if load is None else {"images": load()}

    return Reader()
