"""Two processes train counter and generator as one does."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SCRIPT = Path(__file__).with_name("joint_run.py")
WEIGHTS = [
    f"{which}{of}.safetensors" for which in ("best", "last") for of in ("", "-density-generator")
]


def in_this_process(folder: Path, epochs: int, *, resume: bool = False) -> list[dict]:
    runpy.run_path(str(SCRIPT))["main"](folder, epochs, resume=resume)
    return json.loads((folder / "history-0.json").read_text())


def in_two_processes(folder: Path, epochs: int, *, resume: bool = False) -> list[dict]:
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
def histories(folders) -> tuple[list[dict], list[dict]]:
    one, two = folders
    return in_this_process(one, 2), in_two_processes(two, 2)


def test_objectives_are_those_of_one_process(histories) -> None:
    for one, two in zip(*histories, strict=True):
        assert set(one["losses"]) == {"mse", "penalty", "loss"}
        assert two["losses"] == pytest.approx(one["losses"], rel=1e-4)
        assert two["mae"] == pytest.approx(one["mae"], rel=1e-4)


@pytest.mark.usefixtures("histories")
@pytest.mark.parametrize("name", WEIGHTS)
def test_both_networks_are_those_of_one_process(folders, name) -> None:
    one, two = (load_file(folder / name) for folder in folders)
    torch.testing.assert_close(two, one, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.usefixtures("histories")
def test_two_processes_resume(folders) -> None:
    one, two = folders
    alone = in_this_process(one, 4, resume=True)
    shared = in_two_processes(two, 4, resume=True)
    assert [record["epoch"] for record in shared] == [1, 2, 3, 4]
    for first, second in zip(alone, shared, strict=True):
        assert second["losses"] == pytest.approx(first["losses"], rel=1e-3)
    for name in WEIGHTS:
        torch.testing.assert_close(
            load_file(two / name), load_file(one / name), rtol=1e-3, atol=1e-5
        )
