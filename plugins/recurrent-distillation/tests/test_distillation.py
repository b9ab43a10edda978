"""Stages, what a student minimises in each, and what a run of them leaves."""

import json
import math
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from textwrap import dedent

import pytest
import torch
from crowdkit_recurrent_distillation.distillation import Distillation, StageSettings
from crowdkit_recurrent_distillation.distilled_stage import DistilledStage, teacher_distance
from safetensors.torch import load_file
from torch import Tensor, nn

from crowdkit_core import create, register
from crowdkit_core.data import Augmentation, collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import (
    Batch,
    Counter,
    DensityGenerator,
    MapSpec,
    Points,
    Prediction,
    Sample,
    Stage,
    Target,
    Trainer,
    TrainingTask,
)
from crowdkit_core.losses import MSE
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings import RunSettings, resolve_recipe
from crowdkit_core.testing import check_trainer, parametrize_with_checks
from crowdkit_core.testing.toys import ToyCounter, ToyDataset
from crowdkit_core.training import OptimizationSettings, train
from crowdkit_core.weights import save_weights

ONE_EPOCH = StageSettings(epochs=1)
RUINOUS = StageSettings(epochs=1, optimization=OptimizationSettings(learning_rate=10.0))
NAMES = ["initial", "distilled-1", "distilled-2", "distilled-3"]


def task(counter: Callable[[], Counter] = ToyCounter, **changes) -> TrainingTask:
    torch.manual_seed(0)
    made = TrainingTask(
        counter=counter(),
        loss=MSE(),
        density_generator=create("density_generator", "fixed", sigma=4.0, truncate=3.0),
        train=ToyDataset(),
        validation=ToyDataset(split="validation"),
    )
    return replace(made, **changes)


def run_in(folder: Path, **options) -> RunSettings:
    return RunSettings(directory=folder, accelerator="cpu", **options)


def built(trainer: Trainer, of: TrainingTask, folder: Path) -> Iterator[Stage]:
    """Every stage, after the weights of those before it were written as they are."""
    finished: dict[str, Path] = {}
    for plan in trainer.stages(of):
        stage = plan.build(dict(finished))
        yield stage
        finished[plan.name] = folder / f"{plan.name}.safetensors"
        save_weights(finished[plan.name], stage.counter)


@parametrize_with_checks(
    [
        Distillation(),
        Distillation(generator_options=({"sigma": 3.0}, {}), batch_size=2, teacher_weight=0.5),
        Distillation(generator_options=({},)),
    ]
)
def test_conformance(component: Trainer, check: Callable[[Trainer], None]) -> None:
    if component.generator_options and component.generator_options[0]:
        check_trainer(component, task=task())
    else:
        check(component)


# -- the objective ------------------------------------------------------------------------------


class Gain(Counter):
    """Red times one number."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 1)}
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, images: Tensor) -> Prediction:
        return Prediction.from_density(self.gain * images[:, :1], 1)


def line(*red: float, person_at: float | None = None, roi: Tensor | None = None) -> Sample:
    """An image of one row."""
    image = torch.zeros(3, 1, len(red))
    image[0, 0] = torch.tensor(red)
    points = torch.zeros(0, 2) if person_at is None else torch.tensor([[person_at, 0.5]])
    return Sample(
        name="line", image=image, points=Points(points, canvas_size=(1, len(red))), roi=roi
    )


def distilled(batch: Batch, *, student: float, teacher: float, weight: float) -> DistilledStage:
    """A stage whose terms and student's gradient are those of a batch."""
    stage = DistilledStage(
        Gain(student),
        MSE(),
        Fixed(sigma=0.0),
        OptimizationSettings(),
        teacher=Gain(teacher),
        teacher_weight=weight,
    )
    stage.terms = stage(batch)
    stage.terms.total.backward()
    return stage


