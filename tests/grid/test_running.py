"""Grids run: numbers, interruptions, failures, and what a folder refuses."""

import csv
import json
import re

import numpy as np
import pytest
import torch

from crowdkit_core import register
from crowdkit_core.errors import IncompatibleError, OptionsError, UsageError
from crowdkit_core.evaluation import evaluate
from crowdkit_core.evaluation.parts import evaluation_parts
from crowdkit_core.grid import load_grid, run_grid
from crowdkit_core.interfaces import Counter, MapMetric, Prediction
from crowdkit_core.settings import load_recipe
from crowdkit_core.testing.toys import ToyDataset


def rows_of(folder):
    with (folder / "runs.csv").open() as file:
        return list(csv.DictReader(file))


def cells_of(folder, heading=""):
    """Label and cells of each line of a table in table.md."""
    text = (folder / "table.md").read_text()
    part = text.partition(f"## {heading}\n")[2].partition("\n## ")[0] if heading else text
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("|")]
    return {label: cells for label, *cells in lines}


def timeless(folder):
    """Both tables without what measures time or names the folder."""
    table = (folder / "table.md").read_text()
    table = re.sub(r"together: .*", "", table).replace(str(folder), "DIR")
    return table, [{**row, "seconds": ""} for row in rows_of(folder)]


def mean_and_spread(values):
    return f"{np.mean(values):.2f} ± {np.std(values, ddof=1):.2f}"


def test_numbers_are_those_of_an_evaluation_and_of_numpy(grid_file, tmp_path):
    grid, folder = load_grid(grid_file()), tmp_path / "out"
    outcomes = run_grid(grid, folder)
    assert {each.state for each in outcomes} == {"finished"}
    rows = rows_of(folder)
    assert len(rows) == 6
    for row in rows:
        run = folder / row["run"]
        recipe = load_recipe(run / "recipe.toml")
        counter = recipe.create("counter", weights=run / "best.safetensors")
        scores = evaluate(counter, recipe.create("dataset", split="test")).scores["count"]
        expected = [scores.mae.value, scores.mae.low, scores.mae.high, scores.rmse.value]
        assert [float(row[n]) for n in ("mae", "mae_low", "mae_high", "rmse")] == expected
        assert float(row["nae"]) == scores.nae.value
        assert (row["epochs"], row["images"]) == ("2", "4")
    cells = cells_of(folder)
    for label in ("MSE", "Slow"):
        mine = [row for row in rows if row["loss"] == label]
        assert [row["run.seed"] for row in mine] == ["0", "1", "2"]
        for metric, cell in zip(("mae", "rmse"), cells[label], strict=True):
            assert cell == f"{mean_and_spread([float(row[metric]) for row in mine])} (3)"
    # 0, 3, 6 and 9 people: their mean, 4.5, is wrong by 4.5, 1.5, 1.5 and 4.5
    assert cells["predicting the training mean"] == ["3.00", "-"]


def test_further_metrics_are_those_of_an_evaluation(grid_file, tmp_path):
    asked = ['grid.metrics=["ssim","ap"]', "trainer.epochs=1", "localizer.name=local-maxima"]
    grid, folder = load_grid(grid_file(), overrides=asked), tmp_path / "out"
    run_grid(grid, folder)
    for row in rows_of(folder):
        run = folder / row["run"]
        parts = evaluation_parts(
            load_recipe(run / "recipe.toml"), run / "best.safetensors", "test", ("ssim", "ap")
        )
        report = evaluate(**parts)
        assert float(row["ssim"]) == report.quality["ssim"].value
        assert float(row["ap_5px"]) == report.point_scores["ap"]["5 px"]["mAP"]
        assert {"ap_20px", "ap_40px"} <= set(row)
    mine = [float(row["ssim"]) for row in rows_of(folder) if row["loss"] == "MSE"]
    cells = dict(zip(cells_of(folder)["loss"], cells_of(folder)["MSE"], strict=True))
    assert cells["SSIM"] == f"{np.mean(mine):.3f} ± {np.std(mine, ddof=1):.3f} (3)"
    assert {f"average precision, {sigma} px" for sigma in (40, 20, 5)} <= set(cells)
    assert "average precision: points ranked by score" in (folder / "table.md").read_text()


class Seen(MapMetric):
    """Persons of the predicted map."""

    title = "persons seen"
    digits = 4
    note = "wherever they are"

    def by_image(self, predicted, target, roi):
        return (predicted * roi[:, None]).sum((1, 2, 3))


