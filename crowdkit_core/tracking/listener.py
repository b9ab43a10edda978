"""Listen to a run, and tell its trackers."""

import warnings
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from crowdkit_core.interfaces import Counter, Dataset, TrackedRun, Tracker
from crowdkit_core.printable import printable
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings.differences import deciding_settings_in
from crowdkit_core.settings.run_names import RECIPE_FILE
from crowdkit_core.tracking.guard import GuardedTracker
from crowdkit_core.tracking.pictures import pictures_of, spread
from crowdkit_core.tracking.randomness import same_randomness

_OF_TRAINING = ("stage", "epoch", "losses", "learning_rates", "seconds")
"""What an epoch's record holds beside what was validated."""


class Tracking:
    """Tells trackers the recipe, the numbers of each epoch and pictures of held-out images.

    Args:
        trackers: Each is left out with a warning once it fails or takes too long.
        validation: Where the pictured images come from; None for none.
        images: How many are pictured, spread over the validation images and the same each time.
        resumed: Whether the run goes on with what is in its folder.
    """

    def __init__(
        self,
        trackers: Sequence[Tracker],
        *,
        validation: Dataset | None,
        images: int,
        resumed: bool,
    ) -> None:
        self._trackers = trackers
        self._validation = validation
        self._pictured = [] if validation is None else spread(images, len(validation))
        self._resumed = resumed
        self._guarded: Sequence[GuardedTracker] = ()
        self._epochs_before: Mapping[str, int] = {}

    @hookimpl
    def training_started(self, directory: Path, stages: Mapping[str, int]) -> None:
        """Begin the records, or go on with them."""
        before = accumulate(stages.values(), initial=0)
        self._epochs_before = dict(zip(stages, before, strict=False))
        self._guarded = [GuardedTracker(each) for each in self._trackers]
        if self._guarded:
            self._tell("start", _tracked_run(directory, resumed=self._resumed))

    @hookimpl
    def epoch_validated(self, stage: str, epoch: int, counter: Counter, judged_by: str) -> None:
        """Picture the held-out images."""
        wanted = any(each.wants_pictures for each in self._guarded)
        if self._validation is None or not self._pictured or not wanted:
            return
        try:
            with same_randomness():
                pictures = pictures_of(
                    counter, self._validation, self._pictured, judged_by=judged_by
                )
        except Exception as error:  # such as too little memory: the run can do without
            self._pictured = []
            reason = printable(f"{type(error).__name__}: {error}")
            warnings.warn(f"trackers get no pictures: {reason}", RuntimeWarning, stacklevel=2)
        else:
            self._tell("log_pictures", pictures, epoch=self._epochs_before[stage] + epoch)

    @hookimpl
    def epoch_ended(self, record: Mapping[str, Any]) -> None:
        """Tell the numbers of an epoch."""
        stage = record["stage"]
        values = epoch_values(record)
        if len(self._epochs_before) > 1:
            values = {f"{stage}/{name}": value for name, value in values.items()}
        self._tell("log_values", values, epoch=self._epochs_before[stage] + record["epoch"])

    @hookimpl
    def training_ended(self, completed: bool) -> None:
        """End the records."""
        self._tell("finish", completed=completed)
        for each in self._guarded:
            each.close()

    def _tell(self, method: str, *values: Any, **named: Any) -> None:
        for each in self._guarded:
            each.tell(method, *values, **named)


def epoch_values(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of an epoch's record by the names that trackers give them.

    Example:
        >>> record = {"stage": "all", "epoch": 1, "losses": {"loss": 0.5}, "mae": 9.0, "seconds": 2}
        >>> epoch_values(record)
        {'loss/loss': 0.5, 'validation/mae': 9.0, 'seconds': 2.0}
    """
    groups = {
        "loss/": record["losses"],
        "learning_rate/": record.get("learning_rates", {}),
        "validation/": {name: each for name, each in record.items() if name not in _OF_TRAINING},
        "": {"seconds": record["seconds"]},
    }
    return {
        f"{group}{name}": float(value)
        for group, values in groups.items()
        for name, value in values.items()
        if isinstance(value, int | float)
    }


def _tracked_run(directory: Path, *, resumed: bool) -> TrackedRun:
    file = directory / RECIPE_FILE
    recipe = file.read_text(encoding="utf-8") if file.exists() else ""
    settings = deciding_settings_in(recipe)
    return TrackedRun(directory=directory, recipe=recipe, settings=settings, resumed=resumed)