def test_loss_and_distance_of_a_hand_made_case() -> None:
    # Prediction (0.5, 1), target (0, 1), teacher (2, 4).
    stage = distilled(collate([line(1, 2, person_at=1.5)]), student=0.5, teacher=2.0, weight=3.0)
    assert stage.terms.terms["mse"].item() == pytest.approx(0.25)
    assert stage.terms.terms["teacher"].item() == pytest.approx(3 * (1.5**2 + 3**2))
    assert stage.terms.total.item() == pytest.approx(0.25 + 33.75)
    # 2 x (w x - g) over the cells, and 2 x lambda x (w x - v x).
    assert stage.counter.gain.grad.item() == pytest.approx((1 + 0) + 3 * (-3 - 12))
    assert stage.teacher.gain.grad is None


def test_without_weight_the_gradient_is_that_of_the_loss() -> None:
    stage = distilled(collate([line(1, 2, person_at=1.5)]), student=0.5, teacher=2.0, weight=0.0)
    assert stage.counter.gain.grad.item() == pytest.approx(1)


def test_batch_is_the_mean_of_its_images_and_padding_costs_nothing() -> None:
    samples = [line(1, 2, person_at=1.5), line(3)]
    alone = [
        distilled(collate([each]), student=0.5, teacher=2.0, weight=3.0).terms for each in samples
    ]
    together = distilled(collate(samples), student=0.5, teacher=2.0, weight=3.0).terms
    for name in ("mse", "teacher"):
        mean = sum(each.terms[name].item() for each in alone) / 2
        assert together.terms[name].item() == pytest.approx(mean)


def test_the_teacher_is_heard_inside_the_region_only() -> None:
    roi = torch.tensor([[True, False]])
    stage = distilled(collate([line(1, 2, roi=roi)]), student=0.5, teacher=2.0, weight=3.0)
    assert stage.terms.terms["teacher"].item() == pytest.approx(3 * 1.5**2)


def target(number: int = 1) -> Target:
    return Target([torch.zeros(0, 2)] * number, (4, 4), Fixed(sigma=0.0))


def test_every_density_map_is_distilled() -> None:
    outputs = {
        "density": MapSpec("density", 2),
        "coarse": MapSpec("density", 4),
        "attention": MapSpec("attention", 2),
    }

    def prediction(main: float, coarse: float, attention: float) -> Prediction:
        maps = {
            "coarse": torch.full((1, 1, 1, 1), coarse),
            "attention": torch.full((1, 1, 2, 2), attention),
        }
        return replace(
            Prediction.from_density(torch.full((1, 1, 2, 2), main), 2, maps=maps), outputs=outputs
        )

    distance = teacher_distance(
        prediction(1.0, 5.0, 0.0), prediction(2.0, 3.0, 1.0), target(), MSE()
    )
    assert distance.item() == 4 * 1 + 2**2


@pytest.mark.parametrize("with_map", [False, True])
def test_a_regressed_count_is_distilled(with_map: bool) -> None:
    def prediction(*count: float) -> Prediction:
        density = torch.zeros(2, 1, 2, 2) if with_map else None
        stride = 2 if with_map else None
        numbers = torch.tensor(count)
        return Prediction(count=numbers, density=density, stride=stride, direct_count=True)

    distance = teacher_distance(prediction(10, 20), prediction(13, 21), target(2), MSE())
    assert distance.item() == (3**2 + 1) / 2


def test_small_differences_survive_half_precision() -> None:
    def prediction(value: float) -> Prediction:
        density = torch.full((1, 1, 2, 2), value, dtype=torch.float16)
        return Prediction(count=density.sum((1, 2, 3)), density=density, stride=2)

    distance = teacher_distance(prediction(1e-4), prediction(2e-4), target(), MSE())
    assert distance.item() == pytest.approx(4e-8, rel=1e-2)


# -- teacher and student ------------------------------------------------------------------------


