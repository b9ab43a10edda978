import os
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
import torch
from PIL import Image
from torchvision.transforms.v2 import functional as F

from crowdkit_core.interfaces import Dataset, Points, Sample


@pytest.fixture
def save_image() -> Callable[..., Path]:
    """Write a picture of noise; returns its path."""

    def save(path: Path, size: tuple[int, int] = (40, 60)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return save


@pytest.fixture
def save_shanghaitech_mat() -> Callable[[Path, Sequence[Sequence[float]]], None]:
    """Write points in the nested form of ShanghaiTech's files."""

    def save(path: Path, points: Sequence[Sequence[float]]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        location = np.array(points, dtype=np.float64)
        inner = np.zeros((1, 1), dtype=[("location", object), ("number", object)])
        inner[0, 0] = (location, np.array([[len(location)]]))
        cell = np.empty((1, 1), dtype=object)
        cell[0, 0] = inner
        scipy.io.savemat(path, {"image_info": cell})

    return save


@pytest.fixture(params=["7", "7.3"])
def save_mat(request) -> Callable[[Path, dict], None]:
    """Write variables as a version of MATLAB does: a dict as a struct, a list as a cell array."""
    write = {"7": _save_mat_7, "7.3": _save_mat_73}[request.param]

    def save(path: Path, variables: dict) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, variables)

    return save


def _save_mat_7(path: Path, variables: dict) -> None:
    scipy.io.savemat(path, {name: _with_cells(value) for name, value in variables.items()})


def _with_cells(value):
    if isinstance(value, dict):
        return {name: _with_cells(each) for name, each in value.items()}
    if isinstance(value, list):
        cell = np.empty((1, len(value)), dtype=object)
        cell[0, :] = [_with_cells(each) for each in value]
        return cell
    return value


def _save_mat_73(path: Path, variables: dict) -> None:
    """As MATLAB does: a header of 512 bytes, axes reversed, cells as references."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _put(file, file, name, value)
    _mark_as_73(path)


def _mark_as_73(path: Path) -> None:
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, HDF5 schema 1.00 .".ljust(124)
    with path.open("r+b") as file:
        file.write(header + b"\x00\x02IM")


@pytest.fixture
def mark_as_73() -> Callable[[Path], None]:
    """Write MATLAB's header into the user block of an HDF5 file."""
    return _mark_as_73


def _put(file: h5py.File, group: h5py.Group, name: str, value) -> None:
    if isinstance(value, dict):
        struct = group.create_group(name)
        struct.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, each in value.items():
            _put(file, struct, field, each)
    elif isinstance(value, list):
        stored = file.require_group("#refs#")
        references = {}
        for each in value:  # what is in several cells is written once, to save time
            if id(each) not in references:
                key = f"r{len(stored)}"
                _put(file, stored, key, each)
                references[id(each)] = stored[key].ref
        cells = np.array([[references[id(each)]] for each in value], dtype=h5py.ref_dtype)
        cell = group.create_dataset(name, data=cells, dtype=h5py.ref_dtype)
        cell.attrs["MATLAB_class"] = np.bytes_("cell")
    else:
        array = np.atleast_2d(np.asarray(value))
        if array.size == 0:
            stored = group.create_dataset(name, data=np.array(array.shape, dtype=np.uint64))
            stored.attrs["MATLAB_empty"] = np.uint8(1)
        else:
            stored = group.create_dataset(name, data=array.T)
        is_logical = array.dtype == np.uint8
        stored.attrs["MATLAB_class"] = np.bytes_("logical" if is_logical else "double")


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    """A sample of one colour with the given points."""

    def make(
        points: Sequence[Sequence[float]], size: tuple[int, int] = (20, 30), name: str = "a"
    ) -> Sample:
        xy = torch.tensor(points, dtype=torch.float32).reshape(-1, 2)
        return Sample(
            name=name,
            image=torch.full((3, *size), 100, dtype=torch.uint8),
            points=Points(xy, canvas_size=size),
            lengths={"sigma": torch.arange(1.0, len(points) + 1)},
        )

    return make


@pytest.fixture
def assert_twice_as_large() -> Callable[[Dataset, Dataset], None]:
    """One data set gives every image of another doubled, with all that belongs to it."""

    def check(resized: Dataset, plain: Dataset) -> None:
        assert len(plain) == len(resized) > 0
        for index in range(len(plain)):
            before, after = plain.annotation(index), resized.annotation(index)
            sample = resized[index]
            assert after.size == sample.size == (2 * before.size[0], 2 * before.size[1])
            assert after.points.tolist() == (2 * before.points).tolist()
            assert after.lengths.keys() == sample.lengths.keys() == before.lengths.keys()
            for name, values in before.lengths.items():
                torch.testing.assert_close(after.lengths[name], 2 * values)
                torch.testing.assert_close(sample.lengths[name], 2 * values)
            pixels = F.resize(plain[index].image, list(after.size), antialias=True)
            assert sample.image.dtype == torch.uint8
            assert torch.equal(sample.image, pixels)
            if before.roi is not None:
                doubled = before.roi.repeat_interleave(2, dim=0).repeat_interleave(2, dim=1)
                assert torch.equal(after.roi, doubled)
                assert torch.equal(sample.roi, doubled)

    return check


@pytest.fixture
def data_root() -> Path:
    """Where the real data sets are."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    root = Path(os.environ.get("CROWDKIT_DATA_ROOT", default))
    if not root.is_dir():
        pytest.fail(f"no real data at {root}; set CROWDKIT_DATA_ROOT")
    return root
