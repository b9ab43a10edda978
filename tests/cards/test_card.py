"""Cards as TOML: what is refused, and with which words."""

import pytest
import tomli_w

from crowdkit_core.cards import card_text, parse_card
from crowdkit_core.errors import DataError

ERRORS = {
    "dataset": "toy scenes",
    "split": "validation",
    "images": 24,
    "mae": 2.5,
    "mae_interval": [1.5, 3.5],
    "rmse": 4.0,
    "nae": 0.25,
}
KNOWN = {
    "dataset": "toy scenes",
    "split": "validation",
    "predicted": [9.5, 3.0],
    "actual": [10, 3],
}
SPEED = {"image": [1024, 768], "seconds": 0.21, "hardware": "a CPU, 2 threads"}


def parsed(table):
    return parse_card(tomli_w.dumps(table), "card toy.toml")


def test_a_card_with_everything(card):
    trained = {**card()["trained_on"], "head_distance": [6.0, 40.0], "front_end": "ImageNet"}
    read = parsed(
        card(
            trained_on=trained,
            default_for=["people", "toys"],
            terms="Be kind.\nAlways.",
            errors=[ERRORS, {**ERRORS, "split": "test"}],
            calibration=KNOWN,
            speed=SPEED,
        )
    )
    assert (read.name, read.counter, read.bytes) == ("toy", "mcnn", 7)
    assert read.default_for == ("people", "toys")
    assert (read.trained_on.long_side, read.trained_on.head_distance) == ((96, 128), (6.0, 40.0))
    assert [each.split for each in read.errors] == ["validation", "test"]
    assert read.errors[0].mae_interval == (1.5, 3.5)
    assert read.calibration.actual == (10.0, 3.0)
    assert (read.speed.image, read.speed.seconds) == ((1024, 768), 0.21)
    assert read.speed.hardware == "a CPU, 2 threads"
    assert parse_card(card_text(read), "again") == read


def test_a_card_with_what_it_must_have(card):
    read = parsed(card())
    assert (read.default_for, read.terms, read.errors, read.calibration) == ((), "", (), None)
    assert read.speed is None
    assert parse_card(card_text(read), "again") == read


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "a b"}, "name: expected letters, digits, '-', '_' and '.' (got 'a b')"),
        ({"summary": "two\nlines"}, r"summary: expected one line of text (got 'two\nlines')"),
        ({"counter": None}, "counter: required option missing"),
        ({"sha256": "abc"}, "sha256: expected 64 hexadecimal digits (got 'abc')"),
        ({"bytes": 0}, "bytes: input should be greater than 0 (got 0)"),
        ({"bytes": "7"}, "bytes: input should be a valid integer (got '7')"),
        ({"default_for": "people"}, "default_for: input should be a valid"),
        ({"file": "../x.pt"}, "file: expected a file's name without folders (got '../x.pt')"),
        ({"file": None}, "has no place, expected exactly one of file, url, hf"),
        ({"url": "https://a.b/c"}, "has file and url, expected exactly one of file, url, hf"),
        ({"url": "ftp://a.b/c", "file": None}, "url: expected an address of http or https"),
        ({"hf": "org/repo/x.pt", "file": None}, "hf: expected org/repo@revision/path (got 'org"),
        ({"summery": "x"}, "summery: unknown option; did you mean 'summary'?"),
        ({"errors": [{**ERRORS, "mae": -1.0}]}, "errors.0.mae: input should be greater than or"),
        (
            {"errors": [{**ERRORS, "rmse": float("nan")}]},
            "errors.0.rmse: input should be a finite number (got nan)",
        ),
        (
            {"errors": [{**ERRORS, "mae_interval": [3.0, 1.0]}]},
            "errors.0.mae_interval: expected the least, then the greatest (got [3.0, 1.0])",
        ),
        (
            {"calibration": {**KNOWN, "actual": [1]}},
            "calibration: 2 predicted and 1 actual counts, expected one of each for every image",
        ),
        (
            {"speed": {**SPEED, "seconds": 0}},
            "speed.seconds: input should be greater than 0 (got 0)",
        ),
        ({"speed": {**SPEED, "image": [1024]}}, "speed.image.1: required option missing"),
        ({"speed": {**SPEED, "hardware": ""}}, "speed.hardware: expected one line of text"),
        ({"trained_on": {"dataset": "x"}}, "trained_on.images: required option missing"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(card, changes, message):
    with pytest.raises(DataError) as caught:
        parsed(card(**changes))
    assert str(caught.value).startswith("card toy.toml: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bounds", [[128, 96], [0, 96], [96], [96.5, 128]])
def test_sizes_are_bounds_in_pixels(card, bounds):
    trained = {**card()["trained_on"], "long_side": bounds}
    with pytest.raises(DataError, match=r"trained_on\.long_side"):
        parsed(card(trained_on=trained))


def test_all_problems_at_once(card):
    with pytest.raises(DataError, match=r"name: .*; bytes: .*; trained_on\.seed: "):
        parsed(card(name="", bytes=-1, trained_on={**card()["trained_on"], "seed": "7"}))


def test_text_that_is_no_toml():
    with pytest.raises(DataError, match=r"^card toy\.toml: is not TOML: "):
        parse_card("name = ", "card toy.toml")
