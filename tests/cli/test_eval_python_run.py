"""`crowdkit eval` of runs that a program started."""

import pytest
import torch

from crowdkit_core import create
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.losses import L1
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import Supervised, train


class Unregistered(L1):
    """A loss of a notebook."""


@pytest.fixture
def trained(photos, tmp_path):
    def run(loss):
        torch.manual_seed(0)
        images = {"root": photos, "test_every": 4, "validation_every": 4}
        task = TrainingTask(
            counter=create("counter", "mcnn"),
            loss=loss,
            density_generator=create("density_generator", "fixed"),
            train=create("dataset", "folder", **images, split="train"),
            validation=create("dataset", "folder", **images, split="validation"),
        )
        train(task, Supervised(epochs=1), RunSettings(directory=tmp_path / "run"))
        return tmp_path / "run"

    return run


def test_it_is_evaluated_like_any_other(crowdkit, trained):
    finished = crowdkit("eval", trained(create("loss", "l1")), "--metrics", "psnr")
    assert finished.code == 0, finished.err
    assert "mcnn on folder (test): 3 images" in finished.out


def test_without_a_recipe_it_is_said_why_and_how_it_works(crowdkit, trained, photos):
    run = trained(Unregistered())
    refused = crowdkit("eval", run)
    assert refused.code == 2
    assert "'Unregistered' is not registered" in refused.err
    (command,) = [line for line in refused.err.splitlines() if "crowdkit eval" in line]
    said = command.partition("crowdkit eval ")[2].replace("--counter NAME", "--counter mcnn")
    said = said.replace("--dataset NAME", "--dataset folder")
    said = said.replace("dataset.OPTION=VALUE", f"dataset.root={photos}")
    assert "(all): 12 images" in crowdkit("eval", *said.split()).out
