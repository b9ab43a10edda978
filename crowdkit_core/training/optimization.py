"""Optimizers and schedules of torch by name, checked before training starts."""

import inspect
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import nn
from torch.optim import Optimizer, lr_scheduler
from torch.optim.lr_scheduler import LRScheduler

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Optimization
from crowdkit_core.spelling import did_you_mean


@dataclass(frozen=True, kw_only=True)
class OptimizationSettings:
    """How parameters are updated.

    Attributes:
        optimizer: A class of ``torch.optim``: ``Adam``, ``AdamW``, ``SGD``, ...
        learning_rate: Its base learning rate.
        options: Its further options, as torch names them: ``{"momentum": 0.95}``.
        schedule: A class of ``torch.optim.lr_scheduler``, or None for a constant rate.
            ``ReduceLROnPlateau`` follows the validation MAE.
        schedule_options: The schedule's options, as torch names them: ``{"step_size": 50}``. The
            length of the whole schedule (``T_max`` of ``CosineAnnealingLR``, ``total_steps`` of
            ``OneCycleLR``) is that of the training unless it is given.
        schedule_interval: Whether the schedule counts epochs or optimizer steps.
        learning_rate_factors: Factor on the learning rate of the parameters whose name starts
            with a prefix (the longest that fits): ``{"frontend": 0.5}``. 0 leaves them as they
            are.

    Raises:
        OptionsError: A name, an option or a value that torch does not accept.
    """

    optimizer: str = "Adam"
    learning_rate: float = 1e-4
    options: dict[str, Any] = field(default_factory=dict)
    schedule: str | None = None
    schedule_options: dict[str, Any] = field(default_factory=dict)
    schedule_interval: Literal["epoch", "step"] = "epoch"
    learning_rate_factors: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.learning_rate > 0:
            raise OptionsError(f"learning_rate is {self.learning_rate}, must be positive")
        for prefix, factor in self.learning_rate_factors.items():
            if not factor >= 0:
                raise OptionsError(f"learning_rate_factors.{prefix} is {factor}, must be >= 0")
        if self.schedule == "ReduceLROnPlateau" and self.schedule_interval == "step":
            raise OptionsError(
                "schedule ReduceLROnPlateau cannot count steps",
                hint="it follows the validation MAE: schedule_interval = 'epoch'",
            )
        rehearsal = _make_optimizer([{"params": [nn.Parameter(torch.zeros(1, 1))]}], self)
        _make_schedule(rehearsal, self, _ANY_LENGTH if _is_of_training_length(self) else None)


def make_optimization(
    parameters: Iterable[tuple[str, nn.Parameter]],
    settings: OptimizationSettings,
    *,
    every_epochs: int = 1,
) -> Optimization:
    """Build an optimizer and its schedule.

    Args:
        parameters: Named; those that require no gradient are left out.
        settings: Names and options.
        every_epochs: See `Optimization`.

    Raises:
        OptionsError: Nothing to train, a prefix that fits no parameter, or options that torch
            rejects.
    """
    trainable = [(name, each) for name, each in parameters if each.requires_grad]
    optimizer = _make_optimizer(_groups(trainable, settings), settings)
    of_training_length = _is_of_training_length(settings)
    return Optimization(
        optimizer=optimizer,
        schedule=None if of_training_length else _make_schedule(optimizer, settings),
        schedule_interval=settings.schedule_interval,
        every_epochs=every_epochs,
        schedule_for=partial(_make_schedule, optimizer, settings) if of_training_length else None,
    )


def require_long_enough(optimization: Optimization, steps: int) -> None:
    """Refuse a schedule that ends before training does, which torch would only find out then.

    Raises:
        OptionsError: It does.
    """
    schedule = optimization.schedule
    if isinstance(schedule, lr_scheduler.OneCycleLR) and schedule.total_steps < steps:
        raise OptionsError(
            f"schedule OneCycleLR ends after {schedule.total_steps} steps, training takes {steps}",
            hint="leave total_steps out: a new run has a schedule of its own length",
        )


