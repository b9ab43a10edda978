"""A look at the files that packages bring for their cards."""

from crowdkit_core.cards import check_cards


def errors():
    return {each.name: each.error for each in check_cards()}


def test_sound_files_and_files_elsewhere(offer, card, cache):
    url = "https://weights.invalid/else.safetensors"
    elsewhere = card(name="else", file=None, url=url)
    offer("crowdkit-fake", card(b"good"), elsewhere, files={"toy.safetensors": b"good"})
    assert errors() == {"else": "", "toy": ""}
    assert not cache.exists()


def test_what_is_wrong_is_the_error_of_its_card(offer, card):
    lost = card(name="lost", file="lost.safetensors")
    other = card(b"good", name="other", file="other.safetensors")
    folder = offer("crowdkit-fake", lost, other, files={"other.safetensors": b"else"})
    (folder / "bad.toml").write_text("name = ")
    found = errors()
    assert "lost.safetensors is not in the package" in found["lost"]
    assert "other.safetensors has sha256 " in found["other"]
    assert "is not TOML" in found["bad"]


def test_two_cards_of_one_name_cannot_be_used(offer, card):
    folder = offer("crowdkit-fake", card(b"good"), files={"toy.safetensors": b"good"})
    (folder / "again.toml").write_text((folder / "toy.toml").read_text())
    assert [each.error for each in check_cards()] == [
        "two cards of crowdkit-fake are named 'toy'"
    ] * 2
