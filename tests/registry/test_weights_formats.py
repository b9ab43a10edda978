"""Weights of a plugin's format are read by the plugin, chosen by the suffix of their file."""

from pathlib import Path

import pytest

from crowdkit_core.cards import locate
from crowdkit_core.errors import AmbiguousComponentError, MissingPackageError
from crowdkit_core.registry import weights_formats
from crowdkit_core.registry.discovery import Offer
from crowdkit_core.registry.kinds import WEIGHTS_FORMATS_GROUP
from crowdkit_core.registry.weights_formats import format_reader, format_suffixes
from crowdkit_core.weights import WeightsFile, read_weights


def read_sheep(path):
    """What a plugin offers."""
    return WeightsFile(path=path, state={}, component="sheep", known={"things": "sheep"})


def offer(distribution, name="sheep"):
    return Offer(
        group=WEIGHTS_FORMATS_GROUP,
        name=name,
        value=f"{__name__}:read_sheep",
        distribution=distribution,
        version="1",
        core_range="",
    )


@pytest.fixture
def offered(monkeypatch):
    """Replace what is installed."""

    def replace(*given):
        monkeypatch.setattr(weights_formats, "offers", lambda group: list(given))

    return replace


def test_a_file_is_read_by_the_plugin_of_its_suffix(offered, monkeypatch, tmp_path):
    offered(offer("a"))
    monkeypatch.setattr(weights_formats, "load_offer", lambda found, label: read_sheep)
    path = tmp_path / "flock.SHEEP"
    path.write_bytes(b"\x00" * 20)
    assert read_weights(path) == read_sheep(path)
    assert format_reader(tmp_path / "flock.pt") is None
    assert ".sheep" in format_suffixes()
    assert locate("no-such-flock.sheep").path == Path("no-such-flock.sheep")


def test_two_plugins_for_a_suffix_are_both_named(offered):
    offered(offer("a"), offer("b"))
    with pytest.raises(AmbiguousComponentError, match=r"flock\.sheep: .* read by a and b"):
        format_reader(Path("flock.sheep"))


def test_a_known_plugin_that_is_not_installed_is_named(offered):
    offered()
    assert ".onnx" in format_suffixes()
    with pytest.raises(MissingPackageError, match=r"people\.onnx: .* crowdkit-onnx") as caught:
        format_reader(Path("people.onnx"))
    assert caught.value.hint == "pip install crowdkit-onnx"
