"""An evaluation over two processes; started by the tests of `evaluate`."""

import json
import sys
from pathlib import Path

import torch
from torch import distributed, multiprocessing

from crowdkit_core.density import Fixed
from crowdkit_core.evaluation import evaluate, report_dict, validate
from crowdkit_core.localization import LocalMaxima
from crowdkit_core.registry.lookup import installed
from crowdkit_core.testing.toys import ToyCounter, ToyDataset

PROCESSES = 2


def main(rank: int, folder: Path) -> None:
    """Evaluate this process's share and write what it was told of the whole."""
    torch.manual_seed(0)
    counter, dataset = ToyCounter(), ToyDataset(length=5)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=PROCESSES
    )
    progress: list[tuple[int, int]] = []
    report = evaluate(
        counter,
        dataset,
        localizer=LocalMaxima(),
        metrics=installed("metric"),
        density_generator=Fixed(sigma=4.0),
        rank=rank,
        world_size=PROCESSES,
        progress=lambda done, total: progress.append((done, total)),
    )
    errors = validate(counter, dataset, rank=rank, world_size=PROCESSES)
    document = {"report": report_dict(report), "errors": errors, "progress": progress}
    (folder / f"{rank}.json").write_text(json.dumps(document))
    distributed.destroy_process_group()


if __name__ == "__main__":
    multiprocessing.start_processes(  # forked: the libraries are imported once
        main, (Path(sys.argv[1]),), nprocs=PROCESSES, start_method="fork"
    )
