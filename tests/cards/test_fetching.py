"""From a card to a file: in a package, from the web, from the cache."""

import pytest

from crowdkit_core.cards import fetch, find_card
from crowdkit_core.errors import WeightsError

GOOD = b"good weights" * 1000
OTHER = b"else weights" * 1000


@pytest.fixture
def packaged(offer, card):
    def install(files):
        folder = offer("crowdkit-fake", card(GOOD), files=files)
        return folder, find_card("toy")

    return install


@pytest.fixture
def online(offer, card, server, cache):
    """A card whose file is on the server."""
    server.pages["/toy.safetensors"] = GOOD
    offer("crowdkit-fake", card(GOOD, file=None, url=f"{server.url}/toy.safetensors"))
    return find_card("toy")


def refusal(installed):
    with pytest.raises(WeightsError) as caught:
        fetch(installed)
    assert "\n" not in caught.value.message
    assert "card 'toy' of crowdkit-fake 1.0: " in caught.value.message
    return caught.value


def test_a_file_in_the_package(packaged, cache):
    folder, installed = packaged({"toy.safetensors": GOOD})
    assert fetch(installed) == folder / "toy.safetensors"
    assert not cache.exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "its file toy.safetensors is not in the package"),
        ({"toy.safetensors": OTHER}, "its file toy.safetensors has sha256 "),
        ({"toy.safetensors": GOOD[:-1]}, "(11999 bytes, expected 12000)"),
    ],
)
def test_a_package_without_its_file(packaged, files, message):
    error = refusal(packaged(files)[1])
    assert message in error.message
    assert error.hint == "pip install --force-reinstall crowdkit-fake"


def test_a_download_is_kept_under_its_sha256(online, server, cache):
    path = fetch(online)
    assert path == cache / online.card.sha256
    assert path.read_bytes() == GOOD
    assert server.asked == ["/toy.safetensors"]
    server.stop()
    assert fetch(online) == path
    assert list(cache.iterdir()) == [path]


def test_a_damaged_file_in_the_cache_is_fetched_again(online, server):
    fetch(online).write_bytes(GOOD[:100])
    assert fetch(online).read_bytes() == GOOD
    assert len(server.asked) == 2


def test_a_damaged_file_and_no_server(online, server, cache):
    path = fetch(online)
    path.write_bytes(GOOD[:100])
    server.stop()
    assert "cannot be reached" in refusal(online).message
    assert list(cache.iterdir()) == [path]


def test_other_bytes_than_the_card_s(online, server, cache, card):
    server.pages["/toy.safetensors"] = OTHER
    error = refusal(online)
    assert f"expected {online.card.sha256[:12]}..." in error.message
    assert f"has sha256 {card(OTHER)['sha256'][:12]}..." in error.message
    assert list(cache.iterdir()) == []


def test_a_download_cut_short(online, server, cache):
    server.cut = True
    assert "the download was cut short" in refusal(online).message
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize(("status", "shown"), [(404, "404"), (403, "403"), (500, "500")])
def test_a_server_that_refuses(online, server, cache, status, shown):
    server.statuses["/toy.safetensors"] = status
    assert f"/toy.safetensors: the server answers {shown} " in refusal(online).message
    assert list(cache.iterdir()) == []


def test_a_server_that_is_not_there(online, server, cache):
    server.stop()
    error = refusal(online)
    assert "the server cannot be reached" in error.message
    assert "network" in error.hint
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written(online, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CROWDKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(WeightsError) as caught:
        fetch(online)
    assert caught.value.message.endswith("cannot be kept here: Not a directory")
    assert "CROWDKIT_CACHE=FOLDER" in caught.value.hint


def test_a_download_is_silent_where_nobody_looks(online, capfd):
    fetch(online)
    assert capfd.readouterr() == ("", "")
