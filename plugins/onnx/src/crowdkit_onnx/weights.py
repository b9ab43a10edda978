"""An ONNX file that `crowdkit export` wrote, as a file of weights."""

import json
from pathlib import Path

import onnxruntime
import torch

from crowdkit_core.errors import WeightsError
from crowdkit_core.weights import WeightsFile
from crowdkit_onnx.errors import CountingError
from crowdkit_onnx.metadata import KEY, Metadata


def read_onnx(path: Path) -> WeightsFile:
    """What a file says of itself; its numbers stay in it.

    Raises:
        WeightsError: It is no ONNX file, or none that this crowdkit can count with.
    """
    session = started(path, path, optimized=False)
    metadata_of(session, path)
    return WeightsFile(
        path=path,
        state={},
        component="onnx",
        distribution="crowdkit-onnx",
        options={"file": path},
        known=json.loads(session.get_modelmeta().custom_metadata_map[KEY])["known"],
    )


def started(
    graph: Path | bytes, where: Path, *, optimized: bool = True
) -> onnxruntime.InferenceSession:
    """Start onnxruntime with a graph, on as many threads of the CPU as torch has.

    Args:
        graph: A file or what is in it.
        where: How messages name it.
        optimized: Takes a moment, and what is counted with it is quicker.

    Raises:
        WeightsError: It cannot be run.
    """
    levels = onnxruntime.GraphOptimizationLevel
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal: errors are raised
    options.intra_op_num_threads = torch.get_num_threads()
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimized else levels.ORT_DISABLE_ALL
    )
    try:
        return onnxruntime.InferenceSession(
            graph, sess_options=options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own classes
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise WeightsError(f"{where}: onnxruntime cannot run it: {lines[0]}") from error


def metadata_of(session: onnxruntime.InferenceSession, where: Path) -> Metadata:
    """What `crowdkit export` wrote into the metadata.

    Raises:
        WeightsError: There is nothing of it, or it is damaged or newer.
    """
    try:
        return Metadata.read(session.get_modelmeta().custom_metadata_map, str(where))
    except CountingError as error:
        raise WeightsError(str(error)) from error
