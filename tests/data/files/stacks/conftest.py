"""TIFF files as microscopes and their software write them."""

import numpy as np
import pytest
import tifffile

PLANES = np.random.default_rng(0).integers(0, 4096, (2, 3, 2, 8, 10)).astype(np.uint16)
"""Time, depth, channel, rows, columns."""


@pytest.fixture
def ome(tmp_path):
    path = tmp_path / "a.ome.tif"
    axes = {"axes": "TZCYX", "Channel": {"Name": ["DAPI", "GFP"]}}
    tifffile.imwrite(path, PLANES, metadata=axes, photometric="minisblack")
    return path


@pytest.fixture
def hyperstack(tmp_path):
    path = tmp_path / "imagej.tif"
    tifffile.imwrite(path, PLANES, imagej=True, metadata={"axes": "TZCYX"})
    return path


@pytest.fixture
def pages(tmp_path):
    """Three pages and nothing that says what they are."""
    path = tmp_path / "pages.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        for plane in PLANES[0, :, 0]:
            file.write(plane, metadata=None, contiguous=False)
    return path
