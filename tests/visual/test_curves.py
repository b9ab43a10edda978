"""The training curve, from a log as it is written."""

import json

import pytest

from crowdkit_core.errors import DataError
from crowdkit_core.listeners.jsonl_log import LOG_FILE, JsonlLog
from crowdkit_core.visual import read_epochs, save, training_curve


def write_log(directory, *runs):
    """Each run is a list of epoch records; a second run is a resume."""
    for records in runs:
        log = JsonlLog()
        log.training_started(directory=directory, stages={"train": 9})
        for record in records:
            log.epoch_ended(record=record)
        log.training_ended(completed=False)
    return directory / LOG_FILE


def epoch(number, loss, mae=None, stage="train"):
    record = {"stage": stage, "epoch": number, "losses": {"loss": loss}}
    return record if mae is None else {**record, "mae": mae}


def lines(axes):
    return [list(zip(*line.get_data(), strict=True)) for line in axes.lines]


def test_points_of_the_curve_are_those_of_the_log(tmp_path):
    log = write_log(tmp_path, [epoch(1, 4.0, 90.0), epoch(2, 2.0), epoch(3, 1.0, 60.0)])
    loss, mae = training_curve(read_epochs(log)).axes
    assert lines(loss) == [[(1, 4.0), (2, 2.0), (3, 1.0)]]
    assert lines(mae) == [[(1, 90.0), (3, 60.0)], [(3, 60.0)]]
    assert mae.texts[0].get_text() == "best 60.0"


def test_a_resumed_epoch_counts_as_it_was_last(tmp_path):
    log = write_log(tmp_path, [epoch(1, 4.0), epoch(2, 3.0)], [epoch(2, 2.5), epoch(3, 2.0)])
    assert [record["losses"]["loss"] for record in read_epochs(log)] == [4.0, 2.5, 2.0]


def test_stages_follow_one_another(tmp_path):
    records = [epoch(1, 4.0, 50.0), epoch(2, 3.0, 40.0)]
    records += [epoch(1, 9.0, 80.0, "student"), epoch(2, 8.0, 70.0, "student")]
    loss, mae = training_curve(records).axes
    assert lines(loss)[:2] == [[(1, 4.0), (2, 3.0)], [(3, 9.0), (4, 8.0)]]
    assert [text.get_text().strip() for text in loss.texts] == ["train", "student"]
    assert mae.texts[0].get_text() == "best 70.0"


def test_without_validation_there_is_one_curve(tmp_path):
    figure = training_curve([epoch(1, 0.0)])
    assert len(figure.axes) == 1
    save(figure, tmp_path / "curve.png")
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_a_loss_that_was_no_number_is_left_out(tmp_path):
    log = write_log(tmp_path, [epoch(1, 4.0), epoch(2, float("nan"))])
    (loss,) = training_curve(read_epochs(log)).axes
    assert lines(loss) == [[(1, 4.0)]]


def test_what_is_no_log(tmp_path):
    with pytest.raises(DataError, match=r"log\.jsonl: cannot be read"):
        read_epochs(tmp_path / "log.jsonl")
    (tmp_path / "other.jsonl").write_text(json.dumps({"event": "training_ended"}) + "\nhello\n")
    with pytest.raises(DataError, match=r"other\.jsonl, line 2"):
        read_epochs(tmp_path / "other.jsonl")
    with pytest.raises(DataError, match="nothing has been trained"):
        training_curve([])
