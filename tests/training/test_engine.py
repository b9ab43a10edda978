import errno
import json
import math
import os
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from crowdkit_core import create, files
from crowdkit_core.data import Augmentation
from crowdkit_core.density import Fixed
from crowdkit_core.errors import (
    CrowdkitError,
    DivergedError,
    IncompatibleError,
    OptionsError,
    UsageError,
    WeightsError,
)
from crowdkit_core.interfaces import LoopSettings, Loss, LossTerms, Origin, Target, companion_file
from crowdkit_core.losses import MSE
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings import ComponentSettings, Recipe, RunSettings
from crowdkit_core.training import OptimizationSettings, Supervised, train
from crowdkit_core.weights import read_weights

PLAIN = Augmentation(flip=0.0)
RATE = 1e-4
DESCENT = OptimizationSettings(optimizer="SGD", learning_rate=RATE)


def supervised(epochs: int = 2, batch_size: int = 2, **options) -> Supervised:
    return Supervised(
        **{
            "epochs": epochs,
            "batch_size": batch_size,
            "augmentation": PLAIN,
            "optimization": DESCENT,
            **options,
        }
    )


def run_in(folder: Path, **options) -> RunSettings:
    return RunSettings(directory=folder, accelerator="cpu", **options)


def weights(counter) -> torch.Tensor:
    return torch.cat([p.detach().double().flatten() for p in counter.parameters()])


# -- what comes out -----------------------------------------------------------------------------


def test_matches_a_loop_written_by_hand(toys, tmp_path) -> None:
    by_hand = toys.seeded(toys.Linear)
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=RATE)
    scenes = toys.Scenes(4)
    images = torch.stack([scene.image for scene in scenes.items]).float() / 255
    target = toys.Splat()([scene.points for scene in scenes.items], toys.SIZE, stride=2)
    for _ in range(3):
        loss = (by_hand(images).density - target).square().sum() / 4
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    task = toys.task(toys.seeded(toys.Linear), train=4, validation=None)
    result = train(task, supervised(3, batch_size=4), run_in(tmp_path))
    torch.testing.assert_close(weights(result.counter), weights(by_hand))


def test_files_of_a_run_of_one_stage(toys, tmp_path) -> None:
    recipe = Recipe(counter=ComponentSettings(name="toy"))
    result = train(toys.task(), supervised(), run_in(tmp_path), recipe=recipe)
    names = {path.name for path in tmp_path.iterdir()}
    assert names >= {
        "best.safetensors",
        "data.json",
        "environment.json",
        "last.safetensors",
        "recipe.toml",
        "state.pt",
    }
    assert not [name for name in names if name.startswith(".")]
    assert result.weights == tmp_path / "best.safetensors"
    assert json.loads((tmp_path / "data.json").read_text())["train"].startswith("8 images")
    facts = read_weights(result.last_weights).facts
    assert facts["epoch"] == 2
    assert facts["validated_on"] == "validation"
    assert facts["mae"] == result.history[-1]["mae"]


def test_validating_on_test_images_is_written_into_the_weights(toys, tmp_path) -> None:
    result = train(toys.task(), supervised(1), run_in(tmp_path, validate_on="test"))
    assert read_weights(result.weights).facts["validated_on"] == "test"


def test_files_of_a_run_of_two_stages(toys, tmp_path) -> None:
    trainer = toys.Distillation(epochs=1, student_epochs=2)
    result = train(toys.task(), trainer, run_in(tmp_path))
    for stage in ("teacher", "student"):
        assert {path.name for path in (tmp_path / stage).iterdir()} == {
            "best.safetensors",
            "last.safetensors",
            "state.pt",
        }
    assert result.best_weights == tmp_path / "best.safetensors"
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "student" / name).read_bytes()