class Moody(Counter):
    """Batch statistics and dropout: in training mode it says something else every time."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 1)}
        self.layers = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 1, 1)
        )

    def forward(self, images: Tensor) -> Prediction:
        return Prediction.from_density(self.layers(images), 1)


def test_the_teacher_stays_as_it_is(tmp_path) -> None:
    trainer = Distillation(generator_options=({}, {}), batch_size=2)
    _, stage = built(trainer, task(Moody), tmp_path)
    batch = collate([ToyDataset()[index] for index in (1, 2)])
    before = {name: values.clone() for name, values in stage.teacher.state_dict().items()}
    student = {name: values.clone() for name, values in stage.counter.state_dict().items()}
    optimizer = stage.optimizations()["counter"].optimizer
    for epoch in range(2):
        stage.train()
        stage.start_epoch(epoch)
        assert not any(module.training for module in stage.teacher.modules())
        assert all(module.training for module in stage.counter.modules())
        stage(batch).total.backward()
        optimizer.step()
    for name, values in stage.teacher.state_dict().items():
        assert torch.equal(values, before[name]), name
    assert all(parameter.grad is None for parameter in stage.teacher.parameters())
    for name, values in stage.counter.named_parameters():
        assert not torch.equal(values, student[name]), name
    assert {f"teacher.{name}" for name in before} <= set(stage.state_dict())


def test_each_student_begins_with_the_counters_first_weights(tmp_path) -> None:
    of = task()
    first = {name: values.clone() for name, values in of.counter.state_dict().items()}
    trainer = Distillation(generator_options=({}, {}, {}))
    finished: dict[str, Path] = {}
    students = []
    for plan in trainer.stages(of):
        stage = plan.build(dict(finished))
        for name, values in stage.counter.state_dict().items():
            assert torch.equal(values, first[name]), name
        with torch.no_grad():
            stage.counter.head.bias.fill_(len(finished) + 1.0)
        if finished:
            assert torch.all(stage.teacher.head.bias == len(finished))
        finished[plan.name] = tmp_path / f"{plan.name}.safetensors"
        save_weights(finished[plan.name], stage.counter)
        students.append(stage.counter)
    assert students[-1] is of.counter
    assert len({id(student) for student in students}) == 3


def test_the_teacher_of_a_run_is_the_best_of_the_stage_before(tmp_path) -> None:
    trainer = Distillation(
        generator_options=({}, {}, {}), initial=StageSettings(epochs=2), distilled=ONE_EPOCH
    )
    train(task(), trainer, run_in(tmp_path))
    for before, after in pairwise(NAMES[:3]):
        best = load_file(tmp_path / before / "best.safetensors")
        modules = torch.load(tmp_path / after / "state.pt", weights_only=True)["modules"]
        for name, values in best.items():
            assert torch.equal(modules[f"teacher.{name}"], values)
    assert "teacher.head.bias" not in torch.load(tmp_path / "initial/state.pt")["modules"]


# -- targets ------------------------------------------------------------------------------------


class Scripted(DensityGenerator):
    """A generator of someone else's, without any option."""

    def forward(self, points, size, *, stride=1, sigmas=None, images=None) -> Tensor:
        return Fixed(sigma=2.0)(points, size, stride=stride)


class Witness(MSE):
    """Notes the widths that each batch's people were given."""

    seen: list[float] = []  # noqa: RUF012  # each stage has a copy of the loss, all write here

    def forward(self, prediction: Prediction, target: Target):
        widths = [each["sigma"] for each in target.lengths]
        type(self).seen += [float(each.max()) for each in widths if len(each)]
        return super().forward(prediction, target)


def test_targets_are_those_of_the_stages_generator(tmp_path) -> None:
    trainer = Distillation(generator_options=({"sigma": 8.0}, {}, {"sigma": 1.0}))
    points = [torch.tensor([[10.0, 12.0]])]
    for stage, sigma in zip(built(trainer, task(), tmp_path), (8.0, 4.0, 1.0), strict=True):
        expected = Fixed(sigma=sigma, truncate=3.0)(points, (32, 48), stride=4)
        assert torch.equal(stage.density_generator(points, (32, 48), stride=4), expected)


