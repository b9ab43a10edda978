"""The tracker `tensorboard`: event files in the run's folder."""

from collections.abc import Mapping

from jaxtyping import UInt8
from lightning_fabric.loggers.tensorboard import TensorBoardLogger
from numpy import ndarray

from crowdkit_core.interfaces import TrackedRun, Tracker, require_package


class TensorBoard(Tracker):
    """Writes event files to ``tensorboard/`` in the run's folder.

    ``tensorboard --logdir runs`` shows all runs below a folder, also while they train. A resumed
    run goes on in its folder; what was written of epochs that are trained again is passed over.
    """

    def __init__(self) -> None:
        require_package("tensorboard", of="tracker 'tensorboard'", install="crowdkit-tensorboard")
        self._run: TrackedRun | None = None
        self._logger: TensorBoardLogger | None = None

    def start(self, run: TrackedRun) -> None:
        """Write the recipe of a new run; a resumed one waits for its first epoch."""
        self._run = run
        if not run.resumed:
            self._logger_at(epoch=1)

    def log_values(self, values: Mapping[str, float], *, epoch: int) -> None:
        """Write scalars."""
        logger = self._logger_at(epoch)
        logger.log_metrics(values, epoch)
        logger.save()

    def log_pictures(self, pictures: Mapping[str, UInt8[ndarray, "H W 3"]], *, epoch: int) -> None:
        """Write images."""
        writer = self._logger_at(epoch).experiment
        for name, picture in pictures.items():
            writer.add_image(f"held-out/{name}", picture, epoch, dataformats="HWC")

    def finish(self, *, completed: bool) -> None:
        """Close the file."""
        if self._logger is not None:
            self._logger.finalize("success" if completed else "failed")

    def _logger_at(self, epoch: int) -> TensorBoardLogger:
        """The logger; opened at an epoch it takes the place of what was written from there on."""
        if self._logger is None:
            assert self._run is not None
            self._logger = TensorBoardLogger(
                self._run.directory,
                name="tensorboard",
                version="",
                purge_step=epoch if self._run.resumed else None,
            )
            recipe = f"```toml\n{self._run.recipe}\n```"
            self._logger.experiment.add_text("recipe", recipe, epoch - 1)
        return self._logger
