"""Read and write the files of a run."""

import json
import pickle
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch

from crowdkit_core.errors import CrowdkitError, UsageError, WeightsError
from crowdkit_core.files import atomic_write
from crowdkit_core.interfaces import Component, Weighted
from crowdkit_core.weights import save_weights, written_header

DATA_FILE = "data.json"
STATE_FILE = "state.pt"
BEST_FILE = "best.safetensors"
LAST_FILE = "last.safetensors"


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
            state: dict[str, Any] = torch.load(self.state, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, BadZipFile, pickle.UnpicklingError) as error:
            cause = str(error).splitlines()[0]
            raise WeightsError(
                f"{self.state}: cannot be read as training state: {cause}"
            ) from error
        return state


def _created_from(network: Weighted) -> dict[str, Any]:
    origin = network.origin if isinstance(network, Component) else None
    return {"component": origin.name, "options": origin.options} if origin else {}


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
        if resume and not (self.path / DATA_FILE).exists():
            raise UsageError(f"{self.path}: holds no run to resume")
        kept = [*self.path.rglob("*.safetensors"), *self.path.rglob(STATE_FILE)]
        if kept and not resume:
            raise UsageError(
                f"{self.path}: already holds a run ({kept[0].relative_to(self.path)})",
                hint="resume it (run.resume = true) or choose another run.directory",
            )

    def require_same_data(self, fingerprints: Mapping[str, str]) -> None:
        """Check that a resumed run sees the images it started with.

        Raises:
            UsageError: It does not.
        """
        path = self.path / DATA_FILE
        before = json.loads(path.read_text())
        for name in sorted(before.keys() | fingerprints.keys()):
            if before.get(name) != fingerprints.get(name):
                raise UsageError(
                    f"{path}: the {name} images are not those the run began with",
                    hint="resume with the same dataset, or start a run in another folder",
                )

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder, atomically.

        Raises:
            CrowdkitError: It cannot be written.
        """
        try:
            with atomic_write(self.path / name) as temporary:
                temporary.write_text(text)
        except OSError as error:
            raise CrowdkitError(f"{self.path / name}: cannot be written: {error}") from error

    def resume_at(self) -> int:
        """Index of the last stage that has started; 0 before the first checkpoint."""
        started = [index for index, stage in enumerate(self.stages) if stage.state.exists()]
        return max(started, default=0)

    def publish(self, stage_name: str) -> None:
        """Bring a stage's weights, and those of its companions, to the top."""
        stage = self.stages[list(self.stage_names).index(stage_name)]
        if stage.path == self.path:
            return
        for source in sorted(stage.path.glob("*.safetensors")):
            with atomic_write(self.path / source.name) as temporary:
                shutil.copyfile(source, temporary)
