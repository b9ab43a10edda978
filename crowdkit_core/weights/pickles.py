"""Read torch checkpoints, new (zip) and old, without executing anything in them."""

import pickle
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from crowdkit_core.errors import WeightsError

_make_scalar: Callable[..., Any] = np.float64().__reduce__()[0]  # type: ignore[assignment]  # numpy types it as str

# The best error so far is often saved as a numpy scalar beside the weights, by numpy 1 or 2.
_NUMPY_SCALARS: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np.dtypes.Int64DType,
    (_make_scalar, "numpy.core.multiarray.scalar"),
    (_make_scalar, "numpy._core.multiarray.scalar"),
]


def read_pickle(path: Path) -> object:
    """What a torch checkpoint holds, tensors on the CPU.

    Raises:
        WeightsError: Damaged, or it asks for more than tensors and plain values.
    """
    try:
        with torch.serialization.safe_globals(_NUMPY_SCALARS), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Detected pickle protocol")  # refused where unknown
            content: object = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refused(path, str(error)) from error
    except Exception as error:  # damage shows as many kinds of error
        cause = str(error).strip().partition("\n")[0] or "unexpected end of file"
        raise WeightsError(f"{path}: damaged or cut short torch checkpoint: {cause}") from error
    return content


def _refused(path: Path, cause: str) -> WeightsError:
    wanted = re.search(r"GLOBAL ([\w.]+)", cause)
    if wanted is None:
        return WeightsError(
            f"{path}: not a torch checkpoint of tensors, or cut short; nothing in it was executed"
        )
    return WeightsError(
        f"{path}: the pickle asks for {wanted[1]}, more than tensors; it was not executed",
        hint="where you trust its maker, save the bare state_dict again and load that",
    )