def test_companions_are_kept_beside_the_counter(toys, tmp_path) -> None:
    trainer = toys.Joint(epochs=2)
    result = train(toys.task(), trainer, run_in(tmp_path))
    assert {path.name for path in tmp_path.glob("*.safetensors")} == {
        "best.safetensors",
        "best-generator.safetensors",
        "last.safetensors",
        "last-generator.safetensors",
    }
    kept = toys.Learned()
    kept.load_weights(companion_file(result.last_weights, "generator"))
    assert kept.mass.item() == trainer.generator.mass.item() != 0.5


def test_the_stage_a_trainer_chooses_is_the_result(toys, tmp_path) -> None:
    heard = []

    class FirstStage(toys.Distillation):
        def chosen(self, errors) -> str:
            heard.append(errors)
            return "teacher"

    result = train(toys.task(), FirstStage(epochs=1, student_epochs=1), run_in(tmp_path))
    lowest = {record["stage"]: record["mae"] for record in result.history}
    assert heard == [lowest]
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / name).read_bytes() == (tmp_path / "teacher" / name).read_bytes()
    taught = read_weights(tmp_path / "teacher/best.safetensors").state
    for name, value in result.counter.state_dict().items():
        assert torch.equal(value, taught[name]), name
    again = run_in(tmp_path, resume=True)
    train(toys.task(), FirstStage(epochs=1, student_epochs=1), again)
    assert heard == [lowest, lowest]


def test_counter_ends_with_the_best_weights(toys, tmp_path) -> None:
    task = toys.task(toys.seeded(toys.Linear))
    wild = supervised(6, optimization=OptimizationSettings(learning_rate=0.3))
    result = train(task, wild, run_in(tmp_path))
    errors = [record["mae"] for record in result.history]
    best = read_weights(tmp_path / "best.safetensors")
    assert best.facts["mae"] == min(errors)
    assert best.facts["epoch"] == errors.index(min(errors)) + 1
    assert result.counter is task.counter
    for name, value in task.counter.state_dict().items():
        assert torch.equal(value, best.state[name])


def test_without_validation_images_the_last_weights_are_the_result(toys, tmp_path) -> None:
    result = train(toys.task(validation=None), supervised(), run_in(tmp_path))
    assert result.best_weights is None
    assert result.weights == tmp_path / "last.safetensors"
    assert "mae" not in result.history[-1]


def test_validation_every_other_epoch_and_at_the_end(toys, tmp_path) -> None:
    trainer = supervised(5, loop=LoopSettings(validate_every=2))
    history = train(toys.task(), trainer, run_in(tmp_path)).history
    assert [record["epoch"] for record in history if "mae" in record] == [2, 4, 5]


def test_loss_goes_down(toys, tmp_path) -> None:
    trainer = supervised(8, optimization=OptimizationSettings(learning_rate=1e-2))
    history = train(toys.task(toys.seeded(toys.Linear)), trainer, run_in(tmp_path)).history
    assert history[-1]["losses"]["mse"] < history[0]["losses"]["mse"] / 2


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true", "bf16-true"])
def test_other_precisions(toys, tmp_path, precision) -> None:
    task = toys.task(toys.seeded(toys.Linear))
    before = weights(task.counter)
    run = run_in(tmp_path, precision=precision)
    result = train(task, supervised(), run)
    assert all(math.isfinite(record["mae"]) for record in result.history)
    assert not torch.equal(weights(result.counter), before)
    exact = train(toys.task(toys.seeded(toys.Linear)), supervised(), run_in(tmp_path / "exact"))
    torch.testing.assert_close(weights(result.counter), weights(exact.counter), atol=0.02, rtol=0)


@pytest.mark.parametrize(
    ("precision", "emulated", "warned"),
    [("bf16-mixed", True, True), ("bf16-mixed", False, False), ("32-true", True, False)],
)
def test_emulated_bfloat16_is_said(toys, tmp_path, monkeypatch, precision, emulated, warned):
    monkeypatch.setattr("crowdkit_core.precision.emulates_bf16", lambda device: emulated)
    with warnings.catch_warnings(record=True, action="always") as said:
        train(toys.task(), supervised(1), run_in(tmp_path, precision=precision))
    assert ["run.precision=32-true is quicker" in str(each.message) for each in said] == (
        [True] * warned
    )


