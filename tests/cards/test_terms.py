"""Terms of use are shown once to each user."""

import pytest

from crowdkit_core.cards import find_card
from crowdkit_core.cards.terms import show_terms_once


@pytest.fixture
def shown(offer, card, cache, capfd):
    """What is printed when the weights of a name are used."""
    offer(
        "crowdkit-fake",
        card(terms="Be kind.\nAlways."),
        card(name="same", terms="Be kind.\nAlways.\n"),
        card(name="other", terms="Be quick."),
        card(name="free"),
    )

    def use(name):
        installed = find_card(name)
        show_terms_once(installed.card.terms, installed.label)
        return capfd.readouterr().err

    return use


def test_terms_are_shown_the_first_time(shown):
    text = "terms of use of card 'toy' of crowdkit-fake 1.0:\nBe kind.\nAlways.\n"
    assert [shown("toy"), shown("toy")] == [text, ""]
    assert shown("same") == ""
    assert "Be quick." in shown("other")
    assert shown("free") == ""


def test_without_a_cache_terms_are_shown_each_time(shown, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CROWDKIT_CACHE", str(tmp_path / "file" / "cache"))
    assert "Be kind." in shown("toy")
    assert "Be kind." in shown("toy")
