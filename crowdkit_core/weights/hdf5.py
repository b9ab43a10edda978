"""Read HDF5 files of named arrays."""

from pathlib import Path

import numpy as np
import torch

from crowdkit_core.errors import WeightsError
from crowdkit_core.files import MOST_PACKED


def read_hdf5(path: Path) -> dict[str, torch.Tensor]:
    """Every array of an HDF5 file; groups become dots in the key.

    Raises:
        WeightsError: h5py is not installed, or the file is damaged or holds other things.
    """
    try:
        import h5py
    except ImportError as error:
        raise WeightsError(
            f"{path}: reading HDF5 weights needs h5py, which is not installed",
            hint="pip install 'crowdkit-core[hdf5]'",
        ) from error

    state: dict[str, torch.Tensor] = {}

    def read(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            if item.nbytes > MOST_PACKED * path.stat().st_size:
                raise ValueError(f"{name} of shape {item.shape} cannot come out of so small a file")
            state[name.replace("/", ".")] = torch.from_numpy(np.asarray(item[()]))

    try:
        with h5py.File(path, "r") as file:
            file.visititems(read)
    except TypeError as error:
        raise WeightsError(f"{path}: holds something else than numbers: {error}") from error
    except Exception as error:  # damage shows as many kinds of error
        cause = (str(error) or type(error).__name__).splitlines()[0]
        raise WeightsError(f"{path}: damaged or cut short HDF5 file: {cause}") from error
    if not state:
        raise WeightsError(f"{path}: holds no tensors")
    return state
