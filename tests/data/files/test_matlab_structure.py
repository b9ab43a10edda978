"""What scipy would take on trust in a MATLAB file."""

import struct
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from crowdkit_core.data.files.matlab import load_mat
from crowdkit_core.data.files.matlab_structure import require_sound
from crowdkit_core.errors import DataError

VALUES = {
    "numbers": {"a": np.arange(6.0).reshape(2, 3)},
    "complex": {"a": np.array([1 + 2j])},
    "logical": {"a": np.array([True, False])},
    "empty": {"a": np.zeros((0, 0)), "b": np.zeros((0, 3, 2))},
    "text": {"a": "people", "b": "", "c": np.array(["ab", "cd"])},
    "cells": {"a": np.array([[1, "x"], [np.eye(3), np.zeros(0)]], dtype=object)},
    "structs": {"a": [{"x": 1, "y": "b"}, {"x": [2, 3], "y": ""}], "b": {"deep": {"er": 1}}},
    "sparse": {"a": scipy.sparse.eye_array(4).tocsc()},
    "integers": {f"a{kind}": np.ones(3, kind) for kind in ("i1", "u2", "i4", "u8", "f4")},
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", VALUES)
def test_what_scipy_writes_is_sound(name, compressed) -> None:
    file = BytesIO()
    scipy.io.savemat(file, VALUES[name], do_compression=compressed)
    require_sound(file.getvalue())


@pytest.mark.parametrize("version", ["4", "5"])
def test_files_of_both_kinds_are_read(version, tmp_path) -> None:
    path = tmp_path / "points.mat"
    scipy.io.savemat(path, {"points": np.ones((4, 2))}, format=version)
    assert load_mat(path)["points"].shape == (4, 2)


def element(kind: int, data: bytes) -> bytes:
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def variable(kind: int, dimensions: tuple[int, ...], *content: bytes, flags: int = 6) -> bytes:
    about = element(flags, struct.pack("<II", kind, 0))
    about += element(5, struct.pack(f"<{len(dimensions)}i", *dimensions)) + element(1, b"points")
    return element(14, about + b"".join(content))


TWO = element(9, struct.pack("<2d", 1, 2))
NUMBERS, CELLS, STRUCTS = 6, 1, 2


@pytest.mark.parametrize(
    "content",
    [
        variable(NUMBERS, (1, 2), element(14, bytes(16))),
        variable(NUMBERS, (1, 2), element(77, bytes(16))),
        variable(NUMBERS, (1, 3), TWO),
        variable(NUMBERS, (-1, -2), TWO),
        variable(NUMBERS, (2**31 - 1, 2**31 - 1), TWO),
        variable(NUMBERS, (2,), TWO),
        variable(NUMBERS, (1, 2)),
        variable(99, (1, 2), TWO),
        variable(CELLS, (10**5, 10**4)),
        variable(CELLS, (1, 1), TWO),
        variable(STRUCTS, (1, 1), TWO),
        variable(STRUCTS, (9999, 9999), element(5, struct.pack("<i", 4)), element(1, b"abc\0")),
        variable(STRUCTS, (1, 1), element(5, struct.pack("<i", 0)), element(1, b"abc\0")),
        variable(NUMBERS, (1, 2), TWO, flags=14),
        variable(NUMBERS, (1, 2), TWO)[:-8],
        element(1, b"points"),
        element(15, b"no zlib"),
        b"\x01\x00\x09\x00" + bytes(8),
    ],
)
def test_what_nobody_writes_is_refused(content, tmp_path: Path) -> None:
    path = tmp_path / "points.mat"
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + content)
    with pytest.raises(DataError, match=r"points\.mat: cannot be read as a MATLAB file") as refused:
        load_mat(path)
    assert "\n" not in refused.value.message


def test_the_files_above_are_refused_for_what_is_wrong_with_them(tmp_path: Path) -> None:
    path = tmp_path / "points.mat"
    sound = variable(NUMBERS, (1, 2), TWO)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + sound)
    assert load_mat(path)["points"].tolist() == [[1.0, 2.0]]
