"""The user's own weights, found like those of packages."""

import hashlib

import pytest
import tomli_w
from click.testing import CliRunner

from crowdkit_core import load
from crowdkit_core.cards import (
    fetch,
    find_card,
    keep_own,
    list_cards,
    locate,
    own_folder,
    parse_card,
    remove_own,
)
from crowdkit_core.cli.app import crowdkit
from crowdkit_core.errors import (
    AmbiguousComponentError,
    BrokenComponentError,
    CrowdkitError,
    UnknownComponentError,
    UsageError,
    WeightsError,
)
from crowdkit_core.registry import isolated_registry


@pytest.fixture
def own(tmp_path, monkeypatch):
    monkeypatch.setenv("CROWDKIT_WEIGHTS", str(tmp_path / "own"))
    return tmp_path / "own"


@pytest.fixture
def keep(own, card, weights):
    """Keep the weights of an untrained MCNN under a name."""

    def under(name="mine", **changes):
        table = card(weights.read_bytes(), name=name, file=f"{name}.safetensors", **changes)
        return keep_own(parse_card(tomli_w.dumps(table), name), weights)

    return under


def listed():
    return {card.name: card for card in list_cards()}


def test_kept_weights_have_a_name_at_once(keep, own, weights):
    assert "mine" not in listed()
    assert keep() == own / "mine.toml"
    assert listed()["mine"].distribution == "own"
    for name in ("mine", "own:mine"):
        assert locate(name).path.read_bytes() == weights.read_bytes()
    model = load("mine")
    assert model.weights == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert model.card.name == "mine"
    remove_own("mine")
    assert list(own.iterdir()) == []
    with pytest.raises(UnknownComponentError, match="no weights named 'mine'"):
        find_card("mine")


def test_a_name_is_taken_once(keep):
    keep()
    with pytest.raises(UsageError, match="there are weights of this name"):
        keep()


def test_a_package_may_have_the_name_too(keep, offer, card):
    offer("toy-weights", card(), files={"toy.safetensors": b"weights"})
    keep("toy")
    with pytest.raises(AmbiguousComponentError) as refused:
        find_card("toy")
    assert refused.value.hint == "write one of: toy-weights:toy, own:toy"
    assert find_card("own:toy").card.bytes != find_card("toy-weights:toy").card.bytes


def test_the_folder_is_that_of_the_variable_or_of_the_user(own, monkeypatch):
    assert own_folder() == own
    assert list_cards() is not None
    monkeypatch.delenv("CROWDKIT_WEIGHTS")
    monkeypatch.setenv("XDG_DATA_HOME", str(own))
    assert own_folder().name == "weights"


def test_an_isolated_registry_has_none(keep):
    keep()
    with isolated_registry():
        assert list_cards() == []


def test_damaged_weights_are_not_used(keep, own):
    keep()
    (own / "mine.safetensors").write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"its file mine\.safetensors has sha256") as refused:
        fetch(find_card("mine"))
    assert refused.value.hint == "remove it: crowdkit weights remove mine"
    (own / "mine.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"its file mine\.safetensors is not beside it"):
        fetch(find_card("mine"))


def test_a_card_that_cannot_be_read_harms_no_other(keep, own):
    keep()
    (own / "broken.toml").write_text("name = 3")
    assert listed()["broken"].error
    assert not listed()["mine"].error
    with pytest.raises(
        BrokenComponentError, match=r"broken\.toml: name: input should be"
    ) as refused:
        find_card("broken")
    assert str(own) in refused.value.hint
    remove_own("broken")
    assert "broken" not in listed()


def test_a_folder_that_cannot_be_written(own, keep):
    own.write_text("a file")
    with pytest.raises(CrowdkitError, match="weights cannot be kept here") as refused:
        keep()
    assert "CROWDKIT_WEIGHTS=FOLDER" in refused.value.hint


def test_the_command_removes_own_weights_alone(keep):
    keep()
    run = CliRunner()
    assert run.invoke(crowdkit, ["weights", "remove", "own:mine"]).output == "removed: own:mine\n"
    refused = run.invoke(crowdkit, ["weights", "remove", "people"]).exception
    assert isinstance(refused, UsageError)
    assert "no weights named 'people'; there are: none" in refused.message
