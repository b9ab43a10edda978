"""Peak memory and time of RAZNet on one image, seen whole and in tiles.

Each measurement has a process of its own, as a peak never falls. Random weights; attention chooses
regions by chance, as many as options allow.
"""

import argparse
import resource
import subprocess
import sys
import time

import torch
from crowdkit_raznet import looking
from crowdkit_raznet.raznet import RAZNet
from crowdkit_raznet.regions import RegionSearch

WAYS = ("whole", "tiles")


def measured(height: int, width: int, way: str, regions: int) -> str:
    """One line: gigabytes over those before, and seconds."""
    torch.manual_seed(0)
    if way == "whole":
        looking.WHOLE_PIXELS = sys.maxsize
    depth = 2 if regions else 1
    counter = RAZNet(depth=depth, search=RegionSearch(keep=max(regions, 1))).eval()
    image = torch.rand(1, 3, height, width)
    before, start = _peak(), time.process_time()
    with torch.no_grad():
        counter.predict(image)
    used, seconds = _peak() - before, time.process_time() - start
    return f"{height} x {width}, {regions} regions, {way}: {used:.2f} GB, {seconds:.0f} s"


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def main() -> None:
    """Measure the size that was asked for, each way in its own process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=2, default=(2013, 2902), metavar=("H", "W"))
    parser.add_argument("--regions", type=int, default=1)
    parser.add_argument("--way", choices=WAYS)
    asked = parser.parse_args()
    if asked.way:
        print(measured(*asked.size, asked.way, asked.regions), flush=True)
        return
    for way in WAYS:
        subprocess.run([sys.executable, *sys.argv, "--way", way], check=True)


if __name__ == "__main__":
    main()
