"""Joint training: who minimises what, when, and what is kept."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from crowdkit_adaptive_density.joint import Joint, JointStage
from safetensors.torch import load_file
from torch import Tensor
from torch.utils._pytree import tree_flatten

from crowdkit_core import create
from crowdkit_core.data import Augmentation, collate
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import (
    Counter,
    DensityGenerator,
    LoopSettings,
    Loss,
    LossTerms,
    Points,
    Prediction,
    Sample,
    Size,
    Target,
    Trainer,
    TrainingTask,
)
from crowdkit_core.losses import MSE
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings import RunSettings
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.testing.toys import ToyCounter, ToyDataset, ToyGenerator
from crowdkit_core.training import OptimizationSettings, train

ADAM = OptimizationSettings(learning_rate=1e-2)


@parametrize_with_checks([Joint()])
def test_conformance(component: Trainer, check: Callable[[Trainer], None]) -> None:
    check(component)


def task(**parts) -> TrainingTask:
    torch.manual_seed(0)
    return TrainingTask(
        **{
            "counter": ToyCounter(),
            "loss": MSE(),
            "density_generator": ToyGenerator(weight=0.5),
            "train": ToyDataset(length=6),
            "validation": ToyDataset(length=3, split="validation"),
            **parts,
        }
    )


def joint(epochs: int = 2, **options) -> Joint:
    return Joint(
        **{
            "epochs": epochs,
            "batch_size": 2,
            "optimization": ADAM,
            "generator_optimization": ADAM,
            "augmentation": Augmentation(crop_size=(16, 32)),
            **options,
        }
    )


def stage_of(task: TrainingTask, **options) -> JointStage:
    (plan,) = joint(**options).stages(task)
    stage = plan.build({})
    assert isinstance(stage, JointStage)
    return stage


def run_in(folder: Path, **options) -> RunSettings:
    return RunSettings(directory=folder, accelerator="cpu", **options)


def scene(size: Size, people: int, roi: Tensor | None = None) -> Sample:
    random = torch.Generator().manual_seed(people)
    xy = torch.rand(people, 2, generator=random) * torch.tensor([size[1], size[0]])
    image = torch.rand(3, *size, generator=random)
    return Sample(name=f"{size}", image=image, points=Points(xy, canvas_size=size), roi=roi)


# -- the objective -------------------------------------------------------------------------------


def test_each_network_minimises_its_own_part() -> None:
    parts = task()
    torch.nn.init.normal_(parts.density_generator.body.weight)
    batch = collate([parts.train[index] for index in (0, 2, 5)])
    stage_of(parts)(batch).total.backward()

    counter, generator = parts.counter, parts.density_generator
    learnt = generator(batch.points, batch.size, stride=4)
    counting = (counter(batch.images).density - learnt).square().sum() / 3
    people = torch.tensor([len(xy) for xy in batch.points])
    whole = counting + 0.5 * (learnt.sum((1, 2, 3)) - people).square().sum() / 3
    for name, parameter in counter.named_parameters():
        (alone,) = torch.autograd.grad(counting, parameter, retain_graph=True)
        torch.testing.assert_close(parameter.grad, alone, msg=name)
    (both,) = torch.autograd.grad(whole, generator.body.weight, retain_graph=True)
    (alone,) = torch.autograd.grad(counting, generator.body.weight)
    torch.testing.assert_close(generator.body.weight.grad, both)
    assert not torch.allclose(both, alone)


def test_a_batch_of_any_sizes_and_regions_costs_the_mean_of_its_images() -> None:
    left = torch.zeros(24, 48, dtype=torch.bool)
    left[:, :20] = True
    samples = [scene((32, 40), 5), scene((24, 48), 9, roi=left), scene((28, 28), 0)]
    parts = task(counter=Blind())
    torch.nn.init.normal_(parts.density_generator.body.weight)
    stage = stage_of(parts)
    together = stage(collate(samples))
    alone = [stage(collate([each])) for each in samples]
    for name in ("mse", "penalty"):
        mean = torch.stack([each.terms[name] for each in alone]).mean()
        torch.testing.assert_close(together.terms[name], mean)
    torch.testing.assert_close(together.total, sum(together.terms.values()))


class Blind(ToyCounter):
    """Sees no image, so that padding is nothing to it: the same density everywhere."""

    def forward(self, images: Tensor) -> Prediction:
        constant = self.head.bias[0].expand(len(images), 1, *(-(-s // 4) for s in images.shape[2:]))
        return Prediction.from_density(constant, 4)


class BothStrides(Loss):
    """Squared error of both density maps of the toy counter."""

    needs = ("density", "coarse")

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        fine = (prediction.density - target.density(4)).square().sum()
        coarse = (prediction.maps["coarse"] - target.density(8)).square().sum()
        again = (prediction.maps["coarse"] - target.density(8)).square().sum()
        return LossTerms.of(mse=fine + coarse + again)


def test_the_generator_pays_once_for_the_map_of_each_stride() -> None:
    parts = task(loss=BothStrides())
    torch.nn.init.normal_(parts.density_generator.body.weight)
    sample = parts.train[3]
    points, generator = [sample.points.as_subclass(Tensor)], parts.density_generator
    paid = [
        0.5 * (generator(points, sample.size, stride=stride).sum() - len(points[0])).square()
        for stride in (4, 8)
    ]
    terms = stage_of(parts)(collate([sample])).terms
    torch.testing.assert_close(terms["penalty"], sum(paid))


def test_a_generator_without_penalty_learns_from_the_loss_alone() -> None:
    class Free(ToyGenerator):
        def penalty(self, density, points, size, *, stride, sigmas=None) -> None:
            return None

    terms = stage_of(task(density_generator=Free()))(collate([ToyDataset()[2]])).terms
    assert set(terms) == {"mse"}


# -- how the networks move -----------------------------------------------------------------------


def test_the_generator_moves_only_in_its_own_epochs(tmp_path) -> None:
    parts, kernels, heads = task(), [], []
    kernel, head = parts.density_generator.body.weight, parts.counter.head.weight

    class Watch:
        @hookimpl
        def epoch_ended(self) -> None:
            kernels.append(kernel.detach().clone())
            heads.append(head.detach().clone())

    before = kernel.detach().clone()
    train(parts, joint(4, generator_every_epochs=2), run_in(tmp_path), listeners=[Watch()])
    moved = [not torch.equal(*pair) for pair in pairwise([before, *kernels])]
    assert moved == [True, False, True, False]
    assert not any(torch.equal(*pair) for pair in pairwise(heads))


def test_each_network_has_its_own_rate(tmp_path) -> None:
    generator = OptimizationSettings(optimizer="SGD", learning_rate=1e-7)
    result = train(task(), joint(1, generator_optimization=generator), run_in(tmp_path))
    assert result.history[0]["learning_rates"] == {"counter": 1e-2, "density-generator": 1e-7}


def test_the_penalty_holds_the_generators_count(tmp_path) -> None:
    """Against a counter that says nobody is there, only the penalty keeps the maps from zero."""

    def people_in_maps(weight: float) -> float:
        counter = Blind()
        torch.nn.init.zeros_(counter.head.bias)
        parts = task(counter=counter, density_generator=ToyGenerator(weight=weight))
        frozen = OptimizationSettings(optimizer="SGD", learning_rate=1e-12)
        trainer = joint(10, optimization=frozen)
        train(parts, trainer, run_in(tmp_path / str(weight)))
        sample = parts.train[5]
        density = parts.density_generator([sample.points], sample.size, stride=4)
        return density.sum().item() / len(sample.points)

    assert people_in_maps(0.0) < 0.5
    assert people_in_maps(10.0) > 0.9


def test_parameters_of_the_loss_move_with_the_counter() -> None:
    class Weighing(MSE):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))

    loss = Weighing()
    counter, generator = stage_of(task(loss=loss)).optimizations().values()
    owned = [each for group in counter.optimizer.param_groups for each in group["params"]]
    assert any(each is loss.weight for each in owned)
    assert generator.every_epochs == 1


# -- what is kept --------------------------------------------------------------------------------


def test_both_networks_are_kept_and_only_the_counter_is_averaged(tmp_path) -> None:
    parts = task()
    averaging = LoopSettings(ema=0.5)
    result = train(parts, joint(loop=averaging), run_in(tmp_path))
    stored = torch.load(tmp_path / "state.pt", weights_only=True)["modules"]
    kept = load_file(tmp_path / "last-density-generator.safetensors")
    assert torch.equal(kept["body.weight"], parts.density_generator.body.weight)
    assert torch.equal(kept["body.weight"], stored["density_generator.body.weight"])
    averaged = load_file(result.last_weights)["head.weight"]
    assert not torch.equal(averaged, stored["counter.head.weight"])
    assert (tmp_path / "best-density-generator.safetensors").exists()


def state_of(folder: Path) -> dict:
    state = torch.load(folder / "state.pt", weights_only=True)
    for record in state["history"]:
        del record["seconds"]
    return state


def assert_same_bits(one: dict, other: dict) -> None:
    (ones, structure), (others, same) = tree_flatten(one), tree_flatten(other)
    assert structure == same
    for left, right in zip(ones, others, strict=True):
        assert torch.equal(left, right) if isinstance(left, Tensor) else left == right


@pytest.mark.parametrize("every", [1, 2])
def test_two_and_two_epochs_equal_four(tmp_path, every) -> None:
    def run(folder: str, epochs: int, seed: int = 0, *, resume: bool = False) -> None:
        step = {"schedule": "StepLR", "schedule_options": {"step_size": 1, "gamma": 0.5}}
        trainer = joint(
            epochs,
            optimization=replace(ADAM, **step),
            generator_optimization=replace(ADAM, **step, options={"amsgrad": True}),
            generator_every_epochs=every,
            loop=LoopSettings(ema=0.9, clip_norm=1.0, accumulate=2),
        )
        parts = task()
        torch.manual_seed(seed)
        torch.nn.init.normal_(parts.density_generator.body.weight)
        train(parts, trainer, run_in(tmp_path / folder, resume=resume))

    run("whole", 4)
    run("parts", 2)
    run("parts", 4, seed=9, resume=True)  # another start, which the stored one must replace
    whole, parts = state_of(tmp_path / "whole"), state_of(tmp_path / "parts")
    assert set(whole["optimizers"]) == {"counter", "density-generator"}
    assert all(each["state"] for each in whole["optimizers"].values())
    assert_same_bits(whole, parts)
    files = sorted((tmp_path / "whole").glob("*.safetensors"))
    assert len(files) == 4
    for file in files:
        assert_same_bits(load_file(file), load_file(tmp_path / "parts" / file.name))


@pytest.mark.parametrize("precision", ["bf16-mixed", "bf16-true", "64-true"])
def test_other_precisions_learn_the_same(tmp_path, precision) -> None:
    kernels = []
    for each in ("32-true", precision):
        parts = task()
        train(parts, joint(), run_in(tmp_path / each, precision=each))
        kernels.append(parts.density_generator.body.weight.detach().float())
    exact, rounded = kernels
    assert not torch.equal(rounded, ToyGenerator().body.weight)
    torch.testing.assert_close(rounded, exact, atol=0.02, rtol=0)


# -- what does not fit ---------------------------------------------------------------------------


def frozen() -> DensityGenerator:
    return ToyGenerator().requires_grad_(False)


class Coarse(ToyGenerator):
    strides = frozenset({8})


class DirectCount(Counter):
    outputs = {}  # noqa: RUF012  # declared once, never written

    def forward(self, images: Tensor) -> Prediction:
        return Prediction(count=images.mean((1, 2, 3)))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"density_generator": Fixed()}, "'Joint' trains .* 'Fixed' cannot learn: .* no param"),
        ({"density_generator": frozen()}, "'Joint' trains .* 'ToyGenerator' .* frozen"),
        ({"density_generator": Coarse()}, r"'ToyCounter' .* stride \[4\], which .* 'Coarse'"),
        ({"counter": DirectCount()}, "'MSE' needs a map named 'density', which .* 'DirectCount'"),
    ],
    ids=["hand-made", "frozen", "strides", "maps"],
)
def test_parts_that_do_not_fit_are_refused_before_the_first_step(tmp_path, parts, message) -> None:
    with pytest.raises(IncompatibleError, match=message):
        train(task(**parts), joint(), run_in(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_loss_that_looks_at_no_map_is_refused() -> None:
    class Counts(Loss):
        def forward(self, prediction: Prediction, target: Target) -> LossTerms:
            return LossTerms.of(l1=(prediction.count - target.count).abs().mean())

    stage, batch = stage_of(task(loss=Counts())), collate([ToyDataset()[1]])
    with pytest.raises(IncompatibleError, match=r"loss 'Counts' .* generator 'ToyGenerator'"):
        stage(batch)


@pytest.mark.parametrize("option", ["epochs", "batch_size", "generator_every_epochs"])
def test_numbers_below_one_are_refused(option) -> None:
    with pytest.raises(OptionsError, match=f"{option}: .*greater than or equal to 1"):
        create("trainer", "joint", **{option: 0})
