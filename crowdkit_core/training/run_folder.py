"""Read and write the files of a run."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import torch

from crowdkit_core.errors import CrowdkitError, UsageError, WeightsError
from crowdkit_core.files import atomic_write, is_leftover, remove_leftovers
from crowdkit_core.interfaces import Component, StagePlan, Weighted
from crowdkit_core.training.run_record import DATA_FILE
from crowdkit_core.weights import save_weights, written_header

STATE_FILE = "state.pt"
BEST_FILE = "best.safetensors"
LAST_FILE = "last.safetensors"


_FIELDS = {"epoch": int, "best_mae": float, "waited": int, "stopped": bool, "history": list}
"""What every training state has, beside what its modules and optimizers keep."""


@dataclass(frozen=True, slots=True)
class StageFolder:
    """The files of one stage.

    Attributes:
        path: The folder.
    """

    path: Path

    @property
    def state(self) -> Path:
        """What a resumed run continues from."""
        return self.path / STATE_FILE

    @property
    def best(self) -> Path:
        """Weights of the lowest validation MAE."""
        return self.path / BEST_FILE

    @property
    def last(self) -> Path:
        """Weights after the last epoch."""
        return self.path / LAST_FILE

    @property
    def weights(self) -> Path:
        """The stage's result: the best weights, or the last where nothing was validated."""
        return self.best if self.best.exists() else self.last

    def require_savable(self, network: Weighted) -> None:
        """Check that `save_weights` can record what a network was created from.

        Raises:
            WeightsError: An option is neither a plain value nor made by a registered name.
        """
        written_header(self.last, **_created_from(network))

    def save_weights(self, path: Path, network: Weighted, facts: Mapping[str, Any]) -> None:
        """Write a network's weights with the name and options it was created from."""
        save_weights(path, network, **_created_from(network), facts=facts)

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Write the training state, atomically.

        Raises:
            CrowdkitError: It cannot be written; an earlier state is untouched.
        """
        try:
            with atomic_write(self.state) as temporary:
                torch.save(dict(state), temporary)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
            raise CrowdkitError(
                f"{self.state}: the training state cannot be written: {error}",
                hint="an earlier file of that name is untouched",
            ) from error

    def load_state(self) -> dict[str, Any]:
        """Read the training state without executing anything in it.

        Raises:
            WeightsError: The file is damaged or holds more than tensors and plain values.
        """
        try:
            _require_whole(self.state)
            state = torch.load(self.state, map_location="cpu", weights_only=True)
            _require_fields(state)
        except Exception as error:  # damage shows as many kinds of error
            cause = (str(error) or type(error).__name__).splitlines()[0]
            raise WeightsError(
                f"{self.state}: cannot be read as training state, so the run cannot be resumed: "
                f"{cause}",
                hint=f"the weights beside it, such as {LAST_FILE}, are files of their own and can "
                "still be used; start a run in another folder",
            ) from error
        return state  # type: ignore[no-any-return]  # checked above


def _require_whole(path: Path) -> None:
    """Compare a file of `torch.save` with its checksums, which torch does not."""
    with ZipFile(path) as file:
        if damaged := file.testzip():
            raise BadZipFile(f"{damaged} is not what was written")


def _require_fields(state: Any) -> None:
    for name, kind in _FIELDS.items():
        if not isinstance(state[name], kind):
            raise TypeError(f"{name} is a {type(state[name]).__name__}, expected {kind.__name__}")


def _created_from(network: Weighted) -> dict[str, Any]:
    origin = network.origin if isinstance(network, Component) else None
    if origin is None:
        return {}
    return {
        "component": origin.name,
        "distribution": origin.distribution,
        "options": origin.options,
    }


@dataclass(frozen=True, slots=True)
class RunFolder:
    """A run folder: what was run, its log, and each stage's weights and state.

    A run of one stage keeps its files at the top; one of several keeps each stage's in a folder
    of the stage's name, and copies the chosen stage's weights to the top when it is done.

    Attributes:
        path: The folder.
        stage_names: The trainer's stages, in order.
    """

    path: Path
    stage_names: Sequence[str]

    @property
    def stages(self) -> list[StageFolder]:
        """Each stage's files, in order."""
        if len(self.stage_names) == 1:
            return [StageFolder(self.path)]
        return [StageFolder(self.path / name) for name in self.stage_names]

    def claim(self, *, resume: bool) -> None:
        """Make sure that a run may write here; nothing is written.

        Raises:
            UsageError: Weights or states of a run are here already, or no run is here to resume.
        """
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"{self.path}: is a file, expected a folder for the run")
        found = [*self.path.rglob("*.safetensors"), *self.path.rglob(STATE_FILE)]
        kept = [path for path in found if not is_leftover(path)]
        if resume and not (self.path / DATA_FILE).exists():
            hint = "" if kept else "leave out --resume (run.resume) to start one"
            raise UsageError(f"{self.path}: holds no run to resume", hint=hint)
        if kept and not resume:
            raise UsageError(
                f"{self.path}: already holds a run ({kept[0].relative_to(self.path)})",
                hint="resume it (run.resume = true) or choose another run.directory",
            )

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder, atomically.

        Raises:
            CrowdkitError: It cannot be written.
        """
        try:
            with atomic_write(self.path / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise CrowdkitError(f"{self.path / name}: cannot be written: {error}") from error

    def resume_at(self) -> int:
        """Index of the last stage that has started; 0 before the first checkpoint."""
        started = [index for index, stage in enumerate(self.stages) if stage.state.exists()]
        return max(started, default=0)

    def require_no_more_epochs(self, plans: Sequence[StagePlan]) -> None:
        """Check that no stage that others have begun on is to go on.

        Raises:
            UsageError: One is.
            WeightsError: Its state is damaged.
        """
        last = self.resume_at()
        for plan, stage in zip(plans[:last], self.stages, strict=False):
            state = stage.load_state()
            if plan.epochs > state["epoch"] and not state["stopped"]:
                raise UsageError(
                    f"{self.path}: stage {plan.name!r} ended after {state['epoch']} epochs, and "
                    f"stage {self.stage_names[last]!r} began on what it had learnt; it cannot be "
                    f"given {plan.epochs}",
                    hint="resume with the old number, or start a run in another folder",
                )

    def remove_leftovers(self) -> None:
        """Remove the unfinished files of runs that were killed here.

        Raises:
            CrowdkitError: One cannot be removed.
        """
        try:
            remove_leftovers(self.path)
        except OSError as error:
            raise CrowdkitError(f"{self.path}: cannot be tidied up: {error}") from error

    def publish(self, stage_name: str) -> None:
        """Bring a stage's weights, and those of its companions, to the top."""
        stage = self.stages[list(self.stage_names).index(stage_name)]
        if stage.path == self.path:
            return
        for source in sorted(stage.path.glob("*.safetensors")):
            with atomic_write(self.path / source.name) as temporary:
                shutil.copyfile(source, temporary)