def test_a_third_partys_metric_is_in_the_tables(grid_file, tmp_path):
    with register("metric", "seen", Seen):
        grid = load_grid(grid_file(), overrides=["trainer.epochs=1", 'grid.metrics=["seen"]'])
        run_grid(grid, tmp_path / "out")
    mine = [float(row["seen"]) for row in rows_of(tmp_path / "out") if row["loss"] == "MSE"]
    cells = cells_of(tmp_path / "out")
    assert cells["loss"] == ["MAE", "RMSE", "persons seen"]
    assert cells["MSE"][2] == f"{np.mean(mine):.4f} ± {np.std(mine, ddof=1):.4f} (3)"
    assert "- persons seen: wherever they are" in (tmp_path / "out/table.md").read_text()


def test_metrics_asked_for_later_need_no_other_training(grid_file, tmp_path):
    short = ["trainer.epochs=1"]
    run_grid(load_grid(grid_file(), overrides=short), tmp_path / "out")
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("last.safetensors")}
    assert "ssim" not in rows_of(tmp_path / "out")[0]
    more = load_grid(grid_file(), overrides=[*short, 'grid.metrics=["ssim"]'])
    run_grid(more, tmp_path / "out")
    assert all(-1 <= float(row["ssim"]) <= 1 for row in rows_of(tmp_path / "out"))
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("last.safetensors")} == before


STAGES = ["trainer.name=two-stages", "trainer.epochs=1", 'grid.stages=["first", "second"]']


def test_every_stage_can_be_a_column(grid_file, tmp_path):
    grid, folder = load_grid(grid_file(), overrides=STAGES), tmp_path / "out"
    told = []
    outcomes = run_grid(grid, folder, run_ended=told.append)
    assert [len(each) for each in told] == [2] * 6
    assert len(outcomes) == 12
    rows = rows_of(folder)
    for row in rows:
        run = folder / row["run"]
        recipe = load_recipe(run / "recipe.toml")
        counter = recipe.create("counter", weights=run / row["stage"] / "best.safetensors")
        scores = evaluate(counter, recipe.create("dataset", split="test")).scores["count"]
        assert float(row["mae"]) == scores.mae.value
        assert row["epochs"] == "3"  # of both stages
    first, second = ([row for row in rows if row["stage"] == n] for n in ("first", "second"))
    assert [row["mae"] for row in first] != [row["mae"] for row in second]
    cells = cells_of(folder, "MAE")
    assert cells["loss / stage"] == ["first", "second"]
    slow = [[float(row["mae"]) for row in of if row["loss"] == "Slow"] for of in (first, second)]
    assert cells["Slow"] == [f"{mean_and_spread(values)} (3)" for values in slow]
    assert cells["predicting the training mean"] == ["3.00", "3.00"]
    assert "training time of 6 runs together" in (folder / "table.md").read_text()


def test_stages_asked_for_later_need_no_other_training(grid_file, tmp_path):
    whole = load_grid(grid_file(), overrides=STAGES[:2])
    (outcome, *_) = run_grid(whole, tmp_path / "out")
    before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("state.pt")}
    staged = run_grid(load_grid(grid_file(), overrides=STAGES), tmp_path / "out")
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("state.pt")} == before
    assert staged[1].label == "MSE/seed-0/second"
    assert staged[1].score("mae") == outcome.score("mae")  # the last stage is the run's result


def test_without_axes_stages_are_rows(grid_file, tmp_path):
    alone = grid_file()
    alone.write_text(alone.read_text().partition("[[grid.axes]]")[0])
    run_grid(load_grid(alone, overrides=STAGES), tmp_path / "out")
    assert list(cells_of(tmp_path / "out"))[2:] == [
        "first",
        "second",
        "predicting the training mean",
    ]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (STAGES[1:], "has a single stage"),
        ([*STAGES[:2], 'grid.stages=["first", "third"]'], "has no stage 'third'"),
    ],
)
def test_stages_that_no_run_has_are_refused_before_the_first(grid_file, tmp_path, settings, why):
    with pytest.raises(UsageError, match=why):
        run_grid(load_grid(grid_file(), overrides=settings), tmp_path / "out")
    assert not (tmp_path / "out").exists()


SCALED = ["counter.name=scaled", "trainer.epochs=1"]
EVALUATIONS = """
[grid.evaluations.once]
[grid.evaluations."three times"]
counter.scale = 3.0
"""


def evaluated_grid(grid_file, **options):
    file = grid_file()
    file.write_text(file.read_text() + EVALUATIONS)
    return load_grid(file, **options)


