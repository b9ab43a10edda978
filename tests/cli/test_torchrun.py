"""Commands whose files are shared by the processes that torchrun started."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROCESSES = 2
KILLED = Path(__file__).with_name("killed_count.py")


def torchrun(*program):
    launcher = ["torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}"]
    return subprocess.run(
        [sys.executable, "-m", *launcher, *map(str, program)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.fixture
def asked(photos, weights, tmp_path):
    """Arguments of a count that writes everything into a folder."""

    def arguments(name):
        into = tmp_path / name
        written = ("--csv", into / "counts.csv", "--points", into / "points.csv")
        drawn = ("--pictures", into / "pictures", "--densities", into / "maps")
        return ["count", photos, "--weights", weights, *written, *drawn]

    return arguments


def test_a_killed_share_is_done_by_the_next_run(crowdkit, asked, tmp_path):
    alone = crowdkit(*asked("alone"))
    assert alone.code == 0, alone.err

    stopped = torchrun(KILLED, 1, 2, *asked("shared"))
    assert stopped.returncode == 1
    assert not (tmp_path / "shared/counts.csv").exists()

    resumed = torchrun("-m", "crowdkit_core.cli", *asked("shared"))
    assert resumed.returncode == 0, resumed.stderr
    assert "of 12 files are counted already" in resumed.stderr
    printed = stopped.stdout.splitlines() + resumed.stdout.splitlines()
    assert sorted(printed) == sorted(alone.out.splitlines())  # nothing twice, whole lines, one sum
    files = [
        {path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*")}
        for name in ("alone", "shared")
    ]
    assert files[0] == files[1]
    for name in ("counts.csv", "points.csv", "maps/7.npy"):
        assert (tmp_path / "shared" / name).read_bytes() == (tmp_path / "alone" / name).read_bytes()


def test_evaluation_prints_what_one_process_prints(crowdkit, photos, weights, tmp_path):
    data = ("--dataset", "folder", "--set", f"dataset.root={photos}", "--split", "all")
    asked = ("eval", "--weights", weights, *data, "--localizer", "local-maxima")
    alone = crowdkit(*asked, "--csv", tmp_path / "alone.csv")
    shared = torchrun("-m", "crowdkit_core.cli", *asked, "--csv", tmp_path / "shared.csv")
    assert shared.returncode == 0, shared.stderr
    assert shared.stdout == alone.out
    assert (tmp_path / "shared.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()
