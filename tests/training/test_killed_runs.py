"""What a run leaves when it ends at any moment, and two runs in one folder."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from crowdkit_core import folder_lock
from crowdkit_core.errors import CrowdkitError, NotEnoughMemoryError, UsageError, WeightsError
from crowdkit_core.files import atomic_write, is_leftover
from crowdkit_core.folder_lock import HOLDER_FILE, LOCK_FILE, locked
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import Supervised, train
from crowdkit_core.training.processes import process_counts

HOLD = """
import runpy, sys, time
from pathlib import Path
with runpy.run_path(sys.argv[1])["locked"](Path(sys.argv[2])):
    print("held", flush=True)
    time.sleep(60)
"""  # without its package, which imports torch


def one_epoch() -> Supervised:
    return Supervised(epochs=1, batch_size=4)


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the folder."""
    command = [sys.executable, "-c", HOLD, folder_lock.__file__, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_another_run_in_the_folder_is_named_until_it_is_killed(toys, tmp_path, holder) -> None:
    run = RunSettings(directory=tmp_path)
    with pytest.raises(UsageError, match="in use, by process") as refused:
        train(toys.task(), one_epoch(), run)
    assert f"process {holder.pid} on {socket.gethostname()}" in refused.value.message
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (tmp_path / LOCK_FILE).exists()
    train(toys.task(), one_epoch(), run)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_folder_is_free_again_after_its_run(tmp_path) -> None:
    for _ in range(2):
        with locked(tmp_path):
            about = json.loads((tmp_path / HOLDER_FILE).read_text())
            assert about == {"process": os.getpid(), "host": socket.gethostname()}
        assert list(tmp_path.iterdir()) == []


def leave_half_written(path: Path) -> Path:
    """What a process that is killed while it writes a file leaves."""
    with atomic_write(path) as temporary:
        temporary.touch()
    path.replace(temporary)
    return temporary


def test_leftovers_of_a_killed_run_are_no_run_and_are_removed(toys, tmp_path) -> None:
    left = [
        leave_half_written(path)
        for path in (tmp_path / "best.safetensors", tmp_path / "train/state.pt")
    ]
    assert all(is_leftover(path) for path in left)
    own = tmp_path / ".notes.part.txt"
    own.write_text("mine")
    train(toys.task(), one_epoch(), RunSettings(directory=tmp_path))
    assert not any(path.exists() for path in left)
    assert own.read_text() == "mine"


@pytest.mark.parametrize("damage", ["flipped", "cut", "other"])
def test_a_damaged_state_is_named_with_the_way_out(toys, tmp_path, damage) -> None:
    train(toys.task(), one_epoch(), RunSettings(directory=tmp_path))
    state = tmp_path / "state.pt"
    content = bytearray(state.read_bytes())
    if damage == "flipped":  # in a number of a tensor, which torch reads without a word
        content[content.index(b"/data/0") + 200] ^= 1
        state.write_bytes(content)
    elif damage == "cut":
        state.write_bytes(content[:-300])
    else:
        torch.save({"epoch": 1}, state)
    with pytest.raises(WeightsError, match=r"state\.pt: cannot be read as training") as refused:
        train(toys.task(), one_epoch(), RunSettings(directory=tmp_path, resume=True))
    assert "\n" not in refused.value.message
    assert "another folder" in refused.value.hint


def test_half_a_line_of_the_log_is_taken_away(toys, tmp_path) -> None:
    train(toys.task(), one_epoch(), RunSettings(directory=tmp_path))
    log = tmp_path / "log.jsonl"
    whole = log.read_text()
    log.write_text(whole + '{"event": "epoch_en')
    more = Supervised(epochs=2, batch_size=4)
    train(toys.task(), more, RunSettings(directory=tmp_path, resume=True))
    assert log.read_text().startswith(whole)
    events = [json.loads(line)["event"] for line in log.read_text().splitlines()]
    assert events == ["training_started", "epoch_ended", "training_ended"] * 2


def test_an_epoch_is_logged_before_it_is_kept(toys, tmp_path, monkeypatch) -> None:
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("crowdkit_core.training.run_folder.StageFolder.save_state", killed)
    with pytest.raises(KeyboardInterrupt):
        train(toys.task(), one_epoch(), RunSettings(directory=tmp_path))
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in lines]
    assert events == ["training_started", "epoch_ended", "training_ended"]


CPU = "[enforce fail at alloc_cpu.cpp:1] . DefaultCPUAllocator: can't allocate memory"


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nSee docs"),
        RuntimeError(CPU),
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_out_of_memory_is_a_line_and_the_state_is_kept(toys, tmp_path, error) -> None:
    counter = toys.seeded(toys.Linear)
    train(toys.task(counter), one_epoch(), RunSettings(directory=tmp_path))

    def fail(_):
        raise error

    counter.forward = fail
    trainer = Supervised(epochs=2, batch_size=4)
    with pytest.raises(NotEnoughMemoryError, match="batches of 4 images") as refused:
        train(toys.task(counter), trainer, RunSettings(directory=tmp_path, resume=True))
    assert "\n" not in refused.value.message
    assert "--resume" in refused.value.hint
    assert isinstance(refused.value, MemoryError)
    del counter.forward
    train(toys.task(counter), trainer, RunSettings(directory=tmp_path, resume=True))


def test_other_errors_of_a_network_stay_what_they_are(toys, tmp_path) -> None:
    counter = toys.seeded(toys.Linear)

    def fail(_):
        raise RuntimeError("sizes do not match")

    counter.forward = fail
    with pytest.raises(RuntimeError, match="sizes do not match"):
        train(toys.task(counter), one_epoch(), RunSettings(directory=tmp_path))


@pytest.fixture
def torchrun(monkeypatch):
    def start(processes: int, machines: int = 1) -> None:
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(processes))
        monkeypatch.setenv("GROUP_WORLD_SIZE", str(machines))

    return start


def test_torchrun_says_how_many_processes_there_are(torchrun) -> None:
    assert process_counts(RunSettings()) == (1, 1)
    assert process_counts(RunSettings(devices=2, num_nodes=3)) == (2, 3)
    torchrun(4, 2)
    assert process_counts(RunSettings()) == (4, 2)
    assert process_counts(RunSettings(devices=4, num_nodes=2)) == (4, 2)


@pytest.mark.parametrize("settings", [{"devices": 1}, {"devices": 3}, {"num_nodes": 2}])
def test_settings_that_contradict_torchrun_are_refused(toys, tmp_path, torchrun, settings) -> None:
    torchrun(2)
    run = RunSettings(directory=tmp_path / "run", **settings)
    (name,) = settings
    with pytest.raises(UsageError, match=rf"run\.{name} is .*but torchrun started") as refused:
        train(toys.task(), one_epoch(), run)
    assert f"leave run.{name} out" in refused.value.hint
    assert not run.directory.exists()


def test_a_folder_that_cannot_be_locked_is_named(tmp_path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CrowdkitError, match="file: cannot be locked"), locked(tmp_path / "file"):
        pass
