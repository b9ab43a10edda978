"""`crowdkit weights`, and weights by name in the other commands."""

import json
import tomllib
from dataclasses import replace

import pytest

from crowdkit_core.cards import parse_card
from crowdkit_core.weights import read_weights

KNOWN = {
    "dataset": "toy scenes",
    "split": "validation",
    "predicted": [9.0] * 20,
    "actual": list(range(20)),
}
ERRORS = {
    "dataset": "toy scenes",
    "split": "validation",
    "images": 20,
    "mae": 5.0,
    "mae_interval": [3.0, 7.0],
    "rmse": 6.0,
    "nae": 0.5,
}
SPEED = {"image": [128, 96], "seconds": 0.21, "hardware": "a CPU, 2 threads"}
TINY = ["--counter", "mcnn", "--set", "dataset.images=20", "--set", "trainer.epochs=1"]
TINY += ["--set", "dataset.size=[64, 64]", "--set", "dataset.people=[1, 9]"]


@pytest.fixture
def toy(offer, card, weights, cache):
    """Weights that count people by default, with terms and intervals."""
    content = weights.read_bytes()
    table = card(
        content,
        calibration=KNOWN,
        errors=[ERRORS],
        default_for=["people"],
        terms="Be kind.\nAlways.",
        speed=SPEED,
    )
    return offer("crowdkit-fake", table, files={"toy.safetensors": content})


@pytest.fixture
def run(crowdkit, tmp_path):
    finished = crowdkit("train", *TINY, "--output", tmp_path / "run")
    assert finished.code == 0, finished.err
    return tmp_path / "run"


@pytest.mark.parametrize("arguments", [["weights"], []])
def test_weights_are_listed(crowdkit, toy, arguments):
    finished = crowdkit("list", *arguments)
    (line,) = [each for each in finished.out.splitlines() if each.startswith("weights")]
    assert line.split(maxsplit=4)[1:] == ["toy", "crowdkit-fake", "1.0", "People in toy scenes."]


def test_broken_weights_are_listed_as_broken(crowdkit, toy):
    (toy / "bad.toml").write_text("name = ")
    listed = {each["name"]: each for each in crowdkit("list", "weights", "--json").json}
    assert "is not TOML" in listed["bad"]["error"]
    assert listed["toy"]["default_for"] == ["people"]
    assert "broken: card bad.toml of crowdkit-fake 1.0: is not TOML" in crowdkit("list").out
    assert crowdkit("list", "weights").code == 0
    assert crowdkit("list", "weights", "--check").code == 1
    finished = crowdkit("info", "bad")
    assert (finished.code, finished.err.count("\n")) == (1, 2)


def test_whole_cards_as_json(crowdkit, toy):
    (listed,) = crowdkit("list", "weights", "--json").json
    (shown,) = crowdkit("info", "toy", "--json").json
    assert {**listed, "kind": "weights"} == {**shown, "error": ""}
    everything = crowdkit("list", "--json").json
    assert {"toy", "people"}.isdisjoint(each["name"] for each in everything)
    assert "counter" in {each["kind"] for each in everything}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda file: file.unlink(), "its file toy.safetensors is not in the package"),
        (lambda file: file.write_bytes(b"else"), "its file toy.safetensors has sha256 "),
    ],
)
def test_a_check_looks_at_packaged_files(crowdkit, toy, damage, message):
    assert crowdkit("list", "weights", "--check").code == 0
    damage(toy / "toy.safetensors")
    assert crowdkit("list", "weights").code == 0
    finished = crowdkit("list", "weights", "--check")
    assert finished.code == 1
    assert f"broken: card 'toy' of crowdkit-fake 1.0: {message}" in finished.out
    (as_json,) = crowdkit("list", "weights", "--check", "--json").json
    assert message in as_json["error"]


def test_a_check_fetches_nothing(crowdkit, offer, card):
    offer("crowdkit-fake", card(file=None, url="https://weights.invalid/toy.safetensors"))
    assert crowdkit("list", "weights", "--check").code == 0


def test_a_card_is_shown(crowdkit, toy):
    shown = crowdkit("info", "toy").out
    for part in (
        "weights toy  (crowdkit-fake 1.0)",
        "People in toy scenes.",
        "mcnn",
        "toy scenes, 30 train images",
        "96 to 128 pixels",
        "MAE 5.00 (95 %: 3.00 to 7.00), RMSE 6.00, NAE 0.500 on 20 validation images of toy scenes",
        "from 20 validation images",
        "0.21 s for 128 x 96 on a CPU, 2 threads",
        "Be kind.",
        "crowdkit train mcnn/synthetic",
    ):
        assert part in shown
    (same,) = crowdkit("info", "toy", "--json").json
    assert (same["kind"], same["name"], same["distribution"]) == ("weights", "toy", "crowdkit-fake")
    assert same["trained_on"]["long_side"] == [96, 128]


def test_a_card_with_the_name_of_a_component(crowdkit, offer, card):
    offer("crowdkit-fake", card(name="mcnn"))
    assert [each["kind"] for each in crowdkit("info", "mcnn", "--json").json] == [
        "counter",
        "weights",
    ]
    (only,) = crowdkit("info", "mcnn", "--kind", "weights", "--json").json
    assert only["kind"] == "weights"
    (only,) = crowdkit("info", "mcnn", "--kind", "counter", "--json").json
    assert only["kind"] == "counter"


