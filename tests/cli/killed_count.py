"""`crowdkit` whose process of one rank kills itself once it has counted so many images."""

import os
import signal
import sys

from crowdkit_core.cli import main
from crowdkit_core.cli.count_outputs import CountOutputs


def kill_after(images: int) -> None:
    """Die without a word before the next image is added."""
    add, added = CountOutputs.add, []

    def add_or_die(self, counted, stem):
        if len(added) == images:
            os.kill(os.getpid(), signal.SIGKILL)
        added.append(counted)
        add(self, counted, stem)

    CountOutputs.add = add_or_die


if __name__ == "__main__":
    rank, images, *arguments = sys.argv[1:]
    if os.environ["RANK"] == rank:
        kill_after(int(images))
    sys.argv = ["crowdkit", *arguments]
    main()
