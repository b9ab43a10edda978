"""Cards of installed packages, by name and by what they count."""

import sys

import pytest

from crowdkit_core.cards import default_card, find_card, list_cards
from crowdkit_core.errors import (
    AmbiguousComponentError,
    BrokenComponentError,
    UnknownComponentError,
    UsageError,
)


def test_cards_are_listed_and_found(offer, card):
    folder = offer("crowdkit-fake", card(), card(name="other", default_for=["birds"]))
    names = [(each.name, each.distribution, each.version, each.error) for each in list_cards()]
    assert names == [(name, "crowdkit-fake", "1.0", "") for name in ("other", "toy")]
    assert list_cards()[0].default_for == ("birds",)
    found = find_card("toy")
    assert (found.card.counter, found.label) == ("mcnn", "card 'toy' of crowdkit-fake 1.0")
    assert str(found.folder) == str(folder)


def test_a_card_is_called_what_it_says_and_not_what_its_file_is_called(offer, card):
    folder = offer("crowdkit-fake", card())
    (folder / "toy.toml").rename(folder / "unlike.toml")
    assert find_card("toy").card.name == "toy"
    with pytest.raises(UnknownComponentError):
        find_card("unlike")


def test_two_distributions_of_one_name(offer, card):
    offer("crowdkit-one", card())
    offer("crowdkit-two", card(summary="Others."))
    with pytest.raises(AmbiguousComponentError) as caught:
        find_card("toy")
    assert str(caught.value) == (
        "weights 'toy' are offered by crowdkit-one and crowdkit-two\n"
        "  write one of: crowdkit-one:toy, crowdkit-two:toy"
    )
    assert find_card("Crowdkit_Two:toy").card.summary == "Others."


def test_two_cards_of_one_name_in_a_package(offer, card):
    folder = offer("crowdkit-fake", card())
    (folder / "again.toml").write_text((folder / "toy.toml").read_text())
    with pytest.raises(BrokenComponentError, match="two cards of crowdkit-fake are named 'toy'"):
        find_card("toy")


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("tou", "no weights named 'tou'; did you mean 'toy'?; installed: toy", "a file is given"),
        ("crowdkit-else:toy", "no weights named 'crowdkit-else:toy'; installed: toy", "a file is"),
        ("people", "no weights named 'people'; installed: toy", "pip install crowdkit-people"),
        ("cels", "did you mean 'cells'?; installed: toy", "pip install crowdkit-cells"),
    ],
)
def test_an_unknown_name(offer, card, name, message, hint):
    offer("crowdkit-fake", card())
    with pytest.raises(UnknownComponentError) as caught:
        find_card(name)
    assert message in caught.value.message
    assert caught.value.hint.startswith(hint)


def test_a_broken_card_stops_nobody(offer, card):
    folder = offer("crowdkit-fake", card(), card(name="bad", bytes=-1))
    (folder / "worse.toml").write_text("name = ")
    (folder / "binary.toml").write_bytes(b"\xff\xfe")
    broken = {each.name: each.error for each in list_cards() if each.error}
    assert set(broken) == {"bad", "worse", "binary"}
    assert broken["bad"].startswith("card bad.toml of crowdkit-fake 1.0: bytes: ")
    assert find_card("toy").card.name == "toy"
    with pytest.raises(BrokenComponentError, match=r"card worse\.toml .*is not TOML") as caught:
        find_card("worse")
    assert caught.value.hint == "report this to the authors of crowdkit-fake"


def test_a_broken_package_stops_nobody(offer, card):
    offer("crowdkit-fake", card())
    broken = offer("crowdkit-broken", card(name="lost"))
    (broken / "__init__.py").write_text("import absent_library")
    listed = {each.name: each.error for each in list_cards()}
    assert listed["toy"] == ""
    assert "No module named 'absent_library'" in listed["made_up_crowdkit_broken"]
    assert "made_up_crowdkit_broken" not in sys.modules


def test_the_default_for_a_purpose(offer, card):
    with pytest.raises(UsageError) as caught:
        default_card()
    assert str(caught.value) == (
        "no weights for counting people are installed\n  pip install crowdkit-people"
    )
    offer("crowdkit-one", card(default_for=["people"]), card(name="none"))
    assert default_card().card.name == "toy"
    with pytest.raises(UsageError, match="for counting cells are installed") as caught:
        default_card("cells")
    assert caught.value.hint == "pip install crowdkit-cells"
    with pytest.raises(UsageError, match="for counting stars are installed") as caught:
        default_card("stars")
    assert "file of weights" in caught.value.hint
    offer("crowdkit-two", card(name="mine", default_for=["people"]))
    with pytest.raises(AmbiguousComponentError) as caught:
        default_card()
    assert "'toy' of crowdkit-one and 'mine' of crowdkit-two" in caught.value.message
    assert "--weights NAME" in caught.value.hint


def test_a_package_without_the_default_it_should_have(offer, card):
    offer("crowdkit-people", card(name="people", bytes=-1, default_for=["people"]))
    with pytest.raises(UsageError, match="`crowdkit list weights` says"):
        default_card()
