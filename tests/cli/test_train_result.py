"""What `crowdkit train` says of the weights it leaves behind."""

import json
from dataclasses import replace

import pytest

from crowdkit_core import register
from crowdkit_core.training import Supervised

TINY = ["--counter", "mcnn", "--set", "dataset.images=2"]
TINY += ["--set", "dataset.size=[64, 64]", "--set", "dataset.people=[0, 9]"]


class TwoStages(Supervised):
    """Trains twice, and the run's weights are the first time's, whatever the errors."""

    def stages(self, task):
        (plan,) = super().stages(task)
        return [replace(plan, name=name) for name in ("early", "late")]

    def chosen(self, errors):
        return "early"


@pytest.fixture
def log(tmp_path):
    def read():
        return [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]

    return read


def test_the_stage_that_was_chosen_is_named(crowdkit, tmp_path, log):
    with register("trainer", "two-stages", TwoStages):
        finished = crowdkit(
            "train", *TINY, "--trainer", "two-stages", "--set", "trainer.epochs=2",
            "--output", tmp_path / "run",
        )  # fmt: skip
    assert finished.code == 0, finished.err
    epochs = [each for each in log() if each.get("stage") == "early" and "mae" in each]
    best = min(epochs, key=lambda each: each["mae"])
    line = f"best: epoch {best['epoch']} of stage early, MAE {best['mae']:.2f}"
    assert line in finished.out


def test_a_single_stage_goes_without_saying(crowdkit, tmp_path):
    run = tmp_path / "run"
    finished = crowdkit("train", *TINY, "--set", "trainer.epochs=1", "--output", run)
    assert "best: epoch 1, MAE" in finished.out
    assert " of stage " not in finished.out
