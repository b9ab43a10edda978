"""Read MATLAB 7.3 files, which are HDF5, into the values of `load_mat`; needs h5py."""

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from crowdkit_core.files import MOST_PACKED


def read_variables(path: Path) -> dict[str, Any]:
    """The variables of a MATLAB 7.3 file.

    Structs are groups, cell arrays arrays of references, and all axes are reversed.
    """
    with h5py.File(path, "r") as file:
        return {name: _plain(item) for name, item in file.items() if not name.startswith("#")}


def _plain(item: h5py.Group | h5py.Dataset) -> Any:
    if isinstance(item, h5py.Group):
        return _structs(item) if _is_struct_array(item) else _struct(item)
    if item.attrs.get("MATLAB_empty"):  # it holds the shape
        is_cell = item.attrs.get("MATLAB_class") == b"cell"
        return [] if is_cell else np.zeros(tuple(item[()]))
    if item.nbytes > MOST_PACKED * os.path.getsize(item.file.filename):
        raise ValueError(f"{item.name} of shape {item.shape} cannot come out of so small a file")
    return _referenced(item) if _holds_references(item) else item[()].T


def _struct(group: h5py.Group) -> dict[str, Any]:
    return {name: _plain(field) for name, field in group.items()}


def _structs(group: h5py.Group) -> list[dict[str, Any]]:
    columns = [_referenced(field) for field in group.values()]
    return [dict(zip(group, values, strict=True)) for values in zip(*columns, strict=True)]


def _is_struct_array(group: h5py.Group) -> bool:
    """Whether every field is an array of references that is no cell array in its own right."""
    fields = list(group.values())
    return bool(fields) and all(
        isinstance(field, h5py.Dataset)
        and _holds_references(field)
        and "MATLAB_class" not in field.attrs
        for field in fields
    )


def _referenced(dataset: h5py.Dataset) -> list[Any]:
    # With the axes reversed, C order is MATLAB's.
    return [_plain(dataset.file[reference]) for reference in dataset[()].ravel()]


def _holds_references(dataset: h5py.Dataset) -> bool:
    return h5py.check_ref_dtype(dataset.dtype) is not None
