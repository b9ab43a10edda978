import pytest
import torch
from torch import nn

from crowdkit_core.errors import OptionsError
from crowdkit_core.training import OptimizationSettings, make_optimization


def layers() -> nn.Module:
    return nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2))


def test_optimizer_and_schedule_of_torch_by_name() -> None:
    settings = OptimizationSettings(
        optimizer="SGD",
        learning_rate=0.1,
        options={"momentum": 0.95, "weight_decay": 5e-4},
        schedule="MultiStepLR",
        schedule_options={"milestones": [1], "gamma": 0.5},
    )
    made = make_optimization(layers().named_parameters(), settings)
    assert isinstance(made.optimizer, torch.optim.SGD)
    assert made.optimizer.param_groups[0]["momentum"] == 0.95
    made.optimizer.step()
    assert made.schedule is not None
    made.schedule.step()
    assert made.optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    "name",
    [
        *("ASGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Muon"),
        *("NAdam", "RAdam", "RMSprop", "Rprop", "SGD"),
    ],
)
def test_every_optimizer_steps(name: str) -> None:
    module = nn.Linear(2, 2, bias=False)
    before = module.weight.detach().clone()
    made = make_optimization(
        module.named_parameters(), OptimizationSettings(optimizer=name, learning_rate=0.1)
    )
    module(torch.ones(1, 2)).sum().backward()
    made.optimizer.step()
    assert not torch.equal(before, module.weight)


def test_longest_prefix_decides_the_learning_rate() -> None:
    settings = OptimizationSettings(
        learning_rate=1.0, learning_rate_factors={"0": 0.5, "0.bias": 0.0, "2": 10.0}
    )
    module = layers()
    made = make_optimization(module.named_parameters(), settings)
    rates = {id(p): g["lr"] for g in made.optimizer.param_groups for p in g["params"]}
    named = {name: rates[id(p)] for name, p in module.named_parameters()}
    assert named == {
        "0.weight": 0.5,
        "0.bias": 0.0,
        "1.weight": 1.0,
        "1.bias": 1.0,
        "2.weight": 10.0,
        "2.bias": 10.0,
    }


def test_frozen_parameters_are_left_out() -> None:
    module = layers()
    module[0].requires_grad_(False)
    made = make_optimization(module.named_parameters(), OptimizationSettings())
    assert sum(len(g["params"]) for g in made.optimizer.param_groups) == 4


@pytest.mark.parametrize(
    ("options", "message", "hint"),
    [
        ({"optimizer": "Adm"}, "no optimizer named 'Adm'", "Adam"),
        ({"optimizer": "LBFGS"}, "no optimizer named 'LBFGS'", ""),
        ({"options": {"momentun": 0.9}, "optimizer": "SGD"}, "no option 'momentun'", "momentum"),
        ({"options": {"betas": 3}}, "optimizer Adam", ""),
        ({"options": {"lr": 1.0}}, "set twice", "learning_rate"),
        ({"schedule": "StepLr"}, "no schedule named 'StepLr'", "StepLR"),
        ({"schedule": "StepLR"}, "step_size", ""),
        (
            {
                "schedule": "OneCycleLR",
                "schedule_options": {"max_lr": 0.1, "total_steps": 10, "pct_start": 0.1},
            },
            r"schedule OneCycleLR\(.*pct_start=0.1\): float division by zero",
            "",
        ),
        (
            {"schedule": "StepLR", "schedule_options": {"stepsize": 1}},
            "no option 'stepsize'",
            "step_size",
        ),
        ({"schedule": "LambdaLR"}, "no schedule named 'LambdaLR'", ""),
        (
            {"schedule": "ReduceLROnPlateau", "schedule_interval": "step"},
            "ReduceLROnPlateau",
            "epoch",
        ),
        ({"learning_rate": 0.0}, "learning_rate is 0.0", ""),
        ({"learning_rate_factors": {"a": -1.0}}, "learning_rate_factors.a is -1.0", ""),
    ],
)
def test_what_torch_would_reject_is_refused_at_once(options, message, hint) -> None:
    with pytest.raises(OptionsError, match=message) as caught:
        OptimizationSettings(**options)
    assert hint in caught.value.hint


COSINE = {"schedule": "CosineAnnealingLR"}
ONE_CYCLE = {
    "schedule": "OneCycleLR",
    "schedule_options": {"max_lr": 1e-3, "pct_start": 0.1, "cycle_momentum": False},
}


@pytest.mark.parametrize(
    ("settings", "length"), [(COSINE, "T_max"), (ONE_CYCLE, "total_steps")], ids=["cosine", "one"]
)
@pytest.mark.parametrize(
    ("interval", "every_epochs", "steps"), [("epoch", 1, 7), ("step", 1, 21), ("epoch", 2, 4)]
)
def test_a_schedule_is_as_long_as_the_training(
    settings, length, interval, every_epochs, steps
) -> None:
    made = make_optimization(
        layers().named_parameters(),
        OptimizationSettings(**settings, schedule_interval=interval),
        every_epochs=every_epochs,
    ).lasting(7, updates=3)
    assert getattr(made.schedule, length) == steps
    assert made.steps(7, updates=3) == steps


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "CosineAnnealingLR", "schedule_options": {"T_max": 5}},
        {"schedule": "OneCycleLR", "schedule_options": {"max_lr": 0.1, "total_steps": 5}},
        {
            "schedule": "OneCycleLR",
            "schedule_options": {"max_lr": 0.1, "epochs": 5, "steps_per_epoch": 1},
        },
    ],
)
def test_a_length_that_is_given_stays(options) -> None:
    settings = OptimizationSettings(optimizer="SGD", options={"momentum": 0.9}, **options)
    made = make_optimization(layers().named_parameters(), settings).lasting(9, updates=1)
    assert 5 in (getattr(made.schedule, name, None) for name in ("T_max", "total_steps"))


def test_other_options_of_such_a_schedule_are_checked_at_once() -> None:
    with pytest.raises(OptionsError, match="no option 'eta_mim'"):
        OptimizationSettings(schedule="CosineAnnealingLR", schedule_options={"eta_mim": 0.0})
    with pytest.raises(OptionsError, match="max_lr"):
        OptimizationSettings(schedule="OneCycleLR")


def test_prefix_that_fits_nothing() -> None:
    settings = OptimizationSettings(learning_rate_factors={"frontend": 0.5})
    with pytest.raises(OptionsError, match="'frontend'"):
        make_optimization(layers().named_parameters(), settings)


def test_nothing_to_train() -> None:
    with pytest.raises(OptionsError, match="nothing to train"):
        make_optimization(layers().requires_grad_(False).named_parameters(), OptimizationSettings())
