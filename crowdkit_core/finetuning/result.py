"""What came of a fine-tuning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdkit_core.cards import Card, MeasuredErrors


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOutCount:
    """A held-out image, counted before and after.

    Attributes:
        image: Its name.
        actual: People annotated in it.
        before: Counted by the weights it began with.
        after: Counted by the new weights; None where there are none.
    """

    image: str
    actual: float
    before: float
    after: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finetuned:
    """A fine-tuning that ended.

    Attributes:
        name: What the new weights are called, as in ``load(name)``; empty if none are offered.
        card: Theirs; None likewise.
        directory: Folder of the run, with the weights of its best and its last epoch.
        began_as: Name of the weights it began with.
        trained: Names of the images it trained on.
        held_out: Counts of the images it did not, in order.
        before: Errors on those of the weights it began with; None without any.
        after: Errors on those of the best new weights; None without any, or where no epoch was
            finished.
        history: One record an epoch, as in the run's log.
        stopped: Somebody asked it to stop before its last epoch.
        notes: What a user should know, a line each.
    """

    name: str
    card: Card | None
    directory: Path
    began_as: str
    trained: tuple[str, ...]
    held_out: tuple[HeldOutCount, ...]
    before: MeasuredErrors | None
    after: MeasuredErrors | None
    history: Sequence[Mapping[str, Any]]
    stopped: bool
    notes: tuple[str, ...]

    @property
    def improved(self) -> bool | None:
        """Whether the new weights are nearer on the held-out images; None if nobody can say."""
        if self.before is None or self.after is None:
            return None
        return self.after.mae < self.before.mae