def test_mixed_precision_rounds_neither_targets_nor_counts(toys, tmp_path) -> None:
    seen = []

    class Witness(MSE):
        def forward(self, prediction, target: Target) -> LossTerms:
            seen.append((prediction.count.dtype, target.density(2).sum((1, 2, 3)), target.count))
            return super().forward(prediction, target)

    task = replace(toys.task(loss=Witness()), density_generator=Fixed(sigma=3.0))
    train(task, supervised(1), run_in(tmp_path, precision="bf16-mixed"))
    assert len(seen) == 4
    for dtype, masses, counts in seen:
        assert dtype == torch.float32
        torch.testing.assert_close(masses, counts, rtol=1e-5, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["32-true", "16-mixed", "bf16-mixed"])
def test_on_a_gpu(toys, tmp_path, precision) -> None:
    run = RunSettings(directory=tmp_path / "gpu", accelerator="cuda", precision=precision)
    there = train(toys.task(toys.seeded(toys.Linear)), toys.Joint(epochs=2), run)
    here = train(
        toys.task(toys.seeded(toys.Linear)), toys.Joint(epochs=2), run_in(tmp_path / "cpu")
    )
    torch.testing.assert_close(
        weights(there.counter).cpu(), weights(here.counter), atol=0.02, rtol=0
    )


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on one core
def test_same_bits_whatever_the_number_of_workers(toys, tmp_path) -> None:
    augmented = supervised(augmentation=Augmentation(crop_size=(8, 12)))
    alone = train(toys.task(), augmented, run_in(tmp_path / "alone"))
    helped = train(toys.task(), augmented, run_in(tmp_path / "helped", workers=2))
    assert torch.equal(weights(alone.counter), weights(helped.counter))


def test_another_seed_gives_other_weights(toys, tmp_path) -> None:
    one = train(toys.task(), supervised(), run_in(tmp_path / "one", seed=1))
    two = train(toys.task(), supervised(), run_in(tmp_path / "two", seed=2))
    assert not torch.equal(weights(one.counter), weights(two.counter))


# -- how the loop moves -------------------------------------------------------------------------


def test_accumulated_batches_equal_a_large_one(toys, tmp_path) -> None:
    large = train(
        toys.task(toys.seeded(toys.Linear)), supervised(batch_size=4), run_in(tmp_path / "large")
    )
    small = train(
        toys.task(toys.seeded(toys.Linear)),
        supervised(batch_size=2, loop=LoopSettings(accumulate=2)),
        run_in(tmp_path / "small"),
    )
    torch.testing.assert_close(weights(large.counter), weights(small.counter))


def test_incomplete_last_group_is_averaged_over_its_batches(toys, tmp_path) -> None:
    """Three batches in groups of two: as the first two together, then the third alone."""
    accumulated = train(
        toys.task(toys.seeded(toys.Linear), train=3, validation=None),
        supervised(1, batch_size=1, loop=LoopSettings(accumulate=2)),
        run_in(tmp_path / "groups"),
    )
    alone = train(
        toys.task(toys.seeded(toys.Linear), train=3, validation=None),
        supervised(1, batch_size=1, loop=LoopSettings(accumulate=3)),
        run_in(tmp_path / "one"),
    )
    by_hand = toys.seeded(toys.Linear)
    optimizer = torch.optim.SGD(by_hand.parameters(), lr=RATE)
    for group in _first_epoch(toys.Scenes(3), sizes=(2, 1)):
        images = torch.stack([scene.image for scene in group]).float() / 255
        target = toys.Splat()([scene.points for scene in group], toys.SIZE, stride=2)
        optimizer.zero_grad()
        ((by_hand(images).density - target).square().sum() / len(group)).backward()
        optimizer.step()
    torch.testing.assert_close(weights(accumulated.counter), weights(by_hand))
    assert not torch.allclose(weights(alone.counter), weights(by_hand))


