"""Run by torchrun: trains in the folder given, over as many processes as there are."""

import json
import os
import sys
from pathlib import Path


def main(directory: str, epochs: str, resume: str) -> None:
    import toys  # beside this file, which is importable only when this file is the program

    result = toys.train_for_comparison(
        Path(directory),
        processes=int(os.environ["WORLD_SIZE"]),
        epochs=int(epochs),
        resume=resume == "resume",
    )
    history = Path(directory) / f"history-{os.environ['RANK']}.json"
    history.write_text(json.dumps(result.history))


if __name__ == "__main__":
    main(*sys.argv[1:])
