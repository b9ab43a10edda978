"""The tracker `mlflow`: a run on an MLflow server, or in a folder."""

import re
import time
from collections.abc import Mapping
from typing import Any

from jaxtyping import UInt8
from numpy import ndarray

from crowdkit_core.interfaces import TrackedRun, Tracker, require_package

MOST_AT_ONCE = 100
"""Parameters that a server takes in one request."""


class MLflow(Tracker):
    """Records the run with MLflow.

    The identity under which a resumed run goes on is kept in ``mlflow/`` of the run's folder.

    Args:
        experiment: Name of the experiment that the run belongs to; made if there is none.
        tracking_uri: Server or store; that of ``MLFLOW_TRACKING_URI``, or MLflow's own default,
            when None.
    """

    def __init__(self, *, experiment: str = "crowdkit", tracking_uri: str | None = None) -> None:
        require_package("mlflow", of="tracker 'mlflow'", install="crowdkit-mlflow")
        self._experiment = experiment
        self._tracking_uri = tracking_uri
        self._client: Any = None
        self._id = ""

    def start(self, run: TrackedRun) -> None:
        """Begin a run with the recipe as parameters and as an artifact, or go on with one."""
        from mlflow import MlflowClient

        self._client = MlflowClient(self._tracking_uri)
        file = run.directory / "mlflow" / "run-id.txt"
        if run.resumed and file.exists():
            self._id = file.read_text(encoding="utf-8").strip()
            self._client.update_run(self._id, status="RUNNING")
        else:
            self._id = self._new_run(run)
            file.parent.mkdir(exist_ok=True)
            file.write_text(self._id + "\n", encoding="utf-8")
        self._client.log_text(self._id, run.recipe, "recipe.toml")

    def log_values(self, values: Mapping[str, float], *, epoch: int) -> None:
        """Send the numbers in one request."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(_spelled(name), value, now, epoch) for name, value in values.items()]
        self._client.log_batch(self._id, metrics=metrics)

    def log_pictures(self, pictures: Mapping[str, UInt8[ndarray, "H W 3"]], *, epoch: int) -> None:
        """Send images."""
        for name, picture in pictures.items():
            key = _spelled(f"held-out/{name}")
            self._client.log_image(self._id, picture, key=key, step=epoch, synchronous=True)

    def finish(self, *, completed: bool) -> None:
        """Say how the run ended."""
        self._client.set_terminated(self._id, status="FINISHED" if completed else "FAILED")

    def _new_run(self, run: TrackedRun) -> str:
        from mlflow.entities import Param

        found = self._client.get_experiment_by_name(self._experiment)
        experiment = (
            found.experiment_id if found else self._client.create_experiment(self._experiment)
        )
        identity: str = self._client.create_run(experiment, run_name=run.name).info.run_id
        params = [Param(_spelled(name), str(value)) for name, value in run.settings.items()]
        for start in range(0, len(params), MOST_AT_ONCE):
            self._client.log_batch(identity, params=params[start : start + MOST_AT_ONCE])
        return identity


def _spelled(name: str) -> str:
    """A name without the characters that MLflow refuses."""
    return re.sub(r"[^\w\-. /]", "_", name, flags=re.ASCII)
