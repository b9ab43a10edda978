"""The choice of a localizer in its file and in a card, and files that are none."""

from dataclasses import replace

import pytest

from crowdkit_core.cards import Card, ChosenLocalizer, TrainedOn, card_text, parse_card
from crowdkit_core.cards.chosen_localizer import chosen_beside, file_beside, write_chosen
from crowdkit_core.errors import DataError

CHOSEN = ChosenLocalizer(
    name="local-maxima",
    options={"threshold": 0.05, "match_count": False, "min_distance": 4},
    by="f1@8",
    value=0.5,
    interval=(0.4, 0.6),
    dataset="toys",
    split="validation",
    images=12,
)


@pytest.fixture
def weights(tmp_path):
    file = tmp_path / "best.safetensors"
    file.write_bytes(b"weights")
    return file


def test_what_is_written_is_read(weights):
    assert chosen_beside(weights) is None
    write_chosen(CHOSEN, file_beside(weights), weights)
    assert chosen_beside(weights) == CHOSEN
    assert sorted(each.name for each in weights.parent.iterdir()) == [
        "best.localizer.toml",
        "best.safetensors",
    ]


def test_a_card_carries_it():
    trained = TrainedOn(
        dataset="toys", split="train", images=1, seed=0, command="c", software="s", long_side=(9, 9)
    )
    card = Card(
        name="toy",
        summary="Toys.",
        counter="mcnn",
        sha256="0" * 64,
        bytes=7,
        trained_on=trained,
        file="toy.safetensors",
    )
    with_choice = replace(card, localizer=CHOSEN)
    assert parse_card(card_text(with_choice), "card") == with_choice
    assert parse_card(card_text(card), "card").localizer is None


def test_it_says_what_it_is_in_a_line():
    assert CHOSEN.described() == "local-maxima (threshold=0.05, match_count=False, min_distance=4)"
    assert CHOSEN.origin() == "f1@8 0.500 (95 %: 0.400 to 0.600) on 12 validation images of toys"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("images = 12", "images = 0"), "images: "),
        (("split", "spilt"), "spilt: unknown option"),
        (("images = 12", "images 12"), "is not TOML"),
    ],
)
def test_a_file_that_is_none_is_refused(weights, change, message):
    path = file_beside(weights)
    write_chosen(CHOSEN, path, weights)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(DataError, match=message) as refused:
        chosen_beside(weights)
    assert "best.localizer.toml" in str(refused.value)


def test_other_weights_are_noticed(weights):
    write_chosen(CHOSEN, file_beside(weights), weights)
    weights.write_bytes(b"others")
    with pytest.raises(DataError, match="made for other weights"):
        chosen_beside(weights)
