"""Train on a visitor's corrections, and tell how far it is while it goes on."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from crowdkit_core.data.corrections import Corrections
from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.finetuning import Finetuned, finetune, require_free, suggested_name
from crowdkit_core.registry.hooks import hookimpl


@dataclass(kw_only=True, eq=False)
class Training:
    """One training, from when it is asked for; another thread writes what it comes to.

    Attributes:
        name: What the new weights are to be called.
        weights: What they begin as.
        epochs: How many there will be; 0 before it is known.
        done: Epochs that are done, and the part of the one that goes on.
        records: One for each epoch that is done.
        result: What came of it; None before the end.
        error: Why it failed; empty otherwise.
    """

    name: str
    weights: str
    epochs: int = 0
    done: float = 0.0
    records: list[Mapping[str, Any]] = field(default_factory=list)
    result: Finetuned | None = None
    error: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    def run(self, corrections: Corrections, directory: Path, device: torch.device | None) -> None:
        """Train until the last epoch, or until `stop`; what went wrong is kept in `error`.

        Args:
            corrections: The photos.
            directory: Folder of the run.
            device: Where.
        """
        try:
            self.result = finetune(
                self.weights,
                corrections,
                name=self.name,
                output=directory,
                device=device,
                stop=self._stop.is_set,
                listeners=[self],
            )
        except CrowdkitError as error:
            self.error = " ".join(filter(None, (f"{error.message}.", error.hint)))
        except Exception as error:
            self.error = f"training failed: {type(error).__name__}"  # the rest is in the log
            raise

    def stop(self) -> None:
        """End it after the step that goes on; what it reached is judged like the rest."""
        self._stop.set()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.result is not None or bool(self.error)

    @property
    def share(self) -> float:
        """How much of it is done, from 0 to 1."""
        return min(self.done / self.epochs, 1.0) if self.epochs else 0.0

    @property
    def curve(self) -> tuple[list[int], dict[str, list[float]]]:
        """Epochs, and by name what changes over them."""
        epochs = [int(record["epoch"]) for record in self.records]
        if self.records and all("mae" in record for record in self.records):
            return epochs, {
                "error on held-out photos": [float(each["mae"]) for each in self.records]
            }
        return epochs, {"training loss": [float(each["losses"]["loss"]) for each in self.records]}

    @property
    def said(self) -> list[str]:
        """What came of it, a line each."""
        result = self.result
        if result is None:
            return [self.error] if self.error else []
        lines = [f"new weights: {result.name}"] if result.name else ["no new weights"]
        if result.before is not None and result.after is not None:
            number = len(result.held_out)
            lines.append(
                f"off by {result.before.mae:.1f} before and {result.after.mae:.1f} after, on "
                f"{number} photo{'s' * (number != 1)} that training did not see"
            )
        return [*lines, *result.notes]

    @hookimpl
    def training_started(self, stages: Mapping[str, int]) -> None:
        """Take over how many epochs there will be."""
        self.epochs = sum(stages.values())

    @hookimpl
    def step_ended(self, epoch: int, step: int, steps: int) -> None:
        """Move on by a step."""
        self.done = epoch + step / steps

    @hookimpl
    def epoch_ended(self, record: Mapping[str, Any]) -> None:
        """Move on by an epoch."""
        self.records.append(record)


def free_name(weights: str) -> str:
    """A name for new weights that no other weights have.

    Args:
        weights: What they begin as.
    """
    wanted = suggested_name(weights)
    number, name = 1, wanted
    while not _is_free(name):
        number += 1
        name = f"{wanted}-{number}"
    return name


def _is_free(name: str) -> bool:
    try:
        require_free(name)
    except UsageError:
        return False
    return True
