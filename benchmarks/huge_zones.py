"""What dividing 100,000 x 60,000 pixels among zones takes, and sharing a map out among them.

OMP_NUM_THREADS=1 python benchmarks/huge_zones.py

Two zones and one to exclude. Seconds are of the processor; memory is what the peak of the process
rises by.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from crowdkit_core.inference import as_zones
from crowdkit_core.inference.zones import divide

SIZE = HEIGHT, WIDTH = 60_000, 100_000
STRIDE = 8
ZONES = {
    "stage": [[100, 100], [50_000, 3_000], [40_000, 50_000], [200, 40_000]],
    "street": [[60_000, 100], [99_000, 100], [99_000, 59_000], [60_000, 59_000]],
    "exclude": [[70_000, 10_000], [80_000, 10_000], [80_000, 20_000]],
}


@contextmanager
def measured(what: str) -> Iterator[None]:
    before, started = _peak(), time.process_time()
    yield
    print(f"{what}: {time.process_time() - started:.1f} s, {_peak() - before:.0f} MiB")


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    cells = np.full((HEIGHT // STRIDE, WIDTH // STRIDE), 0.01, dtype=np.float32)
    with measured("dividing"):
        division = divide(SIZE, zones=as_zones(ZONES))
    with measured(f"sharing out {cells.size:,} cells"):
        division.sums(cells, STRIDE)


if __name__ == "__main__":
    main()
