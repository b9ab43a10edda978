"""`crowdkit grid --launcher`: runs in jobs, one of which is killed, and a made-up Slurm."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from crowdkit_core.folder_lock import locked

GRID = """
counter = "toy"

[dataset]
name = "toys"
length = 4

[trainer]
epochs = 2
batch_size = 2

[[grid.axes]]
name = "loss"
[grid.axes.values.MSE]
loss = "mse"
[grid.axes.values.Deadly]
loss = "deadly"
"""

DEADLY = """
import os
from pathlib import Path
from crowdkit_core.losses import MSE

class Deadly(MSE):
    "A squared error that once signals the job it is in, in the second epoch."

    calls = 0

    def __init__(self) -> None:
        super().__init__()

    def forward(self, prediction, target):
        Deadly.calls += 1
        died = Path(os.environ["DIED"])
        if "SUBMITIT_EXECUTOR" in os.environ and Deadly.calls == 3 and not died.exists():
            died.touch()
            os.kill(os.getpid(), int(os.environ["SIGNAL"]))
        return super().forward(prediction, target)
"""


@pytest.fixture
def grid(install, monkeypatch, tmp_path):
    """A grid of two runs, whose parts other processes find too."""
    toys = "crowdkit_core.testing.toys"
    parts = {
        "crowdkit.counters": {"toy": f"{toys}:ToyCounter"},
        "crowdkit.datasets": {"toys": f"{toys}:ToyDataset"},
        "crowdkit.losses": {"deadly": "deadly_loss:Deadly"},
    }
    site = install("crowdkit-deadly", parts, {"deadly_loss.py": DEADLY})
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), *sys.path]))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("DIED", str(tmp_path / "died"))
    monkeypatch.setenv("SIGNAL", str(int(signal.SIGKILL)))
    (tmp_path / "losses.toml").write_text(GRID)
    return tmp_path / "losses.toml"


def numbers(folder):
    """The table without what measures time or names the folder."""
    table = (folder / "table.md").read_text()
    return re.sub(r"together: .*", "", table).replace(str(folder), "DIR")


def states(crowdkit, grid, folder):
    out = crowdkit("grid", grid, "--output", folder, "--dry-run").out
    return dict(line.split() for line in out.splitlines()[1:])


def test_a_killed_job_is_gone_on_with_and_nothing_done_twice(crowdkit, grid, tmp_path):
    asked = ("grid", grid, "--output", tmp_path / "out", "--launcher", "local", "--jobs", 2)
    killed = crowdkit(*asked)
    assert killed.code == 1
    assert "Deadly/seed-0: stopped before its end" in killed.out
    assert "MSE/seed-0: MAE" in killed.out
    assert "1 of 2 runs were stopped: Deadly/seed-0" in killed.err
    assert states(crowdkit, grid, tmp_path / "out") == {
        "MSE/seed-0": "finished",
        "Deadly/seed-0": "stopped",
    }
    before = (tmp_path / "out/MSE/seed-0/state.pt").stat().st_mtime_ns

    finished = crowdkit(*asked)
    assert finished.code == 0, finished.err
    assert (tmp_path / "out/MSE/seed-0/state.pt").stat().st_mtime_ns == before
    log = (tmp_path / "out/Deadly/seed-0/log.jsonl").read_text().splitlines()
    assert [json.loads(line).get("epoch") for line in log] == [None, 1, None, 2, None]
    jobs = list((tmp_path / "out/.logs").glob("*_submitted.pkl"))
    assert len(jobs) == 3
    assert crowdkit(*asked).code == 0
    assert list((tmp_path / "out/.logs").glob("*_submitted.pkl")) == jobs

    assert crowdkit("grid", grid, "--output", tmp_path / "here").code == 0
    assert numbers(tmp_path / "out") == numbers(tmp_path / "here")


def test_a_job_whose_time_is_up_is_queued_again(crowdkit, grid, monkeypatch, tmp_path):
    monkeypatch.setenv("SIGNAL", str(int(signal.SIGUSR2)))  # what submitit has jobs told by
    out = tmp_path / "out"
    finished = crowdkit("grid", grid, "--output", out, "--only", "Deadly", "--launcher", "local")
    assert finished.code == 0, finished.err
    log = (out / "Deadly/seed-0/log.jsonl").read_text().splitlines()
    assert [json.loads(line).get("epoch") for line in log][-2:] == [2, None]
    assert (tmp_path / "died").exists()


def test_a_run_that_another_process_is_in_is_left_to_it(crowdkit, grid, tmp_path):
    with locked(tmp_path / "out/.jobs/MSE/seed-0"):
        (tmp_path / "out/grid.toml").touch()
        finished = crowdkit("grid", grid, "--output", tmp_path / "out")
    assert finished.code == 0, finished.err
    assert "2 runs: 1 running, 1 finished" in finished.out
    assert not (tmp_path / "out/MSE").exists()


@pytest.fixture
def slurm(monkeypatch, tmp_path):
    """A machine with Slurm's commands: jobs are never run, and wait as long as a file names them.

    Gives the folder with that file, ``queue``, and the scripts that were submitted.
    """
    folder = tmp_path / "slurm"
    folder.mkdir()
    (folder / "queue").touch()
    commands = {
        "srun": "exit 1",
        "sbatch": f'n=$(ls {folder}/*.sh 2>/dev/null | wc -l); cp "$1" {folder}/$n.sh; '
        "echo Submitted batch job $((4242 + n))",
        "squeue": f"[ -s {folder}/queue ] || {{ echo slurm_load_jobs error: Invalid job id "
        f"specified >&2; exit 1; }}; cat {folder}/queue",
    }
    (tmp_path / "bin").mkdir()
    for name, line in commands.items():
        script = tmp_path / "bin" / name
        script.write_text(f"#!/bin/sh\n{line}\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    return folder


def test_slurm_gets_each_run_once(crowdkit, grid, slurm, tmp_path):
    out = tmp_path / "out"
    wanted = ("--slurm", "timeout_min=90", "--slurm", "partition=gpu", "--slurm", "gpus_per_node=1")
    asked = ("grid", grid, "--output", out, "--launcher", "slurm", "--jobs", 1, *wanted)
    (slurm / "queue").write_text("4242_0\n4242_1\n")
    submitted = crowdkit(*asked)
    assert submitted.code == 0, submitted.err
    assert "2 runs: 2 queued" in submitted.out
    lines = (slurm / "0.sh").read_text().splitlines()
    for line in ("--array=0-1%1", "--time=90", "--partition=gpu", "--gpus-per-node=1"):
        assert f"#SBATCH {line}" in lines
    assert crowdkit(*asked).out.split() == submitted.out.split()

    started = {"SLURM_JOB_ID": "4243", "SLURM_ARRAY_JOB_ID": "4242", "SLURM_ARRAY_TASK_ID": "0"}
    task = {"SLURM_NTASKS": "1", "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0"}
    subprocess.run(
        [sys.executable, "-m", "submitit.core._submit", out / ".logs"],
        env={**os.environ, "SUBMITIT_EXECUTOR": "slurm", **started, **task},
        check=True,
        capture_output=True,
        timeout=300,
    )
    (slurm / "queue").write_text("4242_1\n")
    assert "2 runs: 1 finished, 1 queued" in crowdkit(*asked).out
    assert len(list(slurm.glob("*.sh"))) == 1

    (slurm / "queue").write_text("")  # the other was killed
    assert states(crowdkit, grid, out) == {"MSE/seed-0": "finished", "Deadly/seed-0": "stopped"}
    (slurm / "queue").write_text("4243\n")
    assert "2 runs: 1 finished, 1 queued" in crowdkit(*asked).out
    assert "--array" not in (slurm / "1.sh").read_text()
    assert len(list(slurm.glob("*.sh"))) == 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--launcher", "slurm"], "nobody said how long"),
        (["--launcher", "slurm", "--slurm", "time=5", "--slurm", "nodes=2"], "one process"),
        (["--launcher", "slurm", "--slurm", "time=5", "--slurm", "tmie=5"], "'tmie'"),
        (["--launcher", "local", "--jobs", "0"], "--jobs is 0"),
        (["--slurm", "time=5"], "--slurm without --launcher slurm"),
        (["--jobs", "2"], "--jobs without --launcher"),
    ],
)
def test_mistakes_are_named_before_anything_is_done(crowdkit, grid, slurm, tmp_path, options, why):
    refused = crowdkit("grid", grid, "--output", tmp_path / "out", *options)
    assert refused.code == 2
    assert why in refused.err.splitlines()[0]
    assert not (tmp_path / "out").exists()


def test_without_slurm_or_submitit(crowdkit, grid, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    asked = ("grid", grid, "--output", tmp_path / "out", "--launcher", "slurm")
    assert "no Slurm on this machine" in crowdkit(*asked, "--slurm", "time=5").err
    monkeypatch.setitem(sys.modules, "submitit", None)
    refused = crowdkit(*asked, "--slurm", "time=5")
    assert refused.code == 1
    assert "pip install 'crowdkit-core[slurm]'" in refused.err
