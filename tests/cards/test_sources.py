"""What names weights: files, cards, addresses."""

from pathlib import Path

import pytest

from crowdkit_core.cards import locate, locate_default
from crowdkit_core.errors import UnknownComponentError, UsageError, WeightsError
from crowdkit_core.weights import read_weights


@pytest.fixture
def toy(offer, card, cache):
    content = b"weights"
    return offer("crowdkit-fake", card(content), files={"toy.safetensors": content})


@pytest.mark.parametrize(
    "name", ["a.safetensors", "A.PT", "b.pth", "c.h5", "d.hdf5", "e.tar", "f.bin", "g.ckpt", "x/y"]
)
def test_what_looks_like_a_file_is_one(toy, name):
    assert locate(name).path == Path(name)
    assert locate(name).card is None
    with pytest.raises(WeightsError, match="no such weights file"):
        read_weights(name)


def test_a_path_is_a_file_and_so_is_one_that_is_there(toy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate(Path("toy")).path == Path("toy")
    assert locate("toy").card.name == "toy"
    Path("toy").mkdir()
    assert locate("toy").card.name == "toy"
    Path("toy").rmdir()
    Path("toy").write_bytes(b"")
    assert locate("toy").card is None


def test_a_name_leads_to_the_file_of_its_card(toy):
    assert locate("toy").path == locate("crowdkit-fake:toy").path == toy / "toy.safetensors"
    with pytest.raises(UnknownComponentError):
        locate("nothing")


def test_terms_are_shown_when_weights_are_used(offer, card, cache, capfd):
    offer(
        "crowdkit-fake",
        card(terms="Be kind.", default_for=["people"]),
        files={"toy.safetensors": b"weights"},
    )
    assert locate_default().card.name == "toy"
    assert "Be kind." in capfd.readouterr().err
    locate("toy")
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        ("https://a.b/c.pt", "does not say which bytes to expect", "download it"),
        ("http://a.b/c", "does not say which bytes to expect", "download it"),
        ("hf://org/repo/c.pt", "hf://org/repo/c.pt names no revision", "commit, tag or branch"),
        ("hf://org/repo@main", "is not an address of a file", "commit, tag or branch"),
        ("hf://repo@main/c.pt", "expected hf://org/repo@revision/path", "commit, tag or branch"),
    ],
)
def test_addresses_that_do_not_say_enough(address, message, hint):
    with pytest.raises(UsageError) as caught:
        locate(address)
    assert message in caught.value.message
    assert hint in caught.value.hint
