"""A run without a network, in the real package; and what is sent, to a stand-in for the service."""

from types import SimpleNamespace

import numpy as np
import pytest
import wandb
from crowdkit_wandb.tracker import WandB

from crowdkit_core.interfaces import TrackedRun

PICTURE = np.zeros((6, 8, 3), dtype=np.uint8)


def track(folder, epochs, *, resumed=False, **options):
    tracker = WandB(**options)
    settings = {"trainer.epochs": 2}
    tracker.start(TrackedRun(directory=folder, recipe="x = 1", settings=settings, resumed=resumed))
    for epoch in epochs:
        tracker.log_pictures({"street": PICTURE}, epoch=epoch)
        tracker.log_values({"loss/loss": 1 / epoch}, epoch=epoch)
    tracker.finish(completed=True)


def test_offline_a_run_is_kept_for_later(tmp_path) -> None:
    track(tmp_path, [1, 2], mode="offline", project="crowds")
    (kept,) = (tmp_path / "wandb").glob("offline-run-*")
    assert (kept / "files/crowdkit-recipe.toml").read_text() == "x = 1"
    assert len(list(kept.glob("files/media/images/held-out/*.png"))) == 2
    identity = (tmp_path / "wandb/crowdkit-run-id.txt").read_text().strip()
    assert (kept / f"run-{identity}.wandb").stat().st_size > 0


@pytest.fixture
def began(tmp_path, monkeypatch):
    """What the runs of a stand-in were begun with, and what was logged to them."""
    runs = []

    def init(**options):
        run = SimpleNamespace(options=options, logged=[], dir=tmp_path, ended=None)
        run.log = lambda data, *, step, commit: run.logged.append((step, commit, data))
        run.finish = lambda *, exit_code: setattr(run, "ended", exit_code)
        runs.append(run)
        return run

    monkeypatch.setattr(wandb, "init", init)
    return runs


def test_numbers_come_with_pictures_of_the_same_step(began, tmp_path) -> None:
    track(tmp_path, [1], project="crowds", tags=("a",))
    (run,) = began
    (step, committed, images), numbers = run.logged
    assert (step, committed, list(images)) == (1, False, ["held-out/street"])
    assert isinstance(images["held-out/street"], wandb.Image)
    assert numbers == (1, True, {"loss/loss": 1.0, "epoch": 1})
    assert run.options["config"] == {"trainer.epochs": 2}
    assert (run.options["project"], run.options["tags"]) == ("crowds", ["a"])
    assert run.ended == 0


def test_only_a_resumed_run_goes_on_under_its_identity(began, tmp_path) -> None:
    track(tmp_path, [1])
    track(tmp_path, [2], resumed=True)
    track(tmp_path, [1])
    first, resumed, new = (each.options["id"] for each in began)
    assert first == resumed != new