def _make_optimizer(groups: list[dict[str, Any]], settings: OptimizationSettings) -> Optimizer:
    # LBFGS wants to evaluate the loss several times per step, SparseAdam sparse gradients.
    known = _classes(torch.optim, Optimizer, without=("LBFGS", "SparseAdam"))
    options = {"lr": settings.learning_rate, **settings.options}
    if "lr" in settings.options:
        raise OptionsError("options.lr is set twice", hint="set learning_rate instead")
    optimizer: Optimizer = _build("optimizer", settings.optimizer, known, groups, options)
    return optimizer


def _is_of_training_length(settings: OptimizationSettings) -> bool:
    """Whether torch asks for the length of the whole schedule, and the settings leave it out."""
    length = _LENGTHS.get(settings.schedule or "")
    by_epochs = {"epochs", "steps_per_epoch"} & settings.schedule_options.keys()
    return length is not None and length not in settings.schedule_options and not by_epochs


def _make_schedule(
    optimizer: Optimizer, settings: OptimizationSettings, length: int | None = None
) -> Any:  # an LRScheduler, or None without one
    if settings.schedule is None:
        return None
    options = dict(settings.schedule_options)
    if length is not None:
        options[_LENGTHS[settings.schedule]] = length
    # These take functions or other schedules, which settings cannot hold.
    functions = ("LambdaLR", "MultiplicativeLR", "SequentialLR", "ChainedScheduler")
    known = _classes(lr_scheduler, LRScheduler, without=functions)
    return _build("schedule", settings.schedule, known, optimizer, options)


_LENGTHS = {"CosineAnnealingLR": "T_max", "OneCycleLR": "total_steps"}
"""Options that torch asks for and that mean how long training lasts."""

_ANY_LENGTH = 9973
"""To try other options with; no short part of it is a whole number."""


def _classes(module: Any, base: type, without: Collection[str]) -> dict[str, type]:
    return {
        name: each
        for name, each in vars(module).items()
        if inspect.isclass(each) and issubclass(each, base) and each is not base
        if not name.startswith("_") and name not in without
    }


def _build(
    role: str, name: str, known: Mapping[str, type], subject: Any, options: Mapping[str, Any]
) -> Any:
    if name not in known:
        raise OptionsError(f"no {role} named {name!r} in torch.optim", hint=_nearest(name, known))
    accepted = list(inspect.signature(known[name]).parameters)[1:]
    for option in options:
        if option not in accepted:
            raise OptionsError(
                f"{role} {name} has no option {option!r}", hint=_nearest(option, accepted)
            )
    try:
        return known[name](subject, **options)
    except (TypeError, ValueError, ArithmeticError) as error:
        given = ", ".join(f"{key}={value!r}" for key, value in options.items())
        raise OptionsError(f"{role} {name}({given}): {error}") from error


def _nearest(word: str, known: Collection[str]) -> str:
    return did_you_mean(word, known, most=3) or f"known: {', '.join(sorted(known))}"


def _groups(
    parameters: list[tuple[str, nn.Parameter]], settings: OptimizationSettings
) -> list[dict[str, Any]]:
    if not parameters:
        raise OptionsError("no parameter requires a gradient: there is nothing to train")
    prefixes = sorted(settings.learning_rate_factors, key=len, reverse=True)
    members: dict[str, list[nn.Parameter]] = {}
    for name, parameter in parameters:
        prefix = next((each for each in prefixes if name.startswith(each)), "")
        members.setdefault(prefix, []).append(parameter)
    for prefix in prefixes:
        if prefix not in members:
            raise OptionsError(
                f"learning_rate_factors: no trainable parameter's name starts with {prefix!r}",
                hint=_nearest(prefix, sorted({name.split(".")[0] for name, _ in parameters})),
            )
    factors = {"": 1.0, **settings.learning_rate_factors}
    return [
        {"params": each, "lr": settings.learning_rate * factors[prefix]}
        for prefix, each in members.items()
    ]
