"""What `crowdkit finetune` prints, how it refuses, and how it is stopped."""

import os
import signal

import pytest


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("CROWDKIT_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "own"


LEARNING = ("--epochs", 2, "--set", "trainer.optimization.learning_rate=1e-3")


def test_new_weights_are_there_by_their_name(crowdkit, weights, photos):
    done = crowdkit("finetune", weights, photos, "--name", "mine", "--output", "run", *LEARNING)
    assert done.code == 0, done.err
    assert "trained: 9 images, 2 epochs" in done.out
    (header,) = (line for line in done.out.splitlines() if line.startswith("held out"))
    assert header.split() == ["held", "out", "marked", "before", "after"]
    counted = [line.split() for line in done.out.splitlines() if line.endswith(tuple("0123456789"))]
    assert [row[0] for row in counted if len(row) == 4] == ["3.png", "7.png", "11.png"]
    assert "before: MAE " in done.out
    assert "after:  MAE " in done.out
    assert "weights: mine  (crowdkit count photo.jpg --weights mine)" in done.out
    assert "mine" in crowdkit("list", "weights").out
    assert "began as" in crowdkit("info", "mine").out
    assert crowdkit("count", photos / "0.png", "--weights", "mine").code == 0


def test_json_says_the_same(crowdkit, weights, photos):
    done = crowdkit("finetune", weights, photos, "--held-out", 0, "--epochs", 1, "--json")
    said = done.json
    assert (said["name"], said["began_as"], said["epochs"]) == ("mcnn-mine", "mcnn", 1)
    assert (said["before"], said["after"], said["improved"], said["held_out"]) == (None,) * 3 + (
        [],
    )
    assert len(said["trained"]) == 12
    loss, held_out, *_ = said["notes"]
    assert loss.startswith("nobody says with which loss mcnn was trained; 'mse' was taken")
    assert held_out.startswith("no image is held out")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("{weights}", "nowhere"), 1, "nowhere: no such folder"),
        (("nowhere", "{photos}"), 2, "no weights named 'nowhere'"),
        (("{weights}", "{photos}", "--name", "x.pt"), 2, "name 'x.pt', expected letters"),
        (("{weights}", "{photos}", "--resume"), 2, "--resume needs --output"),
        (("{weights}", "{photos}", "--set", "trainer.name=x"), 2, "no trainer named 'x'"),
    ],
)
def test_what_is_wrong_is_one_line_and_no_work(
    crowdkit, weights, photos, tmp_path, arguments, code, message
):
    given = [each.format(weights=weights, photos=photos) for each in arguments]
    done = crowdkit("finetune", *given)
    assert done.code == code
    assert done.out == ""
    assert message in done.err.splitlines()[0]
    assert not (tmp_path / "runs").exists()


def test_ctrl_c_says_how_to_go_on(crowdkit, weights, photos, monkeypatch, request, tmp_path):
    def begin(*_, output, **__):
        output.mkdir()
        (output / "state.pt").touch()
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("not stopped")

    # A shell that starts the tests in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr("crowdkit_core.finetuning.finetune", begin)
    done = crowdkit("finetune", weights, photos, "--output", tmp_path / "run")
    assert done.code == 130
    assert done.err.strip().splitlines()[-1] == (
        "crowdkit: stopped; finished epochs are kept; go on with: "
        f"the same command and --resume --output {tmp_path / 'run'}"
    )
