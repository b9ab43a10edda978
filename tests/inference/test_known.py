"""What is known of weights is the same from a card, through a model, and through JSON."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdkit_core import create
from crowdkit_core.cards import Located
from crowdkit_core.cards.installed import find_card
from crowdkit_core.errors import WeightsError
from crowdkit_core.files import sha256_of
from crowdkit_core.inference import Calibration, Model, Sizing, load_model
from crowdkit_core.inference.known import Known
from crowdkit_core.interfaces import ValueRange
from crowdkit_core.weights import save_weights

sides = st.integers(1, 9999)
lengths = st.tuples(sides, sides).map(sorted).map(tuple)
numbers = st.floats(0, 1e6)
sizings = st.builds(
    Sizing.trained_on, lengths, st.none() | st.tuples(numbers, numbers).map(sorted).map(tuple)
)
calibrations = st.lists(st.tuples(numbers, numbers), max_size=30).map(
    lambda pairs: Calibration(
        predicted=tuple(first for first, _ in pairs), actual=tuple(second for _, second in pairs)
    )
)
known = st.builds(
    Known,
    weights=st.text("0123456789abcdef", max_size=64),
    things=st.text(),
    sizing=st.just(Sizing()) | sizings,
    calibration=st.none() | calibrations,
    value_range=st.none() | st.builds(ValueRange, st.just(0.0), numbers.filter(bool)),
    card=st.none() | st.just(find_card("people").card),
)


@given(known)
def test_json_keeps_all_of_it(before):
    assert Known.parsed(json.loads(json.dumps(before.as_table())), "it") == before


def test_a_card_says_what_its_model_has():
    card = find_card("people").card
    from_card = Known.of_card(card)
    assert from_card.card == card
    assert from_card.weights == from_card.calibration.weights == card.sha256
    assert from_card.sizing == Sizing.trained_on((400, 1024), card.trained_on.head_distance)
    assert from_card.calibration.predicted == card.calibration.predicted
    assert from_card.calibration.sizing == from_card.sizing.described()
    model = load_model("people")
    assert Known.of_model(model) == from_card


def test_of_a_plain_file_its_digest_and_range_are_known(tmp_path):
    path = tmp_path / "mcnn.safetensors"
    counter = create("counter", "mcnn")
    save_weights(path, counter, component="mcnn", facts={"value_range": [0.0, 4095.0]})
    expected = Known(weights=sha256_of(path), value_range=ValueRange(0.0, 4095.0))
    assert Known.of(Located(path)) == expected
    assert Known.of_model(load_model(path)) == expected
    unknown = Known.of_model(Model(counter=counter))
    assert unknown == Known() == replace(expected, weights="", value_range=None)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"things": 3}, "things: "),
        ({"sizing": {"long_side": [1, "x"]}}, r"sizing\.long_side"),
        ({"calibration": {"predicted": [1.0], "actual": []}}, "calibration"),
    ],
)
def test_a_damaged_table_names_the_place(table, message):
    with pytest.raises(WeightsError, match=rf"x\.onnx: .* is damaged: {message}") as caught:
        Known.parsed(table, "x.onnx")
    assert "\n" not in caught.value.message
