"""A check of a package that offers weights and no component."""

import pytest

from crowdkit_core.testing import check_weights
from crowdkit_core.testing.plugins import check_plugin

PLACE = "https://weights.invalid/toy.safetensors"


@pytest.fixture
def seen(monkeypatch):
    """Let processes that are started see a folder that is on sys.path here."""
    return lambda folder: monkeypatch.setenv("PYTHONPATH", str(folder.parent))


def lines(name):
    return [result.line() for result in check_plugin(name)]


@pytest.mark.parametrize("name", ["crowdkit-fake", "fake"])
def test_weights_alone_are_a_plugin(offer, card, weights, seen, name):
    content = weights.read_bytes()
    seen(offer("crowdkit-fake", card(content), files={"toy.safetensors": content}))
    found = lines(name)
    for check in ("is_read", "has_its_file", "counter_loads_its_file", "counts_a_black_image"):
        assert f"ok      weights toy: {check}" in found
    assert "ok      crowdkit-fake: package_imports_without_torch" in found


def test_files_elsewhere_are_left_out(offer, card, cache):
    offer("crowdkit-fake", card(file=None, url=PLACE))
    expected = f"ok      weights toy: file left out, {PLACE} is not fetched"
    assert lines("fake")[-2:] == ["ok      weights toy: is_read", expected]
    assert check_weights("crowdkit-fake") == ["toy"]
    assert not cache.exists()


def test_a_package_of_weights_that_brings_torch(offer, card, seen):
    folder = offer("crowdkit-fake", card(file=None, url=PLACE))
    (folder / "__init__.py").write_text("import torch")
    seen(folder)
    (failed,) = [each for each in lines("fake") if "package_imports_without_torch" in each]
    assert failed.startswith("FAILED  crowdkit-fake: ")
    assert "imports torch" in failed


def test_a_check_of_the_plugin_tells_of_broken_weights(offer, card):
    offer("crowdkit-fake", card())
    (failed,) = [each for each in check_plugin("fake") if each.subject == "weights toy"][1:]
    assert failed.check == "has_its_file"
    assert "not in the package" in failed.problem
