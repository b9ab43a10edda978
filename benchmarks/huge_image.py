"""Peak memory and time of counting an image in parts, against the same image whole where it fits.

The image is made in a temporary folder, dark with patches of noise, and each measurement has a
process of its own, as a peak never falls. The counter is one convolution at stride 8, so that what
is measured is the reading, the resizing and the stitching rather than a network.

whole    read at once and counted at once, as images below Pillow's limit are
shrunk   read in strips, counted with the longer side 1024 pixels long
tiles    counted in its own size, tile by tile
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.data.transforms import Resizing
from crowdkit_core.inference import Sizing, count, resized
from crowdkit_core.interfaces import Counter, MapSpec, Prediction

WAYS = ("whole", "shrunk", "tiles")
CELL, PATCH = 4000, 500
"""Pixels from one patch of noise to the next, and its side."""


class SmallCounter(Counter):
    """One convolution over the means of cells."""

    outputs: Mapping[str, MapSpec] = MappingProxyType({"density": MapSpec("density", 8)})
    size_multiple = 8
    receptive_field: int | None = 8

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, images: Tensor) -> Prediction:
        cells = F.avg_pool2d(images, 8, ceil_mode=True)
        return Prediction.from_density(F.relu(self.layer(cells)).mean(1, keepdim=True), 8)


def make(path: Path, height: int, width: int, *, pyramid: bool) -> None:
    """Write a tiled BigTIFF, as compressed as its dark ground allows."""
    import pyvips

    random = np.random.default_rng(0)
    patch = pyvips.Image.new_from_array(random.integers(0, 256, (PATCH, PATCH, 3), np.uint8))
    cell = (pyvips.Image.black(CELL, CELL, bands=3) + 16).insert(patch, CELL // 3, CELL // 4)
    image = cell.replicate(-(-width // CELL), -(-height // CELL)).crop(0, 0, width, height)
    image.cast("uchar").copy(interpretation="srgb").tiffsave(
        str(path), tile=True, pyramid=pyramid, compression="deflate", level=1, bigtiff=True
    )


def measured(path: Path, way: str) -> str:
    """One line: the peak with Python and torch in it, that of those alone, and seconds."""
    counter = SmallCounter().eval()
    sizing = Sizing(resizing=Resizing(long_side=(1024, 1024) if way == "shrunk" else None))
    if way != "whole":  # in parts, however small it is
        Image.MAX_IMAGE_PIXELS = resized.IN_MEMORY = 2**20
    before, start = _peak(), time.perf_counter()
    counted = count(counter, path, sizing=sizing, tile=None if way == "whole" else "auto")
    seconds = time.perf_counter() - start
    return f"{way:7}{_peak():6.2f} GiB ({before:.2f} before){seconds:8.1f} s  {counted.count:.4f}"


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Make the image, and measure each way in its own process."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, nargs=2, default=(10000, 12000), metavar=("H", "W"))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--pyramid", action="store_true", help="with smaller copies in the file")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.measure:
        print(measured(asked.measure, asked.ways[0]), flush=True)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.tif"
        make(path, *asked.size, pyramid=asked.pyramid)
        height, width = asked.size
        print(f"{width} x {height} pixels, {path.stat().st_size / 1e6:.0f} MB in its file")
        for way in asked.ways:
            command = [sys.executable, __file__, "--measure", str(path), "--ways", way]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
