"""Trackers are told of a run, and neither stop nor change it, whatever they do."""

import csv
import random
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from crowdkit_core.data import Augmentation
from crowdkit_core.errors import OptionsError, UsageError
from crowdkit_core.interfaces import Tracker, require_package
from crowdkit_core.registry import isolated_registry, register
from crowdkit_core.settings import ComponentSettings, RunSettings, load_recipe, write_recipe
from crowdkit_core.settings.differences import deciding_settings
from crowdkit_core.settings.loading import DEFAULTS
from crowdkit_core.tracking import guard, listener, make_trackers
from crowdkit_core.tracking.csv_file import CSV
from crowdkit_core.training import Supervised, train

METHODS = ("start", "log_pictures", "log_values", "finish")


class Recorder(Tracker):
    """Keeps what it is told, in which thread."""

    def __init__(self) -> None:
        self.told = []
        self.threads = set()

    def _hear(self, *what):
        self.told.append(what)
        self.threads.add(threading.get_ident())

    def start(self, run):
        self._hear("start", run)

    def log_values(self, values, *, epoch):
        self._hear("log_values", epoch, dict(values))

    def log_pictures(self, pictures, *, epoch):
        self._hear("log_pictures", epoch, dict(pictures))

    def finish(self, *, completed):
        self._hear("finish", completed)

    def of(self, method):
        return [each[1:] for each in self.told if each[0] == method]


class Failing(Recorder):
    """Does something else in one method."""

    def __init__(self, method, act) -> None:
        super().__init__()
        self.method, self.act = method, act

    def _hear(self, *what):
        super()._hear(*what)
        if what[0] == self.method:
            self.act()


def run_in(folder: Path, **options) -> RunSettings:
    return RunSettings(
        **{"directory": folder, "accelerator": "cpu", "tracked_images": 1, **options}
    )


def trained(toys, run, *trackers, epochs=2, task=None, trainer=None):
    """Dropout and flips make the result depend on everything that is drawn."""
    trainer = trainer or Supervised(epochs=epochs, batch_size=4, augmentation=Augmentation())
    return train(task or toys.task(), trainer, run, trackers=trackers)


def weights(result) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in result.counter.parameters()])


def read_rows(folder):
    with (folder / "csv" / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


# -- what trackers are told ---------------------------------------------------------------------


def test_a_tracker_is_told_recipe_numbers_and_pictures_in_its_own_thread(toys, tmp_path) -> None:
    recorder = Recorder()
    history = trained(toys, run_in(tmp_path / "run", tracked_images=2), recorder).history
    assert [each[0] for each in recorder.told] == [
        "start",
        *["log_pictures", "log_values"] * 2,
        "finish",
    ]
    ((run,),) = recorder.of("start")
    assert (run.name, run.directory, run.resumed) == ("run", tmp_path / "run", False)
    for (epoch, values), record in zip(recorder.of("log_values"), history, strict=True):
        assert epoch == record["epoch"]
        assert values["loss/loss"] == record["losses"]["loss"]
        assert values["learning_rate/counter"] == record["learning_rates"]["counter"]
        assert values["validation/mae"] == record["mae"]
        assert values["validation/rmse"] == record["rmse"]
    for _, pictures in recorder.of("log_pictures"):
        assert list(pictures) == ["scene-0", "scene-2"]
        for picture in pictures.values():
            assert picture.dtype == np.uint8
            assert picture.shape[2] == 3
            assert picture.std() > 0
    assert recorder.of("finish") == [(True,)]
    assert len(recorder.threads) == 1
    assert threading.get_ident() not in recorder.threads


def test_stages_follow_one_another(toys, tmp_path) -> None:
    recorder = Recorder()
    trainer = toys.Distillation(epochs=2, student_epochs=1)
    trained(toys, run_in(tmp_path, tracked_images=0), recorder, trainer=trainer)
    told = recorder.of("log_values")
    assert [epoch for epoch, _ in told] == [1, 2, 3]
    losses = [[name for name in values if "/loss/" in name] for _, values in told]
    assert losses[0] == losses[1] == ["teacher/loss/mse", "teacher/loss/loss"]
    assert losses[2] == ["student/loss/mse", "student/loss/teacher", "student/loss/loss"]
    assert recorder.of("log_pictures") == []


def test_csv_has_the_numbers_of_each_epoch_and_goes_on(toys, tmp_path) -> None:
    history = trained(toys, run_in(tmp_path), CSV(), epochs=1).history
    (first,) = read_rows(tmp_path)
    assert float(first["loss/loss"]) == history[0]["losses"]["loss"]
    with (tmp_path / "csv" / "metrics.csv").open("a") as file:
        file.write("2" + "," * (len(first) - 1) + "\n")  # told, then killed before it was kept
    history = trained(toys, run_in(tmp_path, resume=True), CSV(), epochs=2).history
    rows = read_rows(tmp_path)
    assert rows[0] == first
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["validation/mae"]) == history[1]["mae"]


# -- trackers that fail -------------------------------------------------------------------------


def boom():
    raise OSError("no space left\non device")


def leave():
    raise SystemExit(3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("act", "said"), [(boom, "OSError: no space left"), (leave, "SystemExit")])
