"""Read HDF5 files of named arrays."""

from pathlib import Path

import torch

from crowdkit_core.errors import WeightsError


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
            state[name.replace("/", ".")] = torch.from_numpy(item[()])

    try:
        with h5py.File(path, "r") as file:
            file.visititems(read)
    except TypeError as error:
        raise WeightsError(f"{path}: holds something else than numbers: {error}") from error
    except (OSError, RuntimeError) as error:
        raise WeightsError(f"{path}: damaged or cut short HDF5 file: {error}") from error
    return state