def test_by_default_the_papers_widths_where_the_generator_has_them(tmp_path) -> None:
    generator = create("density_generator", "perspective-aware", sigma_min=2.0, prior_sigma=5.0)
    Witness.seen.clear()
    trainer = Distillation(initial=ONE_EPOCH, distilled=ONE_EPOCH)
    train(task(density_generator=generator, loss=Witness()), trainer, run_in(tmp_path))
    seen = torch.tensor(Witness.seen).reshape(4, 3)  # one of the four images has nobody
    assert seen.amax(1).tolist() == pytest.approx([25, 20, 10, 5])
    origins = [
        plan.build(
            {name: tmp_path / name / "best.safetensors" for name in NAMES}
        ).density_generator.origin.options
        for plan in trainer.stages(task(density_generator=generator))
    ]
    assert [each["sigma_max"] for each in origins] == [25, 20, 10, 5]
    assert all(each["sigma_min"] == 2 for each in origins)


@pytest.mark.parametrize("registered", [False, True])
def test_a_generator_without_options_is_left_as_it_is(tmp_path, registered: bool) -> None:
    with register("density_generator", "scripted", Scripted):
        generator = create("density_generator", "scripted") if registered else Scripted()
        trainer = Distillation(initial=ONE_EPOCH, distilled=ONE_EPOCH)
        of = task(density_generator=generator)
        train(of, trainer, run_in(tmp_path))
        assert [plan.name for plan in trainer.stages(of)] == NAMES
        for stage in built(trainer, of, tmp_path):
            assert stage.density_generator is generator