def test_a_tracker_that_fails_is_left_out_by_one_warning(toys, tmp_path, method, act, said) -> None:
    plain = trained(toys, run_in(tmp_path / "plain"))
    failing, healthy = Failing(method, act), Recorder()
    with pytest.warns(RuntimeWarning, match=f"'Failing' is left out .*{said}") as warned:
        result = trained(toys, run_in(tmp_path / "run"), failing, healthy)
    assert len(warned) == 1
    assert "\n" not in str(warned[0].message)
    assert failing.told[-1][0] == method
    assert len(failing.of(method)) == 1
    assert healthy.of("finish") == [(True,)]
    assert torch.equal(weights(result), weights(plain))


def test_a_tracker_that_hangs_is_left_out(toys, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.0)
    released = threading.Event()
    hanging = Failing("start", released.wait)
    with pytest.warns(RuntimeWarning, match="it takes too long") as warned:
        result = trained(toys, run_in(tmp_path), hanging)
    released.set()
    assert len(warned) == 1
    assert len(result.history) == 2
    assert [each[0] for each in hanging.told] == ["start"]


def test_a_tracker_that_draws_and_seeds_changes_no_bit(toys, tmp_path) -> None:
    def draw():
        random.seed(1)
        np.random.seed(1)
        torch.manual_seed(1)

    plain = trained(toys, run_in(tmp_path / "plain"))
    states = []
    for method in METHODS:
        torch.manual_seed(5)
        drawing = Failing(method, draw)
        result = trained(toys, run_in(tmp_path / method), drawing)
        states.append((random.random(), np.random.rand(), torch.rand(()).item()))
        assert torch.equal(weights(result), weights(plain))
    assert len(set(states)) == 1


def test_pictures_that_cannot_be_made_are_left_out(toys, tmp_path, monkeypatch) -> None:
    def too_large(*_, **__):
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr(listener, "pictures_of", too_large)
    recorder = Recorder()
    with pytest.warns(RuntimeWarning, match="no pictures: OutOfMemoryError") as warned:
        trained(toys, run_in(tmp_path), recorder)
    assert len(warned) == 1
    assert len(recorder.of("log_values")) == 2


# -- settings -----------------------------------------------------------------------------------


class Tagged(Recorder):
    """Has an option.

    Args:
        tags: To find the run by.
    """

    def __init__(self, *, tags: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.tags = tags


@pytest.fixture
def only_tag():
    """A registry with the parts of a recipe and one tracker."""
    parts = {**DEFAULTS, "counter": {"name": "toy"}, "tracker": {"name": "tag"}}
    with isolated_registry():
        for kind, section in parts.items():
            register(kind, section["name"], Tagged if kind == "tracker" else object)
        yield


@pytest.mark.usefixtures("only_tag")
def test_recipes_name_trackers_with_their_options(tmp_path) -> None:
    beside = 'run.trackers=["tag", {name = "tag", tags = ["a"]}]'
    nested = 'run.trackers=["tag", {name = "tag", options = {tags = ["a"]}}]'
    recipe = load_recipe(overrides=["counter=toy", beside])
    assert recipe == load_recipe(overrides=["counter=toy", nested])
    assert recipe.run.trackers == (
        ComponentSettings(name="tag"),
        ComponentSettings(name="tag", options={"tags": ["a"]}),
    )
    assert [each.tags for each in make_trackers(recipe.run)] == [(), ("a",)]
    write_recipe(recipe, tmp_path / "recipe.toml")
    assert load_recipe(tmp_path / "recipe.toml") == recipe


@pytest.mark.usefixtures("only_tag")
def test_a_run_may_be_resumed_with_other_trackers() -> None:
    tracked = load_recipe(overrides=["counter=toy", 'run.trackers=[{name="tag", tags=["a"]}]'])
    assert deciding_settings(tracked) == deciding_settings(load_recipe(overrides=["counter=toy"]))


@pytest.mark.usefixtures("only_tag")
@pytest.mark.parametrize(
    ("trackers", "said", "hint"),
    [
        ('["tensorbord"]', "did you mean 'tensorboard'", "pip install crowdkit-tensorboard"),
        ('["wandb"]', "no tracker named 'wandb'", "pip install crowdkit-wandb"),
        ('[{name = "tag", tag = 1}]', "tracker.tag: unknown option", "options of tracker: tags"),
        ('"tag"', "run.trackers: expected a list", ""),
        ("[1]", "run.trackers.0: expected a name", ""),
    ],
)
def test_wrong_trackers_are_refused(trackers, said, hint) -> None:
    with pytest.raises(OptionsError) as caught:
        make_trackers(load_recipe(overrides=["counter=toy", f"run.trackers={trackers}"]).run)
    assert said in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.usefixtures("only_tag")
def test_the_recipe_of_a_run_is_read_where_its_tracker_is_not_installed() -> None:
    recipe = load_recipe(overrides=["counter=toy", 'run.trackers=["elsewhere"]'])
    assert recipe.run.trackers == (ComponentSettings(name="elsewhere"),)


def test_an_unknown_tracker_is_refused_before_anything_is_written(toys, tmp_path) -> None:
    with isolated_registry(), pytest.raises(OptionsError) as caught:
        trained(toys, run_in(tmp_path / "run", trackers=("mlflow",)))
    assert caught.value.hint == "pip install crowdkit-mlflow"
    assert not (tmp_path / "run").exists()


def test_a_missing_package_is_named_with_what_to_install() -> None:
    with pytest.raises(UsageError, match="needs the package nowhere_to_be_found") as caught:
        require_package("nowhere_to_be_found", of="tracker 'x'", install="crowdkit-x")
    assert caught.value.hint == "pip install crowdkit-x"