def _first_epoch(scenes, sizes):
    from crowdkit_core.data import training_loader

    names = [batch.names[0] for batch in training_loader(scenes, batch_size=1, seed=0, epoch=0)]
    named = {scene.name: scene for scene in scenes.items}
    ordered = iter([named[name] for name in names])
    return [[next(ordered) for _ in range(size)] for size in sizes]


def test_clipping_bounds_the_step(toys, tmp_path) -> None:
    counter = toys.seeded(toys.Linear)
    before = weights(counter)
    trainer = supervised(1, batch_size=8, loop=LoopSettings(clip_norm=1.0))
    result = train(toys.task(counter, validation=None), trainer, run_in(tmp_path / "norm"))
    assert (weights(result.counter) - before).norm().item() == pytest.approx(RATE, rel=1e-2)


def test_moving_average_is_validated_and_saved(toys, tmp_path) -> None:
    """One step per epoch from w0 to w1, w2: the average starts at w1 and moves a half to w2."""
    task = toys.task(toys.seeded(toys.Linear), train=4, validation=None)
    averaged = train(
        task, supervised(2, batch_size=4, loop=LoopSettings(ema=0.5)), run_in(tmp_path / "ema")
    )
    steps = []
    for epochs in (1, 2):
        task = toys.task(toys.seeded(toys.Linear), train=4, validation=None)
        trainer = supervised(epochs, batch_size=4)
        steps.append(weights(train(task, trainer, run_in(tmp_path / str(epochs))).counter))
    torch.testing.assert_close(weights(averaged.counter), (steps[0] + steps[1]) / 2)


def statistics(counter) -> torch.Tensor:
    return torch.cat(
        [each.flatten() for name, each in counter.named_buffers() if "running" in name]
    )


def test_the_average_has_averaged_statistics_of_batch_norms(toys, tmp_path) -> None:
    trained = []
    for epochs, loop in ((2, LoopSettings(ema=0.5)), (1, LoopSettings()), (2, LoopSettings())):
        task = toys.task(toys.seeded(toys.Conv), train=4, validation=None)
        trainer = supervised(epochs, batch_size=4, loop=loop)
        trained.append(
            statistics(train(task, trainer, run_in(tmp_path / str(loop) / str(epochs))).counter)
        )
    averaged, first, second = trained
    torch.testing.assert_close(averaged, (first + second) / 2)
    assert not torch.allclose(first, second)


def test_frozen_batch_norms_keep_their_statistics(toys, tmp_path) -> None:
    counter = toys.seeded(toys.Conv)
    before, weights_before = statistics(counter), weights(counter)
    loop = LoopSettings(freeze_batch_norm=True)
    result = train(toys.task(counter), supervised(2, loop=loop), run_in(tmp_path))
    assert torch.equal(statistics(result.counter), before)
    assert not torch.equal(weights(result.counter), weights_before)


def test_plateau_schedule_follows_the_validation_error(toys, tmp_path) -> None:
    optimization = replace(
        DESCENT,
        learning_rate=1e-12,
        schedule="ReduceLROnPlateau",
        schedule_options={"patience": 0, "factor": 0.1, "threshold": 0.0, "eps": 0.0},
    )
    task = toys.task(toys.seeded(toys.Linear))
    history = train(task, supervised(4, optimization=optimization), run_in(tmp_path)).history
    rates = [record["learning_rates"]["counter"] for record in history]
    assert rates[0] == rates[1] == 1e-12
    assert rates[3] < 1e-12


