"""The tracker contract: what happens in training, told to a program that shows and keeps runs."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from jaxtyping import UInt8
from numpy import ndarray

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces.origin import Component


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedRun:
    """The run that is about to train.

    Attributes:
        directory: The run's folder. What a tracker must find again when the run is resumed, such as
            the identity of its record, it keeps in there, in a folder named after itself.
        recipe: The recipe as TOML; empty where none is known.
        settings: What decides the result, by dotted name, such as ``trainer.epochs``.
        resumed: Whether the run goes on with what is in the folder.
    """

    directory: Path
    recipe: str
    settings: Mapping[str, Any]
    resumed: bool

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.directory.resolve().name


class Tracker(Component, ABC):
    """Shows and keeps the curves and pictures of runs.

    All calls come from one thread that is the tracker's own, in order, and only in the first
    process of a run. A tracker may raise: the run then goes on without it, and says so. So it does
    without one that does not answer. A run that was killed tells its last epoch again when it is
    resumed, with the same numbers.

    The constructor is called before training: what is missing is refused there, see
    `require_package`. Nothing is written or sent before `start`.
    """

    kind: ClassVar[str] = "tracker"

    @abstractmethod
    def start(self, run: TrackedRun) -> None:
        """Begin the record of a run, or go on with it where the run is resumed."""

    @abstractmethod
    def log_values(self, values: Mapping[str, float], *, epoch: int) -> None:
        """Record the numbers of an epoch.

        Args:
            values: By name, such as ``loss/loss``, ``learning_rate/counter``, ``validation/mae``.
            epoch: Counted from 1 over all stages of the run.
        """

    def log_pictures(self, pictures: Mapping[str, UInt8[ndarray, "H W 3"]], *, epoch: int) -> None:
        """Record what the counter sees in a few held-out images; does nothing by default.

        Comes before the numbers of the same epoch.

        Args:
            pictures: (H, W, 3) RGB by name, the same names each time.
            epoch: As of `log_values`.
        """

    def finish(self, *, completed: bool) -> None:
        """End the record; does nothing by default.

        Args:
            completed: Whether all stages were finished.
        """


def require_package(module: str, *, of: str, install: str) -> None:
    """Check that a package that a component cannot do without is installed; it is not imported.

    Args:
        module: Importable name.
        of: How messages name the component: ``tracker 'wandb'``.
        install: What brings the package.

    Raises:
        UsageError: It is not installed; says what to install.
    """
    if find_spec(module) is None:
        raise UsageError(
            f"{of} needs the package {module}, which is not installed",
            hint=f"pip install {install}",
        )