def test_a_generator_of_this_process_is_created_again() -> None:
    def narrow(*, sigma_max: float, truncate: float = 2.0) -> DensityGenerator:
        return Fixed(sigma=sigma_max, truncate=truncate)

    with register("density_generator", "narrow", narrow):
        generator = create("density_generator", "narrow", sigma_max=9.0, truncate=3.0)
        plans = Distillation().stages(task(density_generator=generator))
        made = plans[0].build({}).density_generator
    assert (made.sigma, made.truncate) == (25.0, 3.0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sigma_maxx": 3.0}, r"density generator 'fixed': sigma_maxx: unknown option"),
        ({"sigma": "wide"}, r"density generator 'fixed': sigma: .*'wide'"),
        ({"sigma": -1.0}, r"fixed has sigma -1\.0"),
    ],
)
def test_options_are_checked_before_anything_is_written(tmp_path, options, said) -> None:
    trainer = Distillation(generator_options=({}, options))
    with pytest.raises(ValueError, match=said):
        train(task(), trainer, run_in(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_options_of_a_generator_built_by_its_class_are_not_guessed() -> None:
    with pytest.raises(IncompatibleError, match="sigma of density generator 'Fixed'") as caught:
        Distillation(generator_options=({"sigma": 1.0},)).stages(
            task(density_generator=Fixed(sigma=2.0, truncate=1.0))
        )
    assert "create(" in caught.value.hint


def test_a_generator_is_not_created_again_without_its_weights() -> None:
    class Learned(Scripted):
        def __init__(self, *, sigma: float = 1.0) -> None:
            super().__init__()
            self.mass = nn.Parameter(torch.tensor(sigma))

    with register("density_generator", "learned", Learned):
        generator = create("density_generator", "learned")
        trainer = Distillation(generator_options=({"sigma": 2.0},))
        with pytest.raises(IncompatibleError, match=r"sigma of .* 'learned'.*lack its weights"):
            trainer.stages(task(density_generator=generator))


def test_parts_that_do_not_fit_are_named() -> None:
    class Picky(MSE):
        needs = ("depth",)

    with pytest.raises(IncompatibleError, match=r"'Picky' needs .*'depth'"):
        Distillation().stages(task(loss=Picky()))

    class Coarse(Scripted):
        strides = frozenset({8})

    with pytest.raises(IncompatibleError, match=r"stride \[4\].*'Coarse'"):
        Distillation().stages(task(density_generator=Coarse()))


@pytest.mark.parametrize(
    "options",
    [
        {"generator_options": ()},
        {"teacher_weight": -1.0},
        {"teacher_weight": math.inf},
        {"teacher_weight": math.nan},
        {"batch_size": 0},
        {"initial": {"epochs": 0}},
        {"distilled": {"epochs": 0}},
    ],
)
def test_settings_out_of_range_are_named(options) -> None:
    with pytest.raises(OptionsError, match=next(iter(options))):
        create("trainer", "distillation", **options)


# -- runs ---------------------------------------------------------------------------------------


def test_epochs_and_optimizers_of_the_stages(tmp_path) -> None:
    def settings(epochs: int, milestones: list[int]) -> StageSettings:
        optimization = OptimizationSettings(
            optimizer="SGD",
            learning_rate=1e-3,
            schedule="MultiStepLR",
            schedule_options={"milestones": milestones},
        )
        return StageSettings(epochs=epochs, optimization=optimization)

    trainer = Distillation(
        generator_options=({}, {}, {}), initial=settings(3, [2]), distilled=settings(2, [1])
    )
    history = train(task(), trainer, run_in(tmp_path)).history
    rates = [(record["stage"], record["learning_rates"]["counter"]) for record in history]
    assert rates == [
        *[("initial", pytest.approx(rate)) for rate in (1e-3, 1e-3, 1e-4)],
        *[("distilled-1", pytest.approx(rate)) for rate in (1e-3, 1e-4)],
        *[("distilled-2", pytest.approx(rate)) for rate in (1e-3, 1e-4)],
    ]
    assert all(("teacher" in r["losses"]) == (r["stage"] != "initial") for r in history)


@pytest.mark.parametrize(
    ("initial", "expected"), [(ONE_EPOCH, "initial"), (RUINOUS, "distilled-1")]
)
def test_the_best_stage_is_the_result(tmp_path, initial: StageSettings, expected: str) -> None:
    other = ONE_EPOCH if initial is RUINOUS else RUINOUS
    trainer = Distillation(generator_options=({}, {}), initial=initial, distilled=other)
    of = task()
    result = train(of, trainer, run_in(tmp_path))
    for name in ("best.safetensors", "last.safetensors"):
        assert (tmp_path / name).read_bytes() == (tmp_path / expected / name).read_bytes()
    assert result.counter is of.counter
    for name, values in load_file(tmp_path / "best.safetensors").items():
        assert torch.equal(of.counter.state_dict()[name], values)


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ({"a": 62.55, "b": 61.15, "c": 61.09, "d": 61.79}, "c"),  # the paper's Table V
        ({"a": 3.0, "b": 3.0}, "a"),
        ({"a": math.inf, "b": math.inf}, "b"),
    ],
)
def test_choice_of_a_stage(errors, expected) -> None:
    assert Distillation().chosen(errors) == expected


def test_without_validation_the_last_stage_is_the_result(tmp_path) -> None:
    trainer = Distillation(generator_options=({}, {}), initial=ONE_EPOCH, distilled=ONE_EPOCH)
    result = train(task(validation=None), trainer, run_in(tmp_path))
    last = tmp_path / "distilled-1" / "last.safetensors"
    assert result.weights == tmp_path / "last.safetensors"
    assert result.weights.read_bytes() == last.read_bytes()


def state_of(folder: Path) -> dict[str, object]:
    state = torch.load(folder / "state.pt", weights_only=True)
    for record in state["history"]:
        del record["seconds"]
    return state