def test_schedule_by_step(toys, tmp_path) -> None:
    optimization = replace(
        DESCENT, schedule="ExponentialLR", schedule_options={"gamma": 0.5}, schedule_interval="step"
    )
    trainer = supervised(1, optimization=optimization)  # four batches of two
    history = train(toys.task(), trainer, run_in(tmp_path)).history
    assert history[0]["learning_rates"]["counter"] == pytest.approx(RATE / 2**4)


def test_no_loss_term_has_the_name_of_a_metric(toys, tmp_path) -> None:
    class Named(MSE):
        def forward(self, prediction, target) -> LossTerms:
            error = (prediction.count - target.count).abs().mean()
            return LossTerms.of(mae=error, loss=2 * error, seconds=0 * error)

    (record,) = train(toys.task(loss=Named()), supervised(1), run_in(tmp_path)).history
    losses = record["losses"]
    assert set(losses) == {"mae_term", "loss_term", "seconds_term", "loss"}
    assert losses["loss"] == pytest.approx(3 * losses["mae_term"])
    assert not (losses.keys() - {"loss"}) & record.keys()


def test_listeners_hear_of_how_many_images(toys, tmp_path) -> None:
    heard = []

    class Listener:
        @hookimpl
        def training_started(self, images) -> None:
            heard.append(images)

    for validation in (3, None):
        task = toys.task(validation=validation)
        train(task, supervised(1), run_in(tmp_path / str(validation)), listeners=[Listener()])
    assert heard == [{"train": 8, "validation": 3}, {"train": 8}]


@pytest.mark.parametrize(("interval", "steps"), [("epoch", 3), ("step", 6)])
def test_a_schedule_ends_with_the_training(toys, tmp_path, interval, steps) -> None:
    cosine = replace(DESCENT, schedule="CosineAnnealingLR", schedule_interval=interval)
    given = replace(cosine, schedule_options={"T_max": steps})
    loop = LoopSettings(accumulate=2)  # four batches of two are two steps
    rates = []
    for name, optimization in (("left-out", cosine), ("given", given)):
        trainer = supervised(3, optimization=optimization, loop=loop)
        history = train(toys.task(), trainer, run_in(tmp_path / name)).history
        rates.append([record["learning_rates"]["counter"] for record in history])
    assert rates[0] == rates[1]
    assert len(set(rates[0])) == 3


def test_a_schedule_that_ends_too_early_is_refused_before_training(toys, tmp_path) -> None:
    short = {"max_lr": RATE, "total_steps": 2, "cycle_momentum": False}
    optimization = replace(DESCENT, schedule="OneCycleLR", schedule_options=short)
    with pytest.raises(OptionsError, match="ends after 2 steps, training takes 3"):
        train(toys.task(), supervised(3, optimization=optimization), run_in(tmp_path))
    assert not list(tmp_path.glob("*.safetensors"))


def test_two_optimizers_of_which_one_acts_every_other_epoch(toys, tmp_path) -> None:
    masses = []

    class Watch:
        @hookimpl
        def epoch_ended(self, record) -> None:
            masses.append(trainer.generator.mass.item())

    trainer = toys.Joint(epochs=4)
    before = weights(toys.seeded(toys.Conv))
    result = train(toys.task(), trainer, run_in(tmp_path), listeners=[Watch()])
    assert masses[0] != 0.5
    assert masses[0] == masses[1] != masses[2] == masses[3]
    assert set(result.history[0]["learning_rates"]) == {"counter", "generator"}
    assert not torch.equal(weights(result.counter), before)


def test_student_learns_from_the_finished_teacher(toys, tmp_path) -> None:
    trainer = toys.Distillation(epochs=1, student_epochs=1)
    result = train(toys.task(), trainer, run_in(tmp_path))
    assert trainer.asked == [{"teacher": tmp_path / "teacher/best.safetensors"}]
    assert set(result.history[-1]["losses"]) == {"mse", "teacher", "loss"}
    stored = torch.load(tmp_path / "student/state.pt", weights_only=True)["modules"]
    for name, value in read_weights(trainer.asked[0]["teacher"]).state.items():
        assert torch.equal(stored[f"teacher.{name}"], value), name


