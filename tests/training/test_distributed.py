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


def in_two_processes(folder: Path, *, epochs: int, resume: bool = False) -> list[dict]:
    """The history of a run over two gloo processes, which both must agree on."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launcher, str(SCRIPT), str(folder), str(epochs), "resume" if resume else "new"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    one, two = [json.loads((folder / f"history-{rank}.json").read_text()) for rank in range(2)]
    for name in ("losses", "mae", "rmse"):
        assert [record[name] for record in one] == [record[name] for record in two]
    return one


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> tuple[Path, Path]:
    return tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")


@pytest.fixture(scope="module")
def histories(toys, folders) -> tuple[list[dict], list[dict]]:
    one, two = folders
    alone = toys.train_for_comparison(one, epochs=2).history
    return list(alone), in_two_processes(two, epochs=2)


def test_losses_of_two_processes_are_those_of_one(histories) -> None:
    for one, two in zip(*histories, strict=True):
        assert two["losses"] == pytest.approx(one["losses"], rel=1e-5)


@pytest.mark.usefixtures("histories")
def test_weights_of_two_processes_are_those_of_one(folders) -> None:
    one, two = folders
    for name in ("last.safetensors", "best.safetensors"):
        torch.testing.assert_close(load_file(one / name), load_file(two / name))


def test_each_validation_image_is_counted_once(histories) -> None:
    for one, two in zip(*histories, strict=True):
        assert two["mae"] == pytest.approx(one["mae"], rel=1e-5)
        assert two["rmse"] == pytest.approx(one["rmse"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.usefixtures("histories")
def test_two_processes_resume(toys, folders) -> None:
    one, two = folders
    alone = toys.train_for_comparison(one, epochs=4, resume=True).history
    shared = in_two_processes(two, epochs=4, resume=True)
    assert [record["epoch"] for record in shared] == [1, 2, 3, 4]
    for first, second in zip(alone, shared, strict=True):
        assert second["losses"] == pytest.approx(first["losses"], rel=1e-4)
