"""Training that is stopped from outside says what is kept and how to go on."""

import os
import signal

import pytest


@pytest.fixture
def stopped(request, crowdkit, tmp_path, monkeypatch):
    """Train, and get a signal once that has begun."""

    def run(number: int, *kept: str):
        def begin(recipe):
            recipe.run.directory.mkdir()
            for name in kept:
                (recipe.run.directory / name).touch()
            os.kill(os.getpid(), number)
            raise AssertionError("not stopped")

        # A shell that starts the tests in the background has Ctrl-C ignored.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
        monkeypatch.setattr("crowdkit_core.training.train_recipe", begin)
        return crowdkit("train", "--counter", "mcnn", "--output", tmp_path / "run")

    return run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_is_answered_with_the_way_on(stopped, tmp_path, number, code) -> None:
    before = signal.getsignal(signal.SIGTERM)
    finished = stopped(number, "state.pt")
    assert finished.code == code
    (line,) = finished.err.strip().splitlines()
    assert line == (
        "crowdkit: stopped; finished epochs are kept; go on with: "
        f"crowdkit train --resume --output {tmp_path / 'run'}"
    )
    assert signal.getsignal(signal.SIGTERM) is before


def test_nothing_is_kept_before_the_first_epoch(stopped) -> None:
    assert "no epoch was finished, so nothing is kept" in stopped(signal.SIGTERM).err


def test_one_of_the_processes_of_torchrun_says_it(stopped, monkeypatch) -> None:
    monkeypatch.setenv("RANK", "1")
    finished = stopped(signal.SIGTERM, "state.pt")
    assert (finished.code, finished.err) == (143, "")