def test_measured_lengths_reach_the_target(toys, tmp_path) -> None:
    seen = []

    class Ruler(MSE):
        def measure(self, points, size):
            return {"column": points[:, 0].clone()}

        def forward(self, prediction, target: Target) -> LossTerms:
            for points, lengths in zip(target.points, target.lengths, strict=True):
                seen.append(torch.equal(points[:, 0], lengths["column"]))
            return super().forward(prediction, target)

    train(toys.task(loss=Ruler()), supervised(1), run_in(tmp_path))
    assert len(seen) == 8
    assert all(seen)


def test_what_could_not_be_saved_is_not_trained(toys, tmp_path) -> None:
    counter = toys.seeded(toys.Linear)
    counter.origin = Origin("counter", "toy", options={"base": Fixed()})  # of no registered name
    trained = weights(counter)
    with pytest.raises(WeightsError, match="Fixed was not made by its registered name"):
        train(toys.task(counter), supervised(), run_in(tmp_path))
    assert torch.equal(weights(counter), trained)
    assert not list(tmp_path.glob("*.safetensors"))


def test_fitted_before_training_on_the_training_images(toys, tmp_path) -> None:
    class Fitted(MSE):
        people = 0

        def fit(self, dataset, density_generator) -> None:
            self.people = sum(len(dataset.annotation(i).points) for i in range(len(dataset)))

        def forward(self, prediction, target) -> LossTerms:
            assert self.people == sum(len(scene.points) for scene in toys.Scenes(8).items)
            return super().forward(prediction, target)

    train(toys.task(loss=Fitted()), supervised(1), run_in(tmp_path))


def test_what_a_counter_learns_from_annotations_is_saved_with_it(toys, tmp_path) -> None:
    class Fitted(toys.Linear):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("people", torch.zeros(()))

        def fit(self, dataset) -> None:
            self.people += sum(len(dataset.annotation(i).points) for i in range(len(dataset)))

    result = train(toys.task(Fitted()), supervised(1), run_in(tmp_path))
    expected = sum(len(scene.points) for scene in toys.Scenes(8).items)
    assert read_weights(result.weights).state["people"] == expected


def test_listeners_hear_every_step(toys, tmp_path) -> None:
    heard = []

    class Listener:
        @hookimpl
        def training_started(self, directory, stages) -> None:
            heard.append((directory, dict(stages)))

        @hookimpl
        def step_ended(self, stage, epoch, step, steps) -> None:
            heard.append((stage, epoch, step, steps))

        @hookimpl
        def training_ended(self, completed) -> None:
            heard.append(completed)

    train(toys.task(), supervised(1, batch_size=4), run_in(tmp_path), listeners=[Listener()])
    assert heard == [
        (tmp_path, {"supervised": 1}),
        ("supervised", 0, 1, 2),
        ("supervised", 0, 2, 2),
        True,
    ]


# -- what goes wrong ----------------------------------------------------------------------------


class Explosive(Loss):
    """Becomes NaN in its second epoch, for one image."""

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0

    def start_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def forward(self, prediction, target) -> LossTerms:
        factor = float("nan") if self.epoch == 1 else 1.0
        return LossTerms.of(calm=prediction.count.sum() * 0.0, wild=prediction.count.sum() * factor)


