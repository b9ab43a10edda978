"""What is sent is read back from a store of MLflow's own."""

import numpy as np
import pytest
from crowdkit_mlflow.tracker import MLflow
from mlflow import MlflowClient

from crowdkit_core.interfaces import TrackedRun

PICTURE = np.zeros((6, 8, 3), dtype=np.uint8)


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "store").as_uri()


def track(store, folder, epochs, *, resumed=False):
    folder.mkdir(exist_ok=True)
    settings = {f"counter.option-{i}": i for i in range(150)} | {"loss.name": "mse"}
    tracker = MLflow(experiment="crowds", tracking_uri=store)
    tracker.start(TrackedRun(directory=folder, recipe="x = 1", settings=settings, resumed=resumed))
    for epoch in epochs:
        tracker.log_pictures({"street (1)": PICTURE}, epoch=epoch)
        tracker.log_values({"loss/loss": 1 / epoch}, epoch=epoch)
    return tracker


def runs_in(store):
    client = MlflowClient(store)
    experiment = client.get_experiment_by_name("crowds")
    return client, client.search_runs([experiment.experiment_id])


def test_numbers_pictures_and_recipe_arrive_and_a_resumed_run_goes_on(store, tmp_path) -> None:
    track(store, tmp_path / "run", [1, 2]).finish(completed=False)
    client, (run,) = runs_in(store)
    assert (run.info.run_name, run.info.status) == ("run", "FAILED")
    assert run.data.params["loss.name"] == "mse"
    assert len(run.data.params) == 151

    track(store, tmp_path / "run", [3], resumed=True).finish(completed=True)
    client, (run,) = runs_in(store)
    assert run.info.status == "FINISHED"
    history = client.get_metric_history(run.info.run_id, "loss/loss")
    assert [(each.step, each.value) for each in history] == [(1, 1.0), (2, 0.5), (3, 1 / 3)]
    assert "recipe.toml" in {each.path for each in client.list_artifacts(run.info.run_id)}
    images = [each.path for each in client.list_artifacts(run.info.run_id, "images")]
    assert len([each for each in images if each.endswith(".png")]) == 3


def test_a_new_run_in_another_folder_is_another_run(store, tmp_path) -> None:
    for name in ("a", "b"):
        track(store, tmp_path / name, [1]).finish(completed=True)
    assert {each.info.run_name for each in runs_in(store)[1]} == {"a", "b"}