def test_info_of_what_is_not_there(crowdkit, toy):
    finished = crowdkit("info", "toys", "--kind", "weights")
    assert (finished.code, finished.out) == (2, "")
    assert "no weights named 'toys'; did you mean 'toy'?" in finished.err
    finished = crowdkit("info", "toy", "--cost")
    assert finished.code == 2
    assert "'toy' is a weights, expected a counter" in finished.err


def test_photos_are_counted_without_any_option(crowdkit, toy, photos):
    first = crowdkit("count", photos / "1.png")
    assert first.code == 0, first.err
    assert " people (90 %: " in first.out
    assert "Be kind.\nAlways.\n" in first.err
    again = crowdkit("count", photos / "1.png", "--weights", "toy", "--level", 0.5)
    assert " people (50 %: " in again.out
    assert "Be kind." not in again.err


def test_another_size_has_no_intervals(crowdkit, toy, photos):
    finished = crowdkit("count", photos / "1.png", "--scale", 1)
    assert finished.code == 0
    assert "crowdkit: no intervals: " in finished.err
    assert "%" not in finished.out
    finished = crowdkit("count", photos / "1.png", "--scale", 1, "--level", 0.9)
    assert finished.code == 2
    assert "--level without --calibration" in finished.err


def test_nothing_to_count_with(crowdkit, offer, photos):
    finished = crowdkit("count", photos / "1.png")
    assert finished.code == 2
    assert finished.err == (
        "crowdkit: no weights for counting people are installed\n  pip install crowdkit-people\n"
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["eval", "--weights", "toy", "--dataset", "synthetic", "--set", "dataset.images=2"],
        ["calibrate", "toy", "synthetic", "--set", "dataset.images=20"],
        ["density", "--prediction", "theirs=toy"],
    ],
)
def test_every_command_takes_the_name(crowdkit, toy, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    small = ["--set", "dataset.size=[64, 64]", "--set", "dataset.people=[1, 9]"]
    finished = crowdkit(*arguments, *small)
    assert finished.code == 0, finished.err


def test_own_intervals_for_a_card_s_sizes(crowdkit, toy, photos, tmp_path):
    scenes = ["synthetic", "--set", "dataset.images=20", "--set", "dataset.size=[64, 64]"]
    scenes += ["--set", "dataset.people=[1, 9]"]
    written = crowdkit("calibrate", "toy", *scenes, "--output", tmp_path / "mine.json")
    assert written.code == 0, written.err
    assert json.loads((tmp_path / "mine.json").read_text())["sizing"] == "long side 128"
    counting = ["count", photos / "1.png", "--calibration", tmp_path / "mine.json"]
    finished = crowdkit(*counting)
    assert " people (90 %: " in finished.out
    assert crowdkit(*counting, "--scale", 2).code == 2


def test_a_run_becomes_weights_that_others_count_with(crowdkit, run, tmp_path, install, photos):
    said = ["--name", "packed", "--default-for", "birds", "--default-for", "toys"]
    said += ["--terms", "Be kind.", "--device", "cpu"]
    package = tmp_path / "site" / "packed_weights"
    finished = crowdkit("weights", "pack", run, *said, "--out", package)
    assert finished.code == 0, finished.err
    assert f"card: {package / 'packed.toml'}" in finished.out
    printed = crowdkit("weights", "card", run, *said)
    alone = parse_card(printed.out, "alone")
    packed = parse_card((package / "packed.toml").read_text(), "packed")
    assert replace(alone, speed=None) == replace(packed, speed=None)
    assert tomllib.loads(printed.out)["default_for"] == ["birds", "toys"]
    entry = {"crowdkit.weights": {"packed": "packed_weights"}}
    install("crowdkit-packed", entry, {"packed_weights/__init__.py": ""}, folder="meta")
    for file in package.iterdir():
        (tmp_path / "meta/packed_weights" / file.name).write_bytes(file.read_bytes())
    counted = crowdkit("count", photos, "--weights", "packed", "--json")
    assert counted.code == 0, counted.err
    assert all(row["low"] <= row["high"] for row in counted.json)


def test_the_card_may_go_to_a_file(crowdkit, run, tmp_path):
    place = "toys/net@v1/packed.safetensors"
    options = ["--from", "last", "--hf", place, "--out", tmp_path / "new/card.toml"]
    finished = crowdkit("weights", "card", run, *options)
    assert (finished.code, finished.out) == (0, "")
    card = parse_card((tmp_path / "new/card.toml").read_text(), "card.toml")
    assert (card.hf, card.name) == (place, "mcnn-synthetic")


def test_an_option_of_the_counter_is_set_with_its_weights(crowdkit, run, tmp_path):
    out = tmp_path / "scaled"
    finished = crowdkit("weights", "pack", run, "--set", "counter.output_scale=0.5", "--out", out)
    assert finished.code == 0, finished.err
    (file,) = out.glob("*.safetensors")
    assert read_weights(file).options["output_scale"] == 0.5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--set", "loss.name=mse"], "--set loss: this command sets options of counter"),
        (["--set", "counter.widht=3"], "widht"),
        (["--name", "a b"], "name: expected letters, digits"),
        (["--dataset", "/data/birds"], "dataset '/data/birds' is a path, expected what"),
        (["--url", "here"], "url: expected an address of http or https"),
        (["--default-for", ""], "default_for.0: expected one line of text"),
    ],
)
def test_what_makes_no_card(crowdkit, run, tmp_path, options, message):
    finished = crowdkit("weights", "pack", run, "--out", tmp_path / "out", *options)
    assert finished.code == 2
    assert message in finished.err
    assert finished.err.count("\n") <= 2
    assert not (tmp_path / "out").exists()
