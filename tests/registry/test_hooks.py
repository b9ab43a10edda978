"""Events reach listeners; a broken listener is left out with a warning."""

import json

import click
import pytest

from crowdkit_core.cli.app import crowdkit
from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.listeners.jsonl_log import JsonlLog
from crowdkit_core.listeners.progress import Progress, epoch_line
from crowdkit_core.registry import catalogue, isolated_registry
from crowdkit_core.registry.hooks import hookimpl, hooks

HOOKS = "crowdkit.hooks"
IMPORT = "from crowdkit_core.registry.hooks import hookimpl\n"


class Recorder:
    def __init__(self):
        self.heard = []

    @hookimpl
    def training_started(self, stages):
        self.heard.append(("started", stages))

    @hookimpl
    def step_ended(self, step, losses):
        self.heard.append(("step", step, losses))

    @hookimpl
    def epoch_ended(self, record):
        self.heard.append(("epoch", record))

    @hookimpl
    def evaluation_progress(self, done, total):
        self.heard.append(("evaluation", done, total))

    @hookimpl
    def training_ended(self, completed):
        self.heard.append(("ended", completed))


def run_events(events, directory):
    events.training_started(directory, {"train": 2})
    events.step_ended("train", 0, 1, 2, {"loss": 0.5})
    events.step_ended("train", 0, 2, 2, None)
    events.evaluation_progress(1, 1)
    events.epoch_ended({"stage": "train", "epoch": 1, "mae": 12.345, "rmse": float("nan")})
    events.training_ended(directory, True)


def test_a_listener_hears_all_events_with_the_arguments_it_asks_for(tmp_path):
    recorder = Recorder()
    with isolated_registry():
        run_events(hooks(recorder), tmp_path)
    assert [each[0] for each in recorder.heard] == [
        "started",
        "step",
        "step",
        "evaluation",
        "epoch",
        "ended",
    ]
    assert recorder.heard[1] == ("step", 1, {"loss": 0.5})
    assert recorder.heard[3] == ("evaluation", 1, 1)


def test_installed_modules_and_classes_listen(install):
    module = IMPORT + "heard = []\n@hookimpl\ndef epoch_ended(record): heard.append(record)\n"
    made = (
        IMPORT + "import listen_m\nclass L:\n    @hookimpl\n"
        "    def epoch_ended(self, record): listen_m.heard.append('class')\n"
    )
    install(
        "crowdkit-listen",
        {HOOKS: {"module": "listen_m", "class": "listen_c:L"}},
        {"listen_m.py": module, "listen_c.py": made},
    )
    hooks().epoch_ended({"epoch": 3})
    import listen_m

    assert sorted(map(str, listen_m.heard)) == ["class", "{'epoch': 3}"]


def test_plugins_add_commands(install):
    source = (
        IMPORT + "import click\n@hookimpl\ndef register_commands(group):\n"
        "    group.add_command(click.Command('extra'))\n"
    )
    install("crowdkit-extra", {HOOKS: {"extra": "extra_m"}}, {"extra_m.py": source})
    group = click.Group()
    hooks().register_commands(group)
    assert "extra" in group.commands


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise RuntimeError('boom')", "boom"),
        (IMPORT + "@hookimpl\ndef epoch_endd(record): ...", "epoch_endd"),
        (IMPORT + "@hookimpl\ndef epoch_ended(recrod): ...", "recrod"),
    ],
)
def test_a_broken_listener_is_named_and_stops_nobody(install, source, said):
    install("crowdkit-bad", {HOOKS: {"bad": "bad_m"}}, {"bad_m.py": source})
    recorder = Recorder()
    with pytest.warns(RuntimeWarning, match=rf"'bad' of crowdkit-bad (?s:.*){said}"):
        events = hooks(recorder)
    events.epoch_ended({"epoch": 0})
    assert recorder.heard == [("epoch", {"epoch": 0})]


def test_a_misspelt_event_of_a_given_listener_is_an_error():
    class Misspelt:
        @hookimpl
        def step_endet(self): ...

    with pytest.raises(CrowdkitError, match="step_endet") as caught:
        hooks(Misspelt())
    assert "step_ended" in caught.value.hint


def test_core_ships_its_listeners_as_plugins_do(tmp_path, capsys):
    run_events(hooks(), tmp_path)
    assert "train 1/2" in capsys.readouterr().err
    assert (tmp_path / "log.jsonl").exists()


def test_jsonl_log_is_json_on_every_line_and_goes_on_after_a_resume(tmp_path):
    directory = tmp_path / "run"
    with isolated_registry():
        for _ in range(2):
            run_events(hooks(JsonlLog()), directory)
    lines = (directory / "log.jsonl").read_text().splitlines()
    assert "NaN" not in "".join(lines)
    records = [json.loads(line) for line in lines]
    assert [each["event"] for each in records] == [
        "training_started",
        "epoch_ended",
        "training_ended",
    ] * 2
    assert records[0]["stages"] == {"train": 2}
    assert (records[1]["mae"], records[1]["rmse"]) == (12.345, None)


def test_jsonl_log_is_silent_outside_training(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with isolated_registry():
        hooks(JsonlLog()).epoch_ended({"epoch": 0})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "warned"), [(0, False), (1, True), (9, True), (10, False)])
def test_progress_warns_of_few_validation_images(tmp_path, capsys, number, warned):
    with isolated_registry():
        events = hooks(Progress())
        events.training_started(tmp_path, {"train": 1}, {"train": 90, "validation": number})
    assert (f"only {number} validation image" in capsys.readouterr().err) == warned


def test_a_loss_term_is_not_hidden_by_a_metric_of_its_name():
    losses = {"mae": 3.0, "map": 1.0, "loss": 4.0}
    line = epoch_line({"stage": "a", "epoch": 1, "losses": losses, "mae": 12.0}, {"a": 2})
    assert line == "a 1/2  mae_term 3  map 1  loss 4  mae 12"


def test_progress_writes_one_line_per_epoch(tmp_path, capsys):
    with isolated_registry():
        run_events(hooks(Progress()), tmp_path)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == ["train 1/2  mae 12.35  rmse nan"]


def test_a_command_of_a_known_plugin_says_what_to_install(monkeypatch):
    known = {"command": {"dance": "crowdkit-dance"}}
    monkeypatch.setattr(catalogue, "_catalogue", lambda: known)
    with pytest.raises(UsageError, match="the command 'dance' is not installed") as caught:
        crowdkit.main(["dance"], standalone_mode=False)
    assert caught.value.hint == "pip install crowdkit-dance"