def test_loss_that_is_not_finite_stops_the_run_and_keeps_the_files(toys, tmp_path) -> None:
    train(toys.task(loss=Explosive(), train=2), supervised(1), run_in(tmp_path))
    before = {
        path: path.read_bytes() for path in tmp_path.glob("[bls]*.*") if "log" not in path.name
    }
    with pytest.raises(DivergedError) as caught:
        train(toys.task(loss=Explosive(), train=2), supervised(3), run_in(tmp_path, resume=True))
    message = caught.value.message
    assert "epoch 2" in message
    assert "wild=nan" in message
    assert "scene-0" in message
    assert "scene-1" in message
    assert "\n" not in message
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_with_a_run_is_left_alone(toys, tmp_path) -> None:
    train(toys.task(), supervised(1), run_in(tmp_path))
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(UsageError, match="already holds a run"):
        train(toys.task(), supervised(1), run_in(tmp_path))
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_full_disk_keeps_the_old_checkpoint(toys, tmp_path, monkeypatch) -> None:
    train(toys.task(), supervised(1), run_in(tmp_path))
    kept = {
        name: (tmp_path / name).read_bytes()
        for name in ("best.safetensors", "last.safetensors", "state.pt")
    }

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CrowdkitError, match="No space left on device"):
        train(toys.task(), supervised(2), run_in(tmp_path, resume=True))
    monkeypatch.undo()
    assert {name: (tmp_path / name).read_bytes() for name in kept} == kept
    assert not list(tmp_path.glob(".*"))
    train(toys.task(), supervised(2), run_in(tmp_path, resume=True))


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), RuntimeError("full")])
def test_state_that_cannot_be_written(toys, tmp_path, monkeypatch, error) -> None:
    train(toys.task(), supervised(1), run_in(tmp_path))
    kept = (tmp_path / "state.pt").read_bytes()

    def fail(state, path) -> None:
        Path(path).write_bytes(b"half")
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(CrowdkitError, match=r"state\.pt: the training state cannot be written"):
        train(toys.task(), supervised(2), run_in(tmp_path, resume=True))
    assert (tmp_path / "state.pt").read_bytes() == kept
    assert not list(tmp_path.glob(".*"))


def test_folder_is_needed(toys) -> None:
    with pytest.raises(UsageError, match=r"run\.directory"):
        train(toys.task(), supervised(1), RunSettings())


@pytest.mark.parametrize(
    "options",
    [
        {"loop": LoopSettings(patience=1)},
        {"optimization": OptimizationSettings(schedule="ReduceLROnPlateau")},
    ],
)
def test_what_needs_validation_images(toys, tmp_path, options) -> None:
    with pytest.raises(IncompatibleError, match="needs validation images"):
        train(toys.task(validation=None), supervised(1, **options), run_in(tmp_path))


def test_more_images_per_batch_than_there_are(toys, tmp_path) -> None:
    with pytest.raises(UsageError, match="batch_size 9"):
        train(toys.task(), supervised(1, batch_size=9), run_in(tmp_path))
    train(toys.task(), supervised(1), run_in(tmp_path))  # the folder is not taken by the failure


def test_loss_that_needs_what_the_counter_lacks(toys, tmp_path) -> None:
    class Picky(MSE):
        needs = ("attention",)

    with pytest.raises(IncompatibleError, match="attention"):
        train(toys.task(loss=Picky()), supervised(1), run_in(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"validate_every": 0},
        {"patience": 0},
        {"accumulate": 0},
        {"ema": 1.0},
        {"clip_norm": 0.0},
    ],
)
def test_loop_settings_out_of_range(options) -> None:
    with pytest.raises(OptionsError):
        LoopSettings(**options)


@pytest.mark.parametrize("options", [{"epochs": 0}, {"batch_size": 0}])
def test_supervised_settings_out_of_range(toys, options) -> None:
    (name,) = options
    with pytest.raises(OptionsError, match=f"{name}: .*greater than or equal to 1"):
        create("trainer", "supervised", **options)
    with pytest.raises(OptionsError, match=f"{name} of stage 'supervised' is 0"):
        Supervised(**options).stages(toys.task())


def test_deterministic_run_restores_the_switch(toys, tmp_path) -> None:
    train(toys.task(), supervised(1), run_in(tmp_path, deterministic=True))
    assert not torch.are_deterministic_algorithms_enabled()