def test_one_training_is_evaluated_with_several_settings(grid_file, tmp_path):
    grid, folder = evaluated_grid(grid_file, overrides=SCALED), tmp_path / "out"
    outcomes = run_grid(grid, folder)
    assert outcomes[1].label == "MSE/seed-0/three times"
    assert len(list(folder.rglob("state.pt"))) == 6
    rows = rows_of(folder)
    for row in rows:
        run = folder / row["run"]
        recipe = load_recipe(run / "recipe.toml")
        scale = {"once": 1.0, "three times": 3.0}[row["evaluation"]]
        counter = recipe.create("counter", weights=run / "best.safetensors", scale=scale)
        scores = evaluate(counter, recipe.create("dataset", split="test")).scores["count"]
        assert float(row["mae"]) == scores.mae.value
    assert cells_of(folder, "MAE")["loss / evaluation"] == ["once", "three times"]
    # Other settings under a label are other numbers, without other training.
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("state.pt")}
    file = tmp_path / "losses.toml"
    file.write_text(file.read_text().replace("3.0", "2.0"))
    again = run_grid(load_grid(file, overrides=SCALED), folder)
    assert again[0].score("mae") == outcomes[0].score("mae")
    assert again[1].score("mae") != outcomes[1].score("mae")
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("state.pt")} == before


def test_alternative_counts_are_in_the_tables(grid_file, tmp_path):
    settings = [*SCALED, "counter.scale=3.0", 'grid.counts=["unscaled"]']
    outcomes = run_grid(load_grid(grid_file(), overrides=settings), tmp_path / "out")
    for row, outcome in zip(rows_of(tmp_path / "out"), outcomes, strict=True):
        scores = outcome.report["scores"]["unscaled"]
        for metric in ("mae", "rmse"):
            assert float(row[f"{metric}_unscaled"]) == scores[metric]["value"]
        assert row["mae"] != row["mae_unscaled"]
    assert cells_of(tmp_path / "out")["loss"] == ["MAE", "RMSE", "MAE, unscaled", "RMSE, unscaled"]


def test_a_count_that_is_not_given_is_an_error_of_the_run(grid_file, tmp_path):
    settings = [*SCALED, 'grid.counts=["scaled"]']
    outcomes = run_grid(load_grid(grid_file(), overrides=settings), tmp_path / "out")
    assert {each.state for each in outcomes} == {"failed"}
    assert "no count named 'scaled'" in outcomes[0].error


def test_settings_of_an_evaluation_are_checked_before_the_first_run(grid_file, tmp_path):
    file = grid_file()
    file.write_text(file.read_text() + EVALUATIONS.replace("scale", "scael"))
    with pytest.raises(OptionsError, match=r"evaluation 'three times'.*|scael"):
        load_grid(file, overrides=SCALED)


@pytest.mark.parametrize(("metric", "why"), [("sim", "did you mean 'ssim'"), ("ap", "localizer")])
def test_metrics_that_cannot_be_had_are_refused_before_the_first_run(
    grid_file, tmp_path, metric, why
):
    grid = load_grid(grid_file(), overrides=[f'grid.metrics=["{metric}"]'])
    with pytest.raises(UsageError) as refused:
        run_grid(grid, tmp_path / "out")
    assert why in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_the_head_says_how_the_numbers_came_about(grid_file, tmp_path):
    run_grid(load_grid(grid_file(), overrides=["trainer.epochs=1"]), tmp_path / "out")
    text = (tmp_path / "out" / "table.md").read_text()
    for fact in (
        f"crowdkit grid {tmp_path}/losses.toml --set trainer.epochs=1 --output {tmp_path}/out",
        "run.seed: 0, 1, 2",
        "epochs of a run: 1",
        "evaluated on 4 test images with the best weights",
        "counter `toy`, dataset `toys`, density generator `fixed`",
    ):
        assert fact in text
    assert "unfinished" not in text


@pytest.mark.parametrize("batch", [1, 7], ids=lambda n: f"batch-{n}")
def test_interrupted_and_resumed_gives_the_same_tables(grid_file, tmp_path, trouble, batch):
    grid = load_grid(grid_file())
    run_grid(grid, tmp_path / "whole")
    trouble.calls, trouble.interrupt_at = 0, batch
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, tmp_path / "parts")
    assert "unfinished" in (tmp_path / "parts/table.md").read_text()
    done = {row["run"] for row in rows_of(tmp_path / "parts") if row["state"] == "finished"}
    assert done
    before = {run: (tmp_path / "parts" / run / "state.pt").stat().st_mtime_ns for run in done}
    told = []
    run_grid(grid, tmp_path / "parts", run_ended=told.extend)
    assert {each.run.label for each in told} == {run.label for run in grid.runs} - done
    for run, time in before.items():
        assert (tmp_path / "parts" / run / "state.pt").stat().st_mtime_ns == time
    assert timeless(tmp_path / "parts") == timeless(tmp_path / "whole")


