"""Store and restore all that changes while a stage trains."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Counter, Optimization, Stage


@dataclass(kw_only=True)
class StageState:
    """State of a running stage.

    Attributes:
        stage: Its modules.
        optimizations: Its optimizers by name.
        averaged: Moving average of the counter's weights, or None.
        epoch: Epochs done.
        best_mae: Lowest validation MAE so far.
        waited: Validations since then.
        stopped: Ended early.
        history: One record per epoch done.
    """

    stage: Stage
    optimizations: Mapping[str, Optimization]
    averaged: AveragedModel | None
    epoch: int = 0
    best_mae: float = math.inf
    waited: int = 0
    stopped: bool = False
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def counter(self) -> Counter:
        """The counter that is validated and saved: the averaged one where there is one."""
        if self.averaged is None:
            return self.stage.counter
        return self.averaged.module  # type: ignore[return-value]  # torch: a copy of the counter

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and strings alone, so that reading it back executes nothing."""
        return {
            "epoch": self.epoch,
            "best_mae": self.best_mae,
            "waited": self.waited,
            "stopped": self.stopped,
            "history": self.history,
            "modules": self.stage.state_dict(),
            "averaged": None if self.averaged is None else self.averaged.state_dict(),
            "optimizers": {k: o.optimizer.state_dict() for k, o in self.optimizations.items()},
            "schedules": {
                k: o.schedule.state_dict() for k, o in self.optimizations.items() if o.schedule
            },
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a stored state.

        Raises:
            UsageError: The stored run trained something else.
        """
        try:
            self.stage.load_state_dict(state["modules"])
            if self.averaged is not None:
                self.averaged.load_state_dict(state["averaged"])
            for name, each in self.optimizations.items():
                each.optimizer.load_state_dict(state["optimizers"][name])
                if each.schedule is not None:
                    each.schedule.load_state_dict(state["schedules"][name])
        except (RuntimeError, ValueError, KeyError, AttributeError, TypeError) as error:
            cause = str(error).splitlines()[0]
            raise UsageError(
                f"the stored run does not fit the components it is resumed with: {cause}",
                hint="resume with the settings in the run folder's recipe.toml",
            ) from error
        self.epoch, self.best_mae = state["epoch"], state["best_mae"]
        self.waited, self.stopped = state["waited"], state["stopped"]
        self.history = list(state["history"])


def moving_average(counter: nn.Module, decay: float | None) -> AveragedModel | None:
    """The exponential moving average of a counter's weights, statistics of batch norms included."""
    if decay is None:
        return None
    average = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]  # torch: untyped
    averaged = AveragedModel(counter, multi_avg_fn=average, use_buffers=True)
    averaged.requires_grad_(False)
    return averaged
