"""`crowdkit grid` on a synthetic grid of two runs."""

import csv
import json

import pytest

GRID = """
counter = "mcnn"

[dataset]
name = "synthetic"
images = 4
size = [64, 96]
people = [0, 20]

[trainer]
epochs = 1

[grid]
split = "validation"
weights = "last"

[[grid.axes]]
name = "loss"
[grid.axes.values.MSE]
loss = "mse"
[grid.axes.values.L1]
loss = "l1"
"""


@pytest.fixture
def grid(tmp_path):
    (tmp_path / "losses.toml").write_text(GRID)
    return tmp_path / "losses.toml"


def test_the_numbers_are_those_of_crowdkit_eval(crowdkit, grid, tmp_path):
    output = tmp_path / "out"
    finished = crowdkit("grid", grid, "--output", output)
    assert finished.code == 0, finished.err
    assert (output / "table.md").read_text().strip() in finished.out
    with (output / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["loss"] for row in rows] == ["MSE", "L1"]
    for row in rows:
        evaluated = crowdkit(
            *("eval", output / row["run"], "--split", "validation", "--weights", "last", "--json")
        ).json
        scores = evaluated["scores"]["count"]
        assert float(row["mae"]) == scores["mae"]["value"]
        assert float(row["rmse"]) == scores["rmse"]["value"]
        assert float(row["nae"]) == scores["nae"]["value"]
        assert float(row["baseline_mae"]) == evaluated["baseline_mae"]
        assert f"{row['run']}: MAE {scores['mae']['value']:.2f}" in finished.out


def test_json_on_standard_output_alone(crowdkit, grid, tmp_path):
    finished = crowdkit("grid", grid, "--output", tmp_path / "out", "--only", "L1", "--json")
    assert finished.code == 0, finished.err
    (run,) = finished.json["runs"]
    assert (run["labels"], run["replicate"], run["state"]) == (["L1"], "0", "finished")
    assert (
        run["mae"]
        == json.loads((tmp_path / "out/L1/seed-0/evaluation-validation-last.json").read_text())[
            "scores"
        ]["count"]["mae"]["value"]
    )


def test_dry_run_writes_nothing(crowdkit, grid, tmp_path):
    finished = crowdkit("grid", grid, "--output", tmp_path / "out", "--dry-run")
    assert finished.code == 0, finished.err
    assert [line.split() for line in finished.out.splitlines()] == [
        ["run", "state"],
        ["MSE/seed-0", "missing"],
        ["L1/seed-0", "missing"],
    ]
    assert not (tmp_path / "out").exists()


def test_table_only_trains_nothing(crowdkit, grid, tmp_path):
    output = tmp_path / "out"
    refused = crowdkit("grid", grid, "--output", output, "--table-only")
    assert (refused.code, output.exists()) == (2, False)
    assert crowdkit("grid", grid, "--output", output, "--only", "L1").code == 0
    before = (output / "table.md").read_text()
    (output / "table.md").unlink()
    assert crowdkit("grid", grid, "--output", output, "--table-only").code == 0
    assert (output / "table.md").read_text() == before
    assert not (output / "MSE").exists()


def test_a_failed_run_is_named_and_the_others_are_there(crowdkit, grid, tmp_path):
    rate = "\n[grid.axes.values.Wild]\ntrainer.optimization.learning_rate = 1e30\n"
    grid.write_text(GRID.replace("\n[grid.axes.values.L1]", rate + "\n[grid.axes.values.L1]"))
    finished = crowdkit("grid", grid, "--output", tmp_path / "out")
    assert finished.code == 1
    assert finished.err.splitlines()[-2:] == [
        "crowdkit: 1 of 3 runs failed: Wild/seed-0",
        "  runs.csv has the reasons; the same command tries them again",
    ]
    assert "L1/seed-0: MAE" in finished.out
    assert "Traceback" not in finished.err


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["--set", "loss.reductoin=sum"], ["loss 'MSE'", "loss.reductoin"]),
        (["--set", "grid.split=tset"], ["grid: split", "tset"]),
        (["--only", "L2"], ["no row 'L2'"]),
    ],
)
def test_mistakes(crowdkit, grid, tmp_path, arguments, names):
    finished = crowdkit("grid", grid, "--output", tmp_path / "out", *arguments)
    assert finished.code == 2
    assert all(name in finished.err.splitlines()[0] for name in names), finished.err
    assert not (tmp_path / "out").exists()


def test_train_refuses_a_grid(crowdkit, grid):
    finished = crowdkit("train", grid)
    assert finished.code == 2
    assert f"crowdkit grid {grid}" in finished.err


def test_grids_are_listed_by_their_kind(crowdkit):
    assert crowdkit("list", "grids").code == 0
    assert "mse" not in crowdkit("list", "grids").out
    assert isinstance(crowdkit("list", "grid", "--json").json, list)