def test_a_run_interrupted_in_its_second_epoch_goes_on_from_the_first(grid_file, tmp_path, trouble):
    grid = load_grid(grid_file())
    trouble.calls, trouble.interrupt_at = 0, 3  # 2 batches an epoch
    with pytest.raises(KeyboardInterrupt):
        run_grid(grid, tmp_path / "out")
    run_grid(grid, tmp_path / "out")
    log = (tmp_path / "out/Slow/seed-0/log.jsonl").read_text().splitlines()
    assert [json.loads(line).get("epoch") for line in log] == [None, 1, None, None, 2, None]


def test_a_run_that_diverges_is_noted_the_others_go_on_and_it_is_tried_again(
    grid_file, tmp_path, trouble
):
    grid, folder = load_grid(grid_file()), tmp_path / "out"
    trouble.diverges = True
    states = {each.run.label: each for each in run_grid(grid, folder)}
    assert {label for label, each in states.items() if each.state == "failed"} == {
        f"Slow/seed-{seed}" for seed in (0, 1, 2)
    }
    assert "not finite" in states["Slow/seed-0"].error
    assert "not finite" in rows_of(folder)[1]["error"]
    assert cells_of(folder)["Slow"] == ["failed", "failed"]
    assert "failed: Slow/seed-0: loss is not finite" in (folder / "table.md").read_text()

    trouble.diverges = False
    told = []
    run_grid(grid, folder, run_ended=told.extend)
    assert [each.state for each in told] == ["finished"] * 3
    run_grid(grid, tmp_path / "whole")
    assert timeless(folder) == timeless(tmp_path / "whole")


def test_only_some_rows_leave_the_others_marked(grid_file, tmp_path):
    grid, folder = load_grid(grid_file()), tmp_path / "out"
    run_grid(grid, folder, only=["Slow"])
    cells = cells_of(folder)
    assert cells["MSE"] == ["missing", "missing"]
    assert cells["Slow"][0].endswith("(3)")
    assert "**unfinished: 3 of 6 runs are done**" in (folder / "table.md").read_text()


def test_a_cell_says_how_many_replicates_it_has(grid_file, tmp_path, trouble):
    folder = tmp_path / "out"
    trouble.interrupt_at = 9  # in the third run of this row, 4 batches each
    with pytest.raises(KeyboardInterrupt):
        run_grid(load_grid(grid_file()), folder)
    values = [float(row["mae"]) for row in rows_of(folder) if row["loss"] == "Slow" and row["mae"]]
    assert cells_of(folder)["Slow"][0] == f"{mean_and_spread(values)} (2 of 3)"


def test_rows_by_columns_with_intervals(grid_file, tmp_path):
    columns = """
[[grid.axes]]
name = "target"
[grid.axes.values.narrow]
density-generator = { name = "fixed", sigma = 2.0 }
[grid.axes.values.wide]
density-generator = { name = "fixed", sigma = 8.0 }
"""
    file = grid_file(grid_file().read_text() + columns, once=("[0, 1, 2]", "[4]"))
    run_grid(load_grid(file), tmp_path / "out")
    rows = {(row["loss"], row["target"]): row for row in rows_of(tmp_path / "out")}
    cells = cells_of(tmp_path / "out", "MAE")
    assert cells["loss / target"] == ["narrow", "wide"]
    for label in ("MSE", "Slow"):
        for column, cell in zip(("narrow", "wide"), cells[label], strict=True):
            row = rows[label, column]
            low, high = float(row["mae_low"]), float(row["mae_high"])
            assert cell == f"{float(row['mae']):.2f} [{low:.2f}, {high:.2f}]"
    assert cells["predicting the training mean"] == ["3.00", "3.00"]
    assert "predicting the training mean" not in cells_of(tmp_path / "out", "RMSE")


