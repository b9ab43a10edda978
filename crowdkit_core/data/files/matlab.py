"""Read MATLAB files of any version into plain values; nothing in them is ever executed."""

from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import torch
from jaxtyping import Bool
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.files.matlab_structure import require_sound
from crowdkit_core.errors import DataError, MissingFileError

MATLAB_OFFSET = 0.5
"""MATLAB's first pixel has its centre at 1; ours at 0.5."""

Variables = Mapping[str, Any]
"""A file's variables by name, as `load_mat` gives them."""


def load_mat(path: Path) -> Variables:
    """The variables of a MATLAB file.

    A struct becomes a dict and an array of structs a list of dicts; a cell array becomes a list,
    also one of a single cell; both in MATLAB's order. Any other array is an array with two or
    more axes, as in MATLAB.

    Args:
        path: A file of MATLAB 5 to 7, or of 7.3 (HDF5), which needs h5py.

    Raises:
        DataError: Missing or damaged, or of version 7.3 where h5py is not installed.
    """
    if not path.is_file():
        raise MissingFileError(f"{path}: no such annotation file")
    try:
        content = path.read_bytes()
        require_sound(content)
        found = scipy.io.loadmat(BytesIO(content))
        return {name: _plain(v) for name, v in found.items() if not name.startswith("__")}
    except NotImplementedError:  # how scipy tells version 7.3 apart
        return _load_hdf5(path)
    except Exception as error:  # parsers raise anything on a damaged file
        raise DataError(f"{path}: cannot be read as a MATLAB file: {error}") from error


def find_points(
    path: Path, variables: Variables, find: Callable[[Variables], Any], expected: str
) -> NDArray[np.float64]:
    """(N, 2) points out of a file's variables; 1-based pixel centres become ours (x - 0.5).

    An array without elements, whatever its shape, is no people.

    Args:
        path: The file, named in errors.
        variables: What it holds.
        find: Takes the N x 2 array out of them.
        expected: Where ``find`` looks, in words for the error.

    Raises:
        DataError: No N x 2 numbers there; names the variables found, or what is there instead.
    """
    points = _find_array(path, variables, find, f"points: expected {expected}")
    if points.size == 0:
        return np.zeros((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:
        raise DataError(f"{path}: {expected} has shape {points.shape}, expected N x 2")
    return points - MATLAB_OFFSET


def read_mat(path: Path, find: Callable[[Variables], Any], expected: str) -> NDArray[np.float64]:
    """Points of a file that is read for them alone; see `load_mat` and `find_points`."""
    return find_points(path, load_mat(path), find, expected)


def read_mat_mask(
    path: Path, find: Callable[[Variables], Any], expected: str
) -> Bool[Tensor, "H W"]:
    """A mask, True where it is not 0; arguments as of `find_points`.

    Raises:
        DataError: As `load_mat`, or no array with two axes there.
    """
    mask = _find_array(path, load_mat(path), find, f"mask: expected {expected}")
    if mask.ndim != 2:
        raise DataError(f"{path}: {expected} has shape {mask.shape}, expected H x W")
    return torch.from_numpy(mask != 0)


def _find_array(
    path: Path, variables: Variables, find: Callable[[Variables], Any], what: str
) -> NDArray[np.float64]:
    try:
        found = find(variables)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        names = ", ".join(sorted(variables)) or "none"
        raise DataError(f"{path}: no {what}, found variables {names}") from error
    if isinstance(found, np.ndarray) and np.iscomplexobj(found):
        raise DataError(f"{path}: no {what}, which holds complex numbers")
    try:
        return np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: no {what}, which holds {_kind(found)}") from error


def _kind(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.dtype.kind == "U":
        return f"text {' '.join(value.ravel())!r}"
    kinds: dict[type, str] = {dict: "a struct", list: "a cell array or several structs"}
    return kinds.get(type(value), "no array")


def _plain(value: Any) -> Any:
    """What scipy gives, without its object arrays."""
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names:
        names = value.dtype.names
        structs = [{name: _plain(each[name]) for name in names} for each in value.ravel("F")]
        return structs[0] if len(structs) == 1 else structs
    if value.dtype == object:
        return [_plain(cell) for cell in value.ravel("F")]
    return value


def _load_hdf5(path: Path) -> Variables:
    try:
        from crowdkit_core.data.files.matlab_hdf5 import read_variables
    except ImportError as error:
        raise DataError(
            f"{path}: a MATLAB 7.3 file, and reading those needs h5py, which is not installed",
            hint="pip install 'crowdkit-core[hdf5]', or save it again in MATLAB: save(name, '-v7')",
        ) from error
    try:
        return read_variables(path)
    except Exception as error:  # as above
        raise DataError(f"{path}: cannot be read as a MATLAB 7.3 file: {error}") from error
