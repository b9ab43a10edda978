"""Two processes do what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SCRIPT = Path(__file__).with_name("distributed_run.py")


def launch(processes: int, folder: Path, *, resume: bool = False) -> list[dict]:
    launcher = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", str(processes)),
    ]
    done = subprocess.run(
        [*launcher, str(SCRIPT), str(folder), "resume" if resume else "new"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    histories = [
        json.loads((folder / f"history-{rank}.json").read_text()) for rank in range(processes)
    ]
    for other in histories[1:]:
        assert [r["losses"] for r in other] == [r["losses"] for r in histories[0]]
        assert [r["mae"] for r in other] == [r["mae"] for r in histories[0]]
    return histories[0]


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> tuple[Path, list[dict], Path, list[dict]]:
    one, two = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    return one, launch(1, one), two, launch(2, two)


def test_losses_of_two_processes_are_those_of_one(runs) -> None:
    _, alone, _, shared = runs
    for one, two in zip(alone, shared, strict=True):
        assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)


def test_weights_of_two_processes_are_those_of_one(runs) -> None:
    one, _, two, _ = runs
    for name in ("last.safetensors", "best.safetensors"):
        torch.testing.assert_close(load_file(one / name), load_file(two / name))


def test_each_validation_image_is_counted_once(runs) -> None:
    _, alone, _, shared = runs
    for one, two in zip(alone, shared, strict=True):
        assert two["mae"] == pytest.approx(one["mae"], rel=1e-5)
        assert two["rmse"] == pytest.approx(one["rmse"], rel=1e-5)


@pytest.mark.slow
def test_two_processes_go_on_with_the_run_of_one(runs, tmp_path) -> None:
    one, _, two, _ = runs
    alone = launch(1, one, resume=True)
    shared = launch(2, two, resume=True)
    assert [record["epoch"] for record in shared] == [1, 2, 3, 4]
    for first, second in zip(alone, shared, strict=True):
        assert second["losses"] == pytest.approx(first["losses"], rel=1e-4)