def assert_equal(one, other) -> None:
    """Equal to the last bit, through nested containers."""
    assert type(one) is type(other)
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_equal(*pair)
    else:
        assert one == other


class PowerCutError(Exception):
    """What interrupts a run in a test."""


class Interrupt:
    """A listener that ends the run after some epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    @hookimpl
    def epoch_ended(self, record) -> None:
        self.left -= 1
        if self.left == 0:
            raise PowerCutError


@pytest.mark.parametrize("done", [1, 3, 4])
def test_a_run_resumes_bit_for_bit(tmp_path, done: int) -> None:
    """Interrupted in the first stage, in the second, and between the second and the third."""
    trainer = Distillation(
        generator_options=({"sigma": 8.0}, {"sigma": 4.0}, {"sigma": 2.0}),
        initial=StageSettings(epochs=2),
        distilled=StageSettings(epochs=2),
        batch_size=2,
        augmentation=Augmentation(crop_size=(16, 24), brightness=(0.8, 1.2)),
    )
    train(task(Moody), trainer, run_in(tmp_path / "whole"))
    with pytest.raises(PowerCutError):
        train(task(Moody), trainer, run_in(tmp_path / "parts"), listeners=[Interrupt(done)])
    resumed = train(task(Moody), trainer, run_in(tmp_path / "parts", resume=True))
    assert [(record["stage"], record["epoch"]) for record in resumed.history] == [
        (name, epoch) for name in NAMES[:3] for epoch in (1, 2)
    ]
    for name in NAMES[:3]:
        assert_equal(state_of(tmp_path / "whole" / name), state_of(tmp_path / "parts" / name))
    for name in ("best.safetensors", "last.safetensors"):
        assert_equal(load_file(tmp_path / "whole" / name), load_file(tmp_path / "parts" / name))


def test_mixed_precision(tmp_path) -> None:
    quick = StageSettings(epochs=2, optimization=OptimizationSettings(learning_rate=1e-2))
    trainer = Distillation(
        generator_options=({"sigma": 4.0}, {"sigma": 2.0}), initial=quick, distilled=quick
    )
    loss = MSE(auxiliary=True)
    exact = train(task(loss=loss), trainer, run_in(tmp_path / "exact"))
    mixed = train(task(loss=loss), trainer, run_in(tmp_path / "mixed", precision="bf16-mixed"))
    for one, other in zip(exact.history, mixed.history, strict=True):
        assert other["losses"] == pytest.approx(one["losses"], rel=0.1, abs=1e-3)


@pytest.mark.slow
def test_two_processes_are_one(tmp_path) -> None:
    script = str(Path(__file__).with_name("distributed_distillation.py"))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    histories = []
    for name, how in (("one", []), ("two", launcher)):
        folder = tmp_path / name
        folder.mkdir()
        done = subprocess.run(
            [sys.executable, *how, script, str(folder)],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        histories.append(json.loads((folder / "history.json").read_text()))
    assert len(histories[0]) == 4
    for one, two in zip(*histories, strict=True):
        assert two["losses"] == pytest.approx(one["losses"], rel=1e-4)
        assert two["mae"] == pytest.approx(one["mae"], rel=1e-4)
    for name in ("initial", "distilled-1"):
        one, two = (load_file(tmp_path / n / name / "last.safetensors") for n in ("one", "two"))
        torch.testing.assert_close(two, one)


def test_the_documented_recipe_is_one() -> None:
    documented = Distillation.__doc__.partition("::\n")[2].partition("    Args:")[0]
    recipe = resolve_recipe(
        tomllib.loads(dedent(documented)),
        {"counter": "rdcc", "density_generator": "perspective-aware"},
    )
    trainer = recipe.create("trainer")
    assert [each["sigma_max"] for each in trainer.generator_options] == [25, 20, 10]
    assert trainer.distilled.optimization.schedule_options == {"milestones": [20, 60, 80]}
    assert trainer.distilled.optimization.options == {"momentum": 0.95}
