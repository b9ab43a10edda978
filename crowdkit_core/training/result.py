"""The result of training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdkit_core.interfaces import Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """A finished run.

    Attributes:
        directory: The run folder.
        counter: The last stage's counter, holding ``weights``: those of the stage that the trainer
            chose.
        best_weights: Those of the lowest validation MAE; None without validation images.
        last_weights: Those after the last epoch.
        history: One record per epoch of every stage, as in the run's log.
    """

    directory: Path
    counter: Counter
    best_weights: Path | None
    last_weights: Path
    history: Sequence[Mapping[str, Any]]

    @property
    def weights(self) -> Path:
        """The best weights, or the last ones where nothing was validated."""
        return self.best_weights or self.last_weights
