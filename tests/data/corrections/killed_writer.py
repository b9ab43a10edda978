"""Kill a process at each of its writes to a folder of corrections, one after the other.

Prints what the folder holds after each: names and points as the data set `folder` reads them.
"""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

from crowdkit_core import create
from crowdkit_core.data.corrections import Corrections

WRITES = ("replace", "fsync", "unlink")


def killed_at(number: int) -> None:
    """From now on the process dies in place of its ``number``-th write."""
    left = [number]
    for name in WRITES:
        original = getattr(os, name)

        def counted(*arguments, _original=original, **options):
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            return _original(*arguments, **options)

        setattr(os, name, counted)


def main(folder: Path, one: Path, other: Path, what: str) -> None:
    work = {
        "add": lambda: Corrections(folder).add(other, [[3.5, 4.0]], name="b.png"),
        "change": lambda: Corrections(folder).set_points("a.png", [[1.0, 1.0], [2.0, 2.0]]),
        "remove": lambda: Corrections(folder).remove("b.png"),
    }[what]
    number = 0
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        Corrections(folder).add(one, [[1.0, 2.0]], name="a.png")
        if what == "remove":
            Corrections(folder).add(other, [[3.5, 4.0]], name="b.png")
        child = os.fork()
        if child == 0:
            killed_at(number)
            work()
            os._exit(0)
        _, status = os.waitpid(child, 0)
        dataset = create("dataset", "folder", root=folder, split="all")
        found = [dataset.annotation(index) for index in range(len(dataset))]
        images = {each.name: each.points.tolist() for each in found}
        print(json.dumps([os.WIFSIGNALED(status), images]))
        if not os.WIFSIGNALED(status):
            return
        number += 1


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), sys.argv[4])