def test_folds_are_averaged_each_on_its_own_images(grid_file, tmp_path):
    text = """
counter = "toy"
dataset = "folds"
trainer = { name = "supervised", epochs = 1 }
[grid]
weights = "last"
replicate = { "dataset.fold" = [0, 1, 2] }
"""
    run_grid(load_grid(grid_file(text)), tmp_path / "out")
    rows = rows_of(tmp_path / "out")
    assert [row["images"] for row in rows] == ["2", "2", "2"]
    cells = cells_of(tmp_path / "out")
    assert cells["all runs"][0] == f"{mean_and_spread([float(r['mae']) for r in rows])} (3)"
    # 3 i people in image i: fold 0 tests on 0 and 3 with the others' mean of 10.5, and so on
    assert [float(row["baseline_mae"]) for row in rows] == [9.0, 1.5, 9.0]
    assert cells["predicting the training mean"][0] == mean_and_spread([9.0, 1.5, 9.0])


class TestWhatAFolderRefuses:
    @pytest.fixture
    def begun(self, grid_file, tmp_path):
        run_grid(load_grid(grid_file(), overrides=["trainer.epochs=1"]), tmp_path / "out")
        return tmp_path / "out"

    def refused(self, file, folder, match, *overrides):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with pytest.raises(UsageError, match=match):
            run_grid(load_grid(file, overrides=overrides), folder)
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before

    def test_other_settings(self, begun, grid_file):
        file = grid_file()
        self.refused(file, begun, r"trainer\.epochs was 1, is 3", "trainer.epochs=3")
        same = "trainer.epochs=1"
        self.refused(file, begun, r"run\.precision was '32-true'", same, "run.precision=bf16-mixed")
        file = grid_file(once=("factor = 2.0", "factor = 3.0"))
        self.refused(file, begun, r"Slow/seed-0: .*loss\.factor was 2\.0, is 3\.0", same)

    def test_a_run_the_grid_does_not_have(self, begun, grid_file):
        file = grid_file(once=("values.Slow", "values.Slower"))
        self.refused(file, begun, "Slow/seed-0, a run that", "trainer.epochs=1")

    def test_a_folder_of_something_else(self, begun, grid_file, tmp_path):
        self.refused(grid_file(), begun / "MSE" / "seed-0", "holds no grid")
        self.refused(grid_file(), tmp_path, "holds no grid")

    def test_other_machines_and_more_runs_are_welcome(self, begun, grid_file):
        file = grid_file(once=("[0, 1, 2]", "[0, 1, 2, 3]"))
        more = [
            "trainer.epochs=1",
            "run.accelerator=cpu",
            "run.workers=1",
            "run.channels_last=true",
        ]
        told = []
        run_grid(load_grid(file, overrides=more), begun, run_ended=told.extend)
        assert [each.run.label for each in told] == ["MSE/seed-3", "Slow/seed-3"]

    def test_another_split_is_evaluated_without_training(self, begun, grid_file):
        weights = {path: path.read_bytes() for path in begun.rglob("*.safetensors")}
        overrides = ["trainer.epochs=1", "grid.split=validation"]
        run_grid(load_grid(grid_file(), overrides=overrides), begun)
        text = (begun / "table.md").read_text()
        assert "evaluated on 4 validation images" in text
        assert "these weights were chosen on the validation images" in text
        assert {path: path.read_bytes() for path in begun.rglob("*.safetensors")} == weights


def test_images_that_changed_in_place_are_refused(grid_file, tmp_path, monkeypatch):
    grid, folder = load_grid(grid_file()), tmp_path / "out"
    run_grid(grid, folder, only=["MSE"])
    annotation = ToyDataset.annotation

    def shifted(self, index):
        return annotation(self, (index + 1) % len(self))

    monkeypatch.setattr(ToyDataset, "annotation", shifted)
    with pytest.raises(UsageError, match=r"MSE/seed-0: .*images are not those the run began with"):
        run_grid(grid, folder)


class Tally(Counter):
    """A count without a map."""

    def __init__(self) -> None:
        super().__init__()
        self.outputs = {}
        self.weight = torch.nn.Parameter(torch.ones(()))

    def forward(self, images) -> Prediction:
        return Prediction(count=self.weight * images.mean((1, 2, 3)))


def test_parts_that_do_not_fit_fail_before_the_first_run(grid_file, tmp_path):
    more = '\n[grid.axes.values.Last]\ncounter = "tally"\n'
    with register("counter", "tally", Tally):
        grid = load_grid(grid_file(grid_file().read_text() + more))
        with pytest.raises(
            IncompatibleError,
            match=r"Last/seed-0: loss 'mse' needs .*'tally'",
        ):
            run_grid(grid, tmp_path / "out")
    assert not (tmp_path / "out").exists()
