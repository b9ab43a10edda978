"""Stages train what they name, from where they say, and resume to the bit."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from crowdkit_raznet.raznet import RAZNet
from crowdkit_raznet.staged import Staged
from safetensors.torch import load_file
from torch import Tensor, nn

import crowdkit_core
from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.evaluation.stamp import weights_stamp
from crowdkit_core.interfaces import Prediction, TrainingTask
from crowdkit_core.losses import L1
from crowdkit_core.settings import RunSettings
from crowdkit_core.testing import check_trainer
from crowdkit_core.testing.toys import ToyCounter, ToyDataset
from crowdkit_core.training import train
from crowdkit_core.weights import read_weights

Narrow = Callable[..., RAZNet]
ADAM = {"learning_rate": 1e-2}
COUNTING = {
    "name": "counting",
    "trains": ["main.backbone.", "main.counting."],
    "maps": ["density"],
    "loss": {"localization": 0.0, "attention": 0.0},
}
LOCALIZATION = {
    "name": "localization",
    "trains": ["main.localization."],
    "maps": ["localization"],
    "loss": {"density": 0.0, "attention": 0.0},
}
PROPOSAL = {
    "name": "proposal",
    "trains": ["main.proposal."],
    "maps": ["attention"],
    "loss": {"density": 0.0, "localization": 0.0},
    "hands_on": "last",
}
ZOOMING = {
    "name": "zooming",
    "trains": ["zoom."],
    "network": "zoom",
    "images": "proposed",
    "copies": {"zoom": "main"},
    "loss": {"density": 0.0},
    "calibrate": True,
}
PAPER = [COUNTING, LOCALIZATION, PROPOSAL, ZOOMING]


def staged(*stages: dict[str, Any], epochs: int = 1, **options: Any) -> Staged:
    settings = [{"optimization": ADAM, "epochs": epochs, **each} for each in stages]
    return crowdkit_core.create("trainer", "staged", stages=settings, **options)


def task(counter: Any, **options: Any) -> TrainingTask:
    return TrainingTask(
        counter=counter,
        loss=crowdkit_core.create("loss", "raz"),
        density_generator=Fixed(sigma=3.0),
        train=ToyDataset(size=(40, 56)),
        validation=ToyDataset(length=2, size=(40, 56), split="validation"),
        **options,
    )


def weights(path: Path) -> dict[str, Tensor]:
    return load_file(path / "last.safetensors")


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name for name, values in before.items() if not torch.equal(values, after[name])}


def named(state: dict[str, Tensor], *prefixes: str) -> set[str]:
    return {name for name in state if name.startswith(prefixes)}


def test_conformance(narrow: Narrow) -> None:
    check_trainer(crowdkit_core.create("trainer", "staged"))
    check_trainer(staged(*PAPER), task=task(narrow(search={"keep": 1})))


def test_each_stage_changes_its_part_alone(narrow: Narrow, tmp_path: Path) -> None:
    # Outputs far enough from even that the attention of all images is a region's at least.
    counter = narrow(search={"keep": 1})
    start = {name: values.clone() for name, values in counter.state_dict().items()}
    result = train(task(counter), staged(*PAPER), RunSettings(directory=tmp_path))
    after = {name: weights(tmp_path / name) for name in ("counting", "localization", "proposal")}
    after["zooming"] = weights(tmp_path)
    assert changed(start, after["counting"]) == named(start, "main.backbone.", "main.counting.")
    best = load_file(tmp_path / "counting/best.safetensors")
    assert changed(best, after["localization"]) == named(start, "main.localization.")
    best = load_file(tmp_path / "localization/best.safetensors")
    assert changed(best, after["proposal"]) == named(start, "main.proposal.")
    moved = changed(after["proposal"], after["zooming"])
    assert moved - {"fusion_threshold"} == {*named(start, "zoom."), "fitted_with"}
    assert [each["stage"] for each in result.history] == [each["name"] for each in PAPER]
    terms = [set(each["losses"]) - {"loss"} for each in result.history]
    assert terms == [{"density"}, {"localization"}, {"attention"}, {"localization", "attention"}]


def test_the_zooming_stage_starts_from_main_net_on_its_regions(
    narrow: Narrow, tmp_path: Path
) -> None:
    counter = narrow(search={"keep": 2})
    plans = staged(*PAPER).stages(task(counter))
    nn.init.ones_(counter.main.localization.output.weight)
    finished = {each["name"]: tmp_path / each["name"] / "best.safetensors" for each in PAPER}
    for path in finished.values():
        path.parent.mkdir()
        crowdkit_core.weights.save_weights(path, counter)
        crowdkit_core.weights.save_weights(path.with_name("last.safetensors"), counter)
    stage = plans[3].build(finished)
    assert stage.dataset is not None
    assert 0 < len(stage.dataset) <= 2 * 4
    assert (counter.zoom.localization.output.weight == 1).all()
    stage.train()
    stage.start_epoch(0)
    assert not counter.main.training
    assert counter.zoom.training
    shown: list[Tensor] = []
    counter.zoom.register_forward_pre_hook(lambda _net, given: shown.append(given[0]))
    batch = crowdkit_core.data.collate([stage.dataset[0]])
    stage(batch)
    assert torch.equal(shown[0], batch.images)


def test_proposals_come_from_the_last_weights_where_the_stage_says_so(
    narrow: Narrow, tmp_path: Path
) -> None:
    counter = narrow()
    plans = staged(*PAPER).stages(task(counter))
    folder = tmp_path / "proposal"
    folder.mkdir()
    for name, bias in (("best", 0.25), ("last", 0.75)):
        nn.init.constant_(counter.main.proposal.output.bias, bias)
        crowdkit_core.weights.save_weights(folder / f"{name}.safetensors", counter)
    nn.init.zeros_(counter.main.proposal.output.bias)
    plans[3].build({"proposal": folder / "best.safetensors"})
    assert counter.main.proposal.output.bias.item() == 0.75


def assert_same_bits(one: Any, other: Any) -> None:
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one.keys() - {"seconds"}:
            assert_same_bits(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for pair in zip(one, other, strict=True):
            assert_same_bits(*pair)
    else:
        assert one == other


def state_of(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "state.pt", weights_only=True)


@pytest.mark.parametrize("number", [2, 4])
def test_resumed_in_the_middle_of_a_stage_it_gives_the_same_bits(
    narrow: Narrow, tmp_path: Path, number: int
) -> None:
    stages = PAPER[:number]
    last = stages[-1]["name"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    longer = [*stages[:-1], {**stages[-1], "epochs": 2}]
    train(task(narrow(search={"keep": 1})), staged(*longer), RunSettings(directory=whole))
    train(task(narrow(search={"keep": 1})), staged(*stages), RunSettings(directory=parts))
    other = narrow(search={"keep": 1})
    nn.init.ones_(other.main.counting["output"].weight)  # which the stored weights replace
    train(task(other), staged(*longer), RunSettings(directory=parts, resume=True))
    for stage in (each["name"] for each in stages):
        assert_same_bits(state_of(whole / stage), state_of(parts / stage))
    for name in ("best", "last"):
        assert_same_bits(
            load_file(whole / last / f"{name}.safetensors"),
            load_file(parts / last / f"{name}.safetensors"),
        )


def test_the_threshold_is_fitted_with_the_last_weights_and_saved(
    narrow: Narrow, tmp_path: Path
) -> None:
    job = task(narrow(search={"keep": 1}))
    train(job, staged(*PAPER), RunSettings(directory=tmp_path))
    loaded = narrow(search={"keep": 1})
    loaded.load_weights(tmp_path / "last.safetensors")
    fitted = loaded.fusion_threshold.clone()
    loaded.fusion_threshold.fill_(12345.0)
    loaded.calibrate(job.train)
    assert torch.equal(loaded.fusion_threshold, fitted)


def test_looking_closer_is_judged_by_what_it_changes(
    narrow: Narrow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The fusion is right at once and stays; the points get better, and worse again.
    errors = {"fusion": [5.0, 5.0, 5.0], "localization+": [9.0, 2.0, 4.0]}
    images = ToyDataset(length=1, size=(40, 56), split="validation")
    people = len(images.annotation(0).points)
    epochs: list[dict[str, Any]] = []

    def calibrate(self: RAZNet, dataset: Any) -> None:
        epochs.append({name: each.clone() for name, each in self.state_dict().items()})

    def predict(self: RAZNet, images: Tensor) -> Prediction:
        counts = {n: torch.tensor([people + each[len(epochs) - 1]]) for n, each in errors.items()}
        maps = {
            name: Prediction.from_density(each.reshape(1, 1, 1, 1), 64)
            for name, each in counts.items()
        }
        return Prediction(count=counts["fusion"], counts=counts, count_maps=maps)

    monkeypatch.setattr(RAZNet, "calibrate", calibrate)
    monkeypatch.setattr(RAZNet, "predict", predict)
    zooming = {**ZOOMING, "images": "whole", "judged_by": "localization+", "epochs": 3}
    job = replace(task(narrow()), validation=images)
    result = train(job, staged(zooming), RunSettings(directory=tmp_path))
    assert [each["mae"] for each in result.history] == errors["localization+"]
    assert {each["judged_by"] for each in result.history} == {"localization+"}
    assert_same_bits(load_file(tmp_path / "best.safetensors"), epochs[1])
    assert read_weights(tmp_path / "best.safetensors").facts["judged_by"] == "localization+"
    stamp = weights_stamp(tmp_path / "best.safetensors", "test")
    assert stamp["judged_by"] == "localization+"


class Normalized(ToyCounter):
    """Parts with a memory of what they were shown."""

    def __init__(self) -> None:
        super().__init__()
        self.still = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5))

    def forward(self, images: Tensor) -> Prediction:
        return super().forward(self.still(images))


def test_any_counter_trains_in_stages_and_what_is_frozen_stays(tmp_path: Path) -> None:
    torch.manual_seed(0)
    counter = Normalized()
    start = {name: values.clone() for name, values in counter.state_dict().items()}
    trainer = staged(
        {"name": "head", "trains": ["head."], "loss": {"name": "l1"}},
        {"name": "all", "loss": {"name": "mse", "reduction": "mean"}},
    )
    job = task(counter)
    result = train(job, trainer, RunSettings(directory=tmp_path))
    assert changed(start, weights(tmp_path / "head")) == named(start, "head.")
    after = weights(tmp_path / "all")
    assert changed(start, after) == set(start)
    assert [set(each["losses"]) - {"loss"} for each in result.history] == [{"l1"}, {"mse"}]


def test_copies_of_like_parts_take_their_weights() -> None:
    class Twins(ToyCounter):
        def __init__(self) -> None:
            super().__init__()
            self.other = nn.Conv2d(4, self.head.out_channels, 3, padding=1)

    counter = Twins()
    (plan,) = staged({"name": "a", "copies": {"other": "head"}}).stages(task(counter))
    plan.build({})
    assert torch.equal(counter.other.weight, counter.head.weight)


def test_a_stage_changes_options_of_the_tasks_loss() -> None:
    job = task(ToyCounter())
    trainer = staged({"name": "a", "loss": {"gamma": 7.0}}, {"name": "b"})
    first, second = (
        plan.build({"a": Path("unused")}) if i == 0 else None
        for i, plan in enumerate(trainer.stages(job))
    )
    assert second is None
    assert first.loss.gamma == 7
    assert job.loss.gamma == 100


@pytest.mark.parametrize(
    ("stage", "message"),
    [
        ({"trains": ["hed."]}, "'hed.'"),
        ({"maps": ["density"]}, "restrict"),
        ({"images": "proposed"}, "propose"),
        ({"calibrate": True}, "calibrate"),
        ({"judged_by": "localization+"}, "ways"),
        ({"network": "zoom"}, "'zoom'"),
        ({"network": "head"}, "Conv2d"),
        ({"copies": {"head": "tail"}}, "'tail'"),
    ],
)
def test_what_a_counter_does_not_have_is_named_before_training(stage, message) -> None:
    with pytest.raises((IncompatibleError, OptionsError)) as refusal:
        staged({"name": "first", **stage}).stages(task(ToyCounter()))
    assert message in str(refusal.value)
    assert "'first'" in str(refusal.value)


def test_a_map_the_counter_does_not_give_is_named(narrow: Narrow) -> None:
    with pytest.raises(IncompatibleError, match="'attention'"):
        staged({"name": "a", "maps": ["attention"]}).stages(
            task(
                narrow(depth=1),
            )
        )


def test_a_count_the_counter_does_not_give_is_named(narrow: Narrow) -> None:
    for way in ("fusion+", "density"):
        with pytest.raises(IncompatibleError, match=re.escape(repr(way))):
            staged({"name": "a", "judged_by": way, "loss": {"density": 0.0}}).stages(
                task(narrow(counting=False))
            )


def test_a_loss_that_does_not_fit_is_named(narrow: Narrow) -> None:
    with pytest.raises(IncompatibleError, match="density"):
        staged({**ZOOMING, "loss": {}}).stages(task(narrow()))


def test_changed_options_need_a_loss_made_by_name() -> None:
    job = TrainingTask(
        counter=ToyCounter(), loss=L1(), density_generator=Fixed(sigma=3.0), train=ToyDataset()
    )
    with pytest.raises(IncompatibleError, match=r"stage 'a'.*built by its class"):
        staged({"name": "a", "loss": {"scale": 2.0}}).stages(job)


@pytest.mark.parametrize(
    ("stages", "options", "message"),
    [
        ([], {}, "at least one"),
        ([{"name": "a"}, {"name": "a"}], {}, "distinct"),
        ([{"name": "a", "epochs": 0}], {}, "epochs"),
        ([{"name": "a", "batch_size": 0}], {}, "batch_size"),
        ([{"name": "a", "calibrate": True}], {"loop": {"ema": 0.9}}, "ema"),
    ],
)
def test_wrong_options_are_named(stages, options, message) -> None:
    with pytest.raises(OptionsError, match=message):
        staged(*stages, **options)
