"""A model from a card counts in the sizes it was trained on, with the card's intervals."""

import hashlib
from dataclasses import replace

import pytest
import torch

import crowdkit_core
from crowdkit_core import create
from crowdkit_core.data.transforms import Resizing
from crowdkit_core.errors import AmbiguousComponentError, OptionsError, UsageError, WeightsError
from crowdkit_core.inference import Sizing, load_model, with_sizing
from crowdkit_core.settings import resolve_recipe
from crowdkit_core.weights import save_weights

KNOWN = {
    "dataset": "toy scenes",
    "split": "validation",
    "predicted": [9.0] * 20,
    "actual": list(range(20)),
}


@pytest.fixture(scope="session")
def content(tmp_path_factory):
    """A file of weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mcnn.safetensors"
    save_weights(path, create("counter", "mcnn"), component="mcnn")
    return path.read_bytes()


@pytest.fixture
def toy(offer, card, content, cache):
    """Weights that count people by default."""
    trained = {**card()["trained_on"], "head_distance": [6.0, 40.0]}
    table = card(content, trained_on=trained, calibration=KNOWN, default_for=["people"])
    return offer("crowdkit-fake", table, files={"toy.safetensors": content})


def test_a_card_decides_sizes_and_intervals(toy, content):
    model = load_model("toy")
    assert model.card.name == "toy"
    assert model.counter.registered_name == "mcnn"
    assert model.weights == hashlib.sha256(content).hexdigest() == model.card.sha256
    assert model.sizing == Sizing.trained_on((96, 128), (6.0, 40.0))
    model.calibration.require_made_for(weights=model.weights, sizing=model.sizing.described())
    counted = model(torch.zeros(3, 200, 256))
    assert counted.interval.level == 0.9
    assert any("trained on images of up to 128 pixels" in note for note in counted.notes)


def test_without_a_name_people_are_counted(toy, content, offer, card):
    assert crowdkit_core.load().card == crowdkit_core.load("crowdkit-fake:toy").card
    offer("crowdkit-more", card(content, name="more", default_for=["people"]))
    with pytest.raises(AmbiguousComponentError, match="'toy' of crowdkit-fake and 'more' of"):
        crowdkit_core.load()


def test_nothing_to_count_with(offer):
    with pytest.raises(UsageError, match="no weights for counting people are installed"):
        crowdkit_core.load()
    with pytest.raises(UsageError, match="a counter without weights cannot count"):
        load_model(None, counter="mcnn")


def test_a_file_of_a_card_is_a_file(toy):
    model = load_model(toy / "toy.safetensors")
    assert (model.card, model.calibration, model.sizing) == (None, None, Sizing())
    assert model.weights == load_model("toy").weights


def test_components_and_recipes_take_the_name(toy):
    named = create("counter", "mcnn", weights="toy")
    of_file = create("counter", "mcnn", weights=toy / "toy.safetensors")
    of_recipe = resolve_recipe({"counter": {"name": "mcnn", "weights": "toy"}}).create("counter")
    images = torch.rand(1, 3, 32, 32)
    expected = of_file.eval()(images).density
    assert torch.equal(named.eval()(images).density, expected)
    assert torch.equal(of_recipe.eval()(images).density, expected)


def test_a_card_says_which_counter_a_file_is_for(offer, card, cache, tmp_path):
    save_weights(tmp_path / "bare.safetensors", create("counter", "mcnn"))
    content = (tmp_path / "bare.safetensors").read_bytes()
    offer("crowdkit-fake", card(content), files={"toy.safetensors": content})
    assert load_model("toy").counter.registered_name == "mcnn"
    with pytest.raises((WeightsError, OptionsError), match=r"(?i)csrnet"):
        load_model("toy", counter="csrnet")


def test_other_sizes_are_without_the_intervals_of_the_card(toy):
    model = load_model("toy")
    assert with_sizing(model, model.sizing) == model
    half = Sizing(resizing=Resizing(scale=0.5))
    assert with_sizing(model, half) == replace(model, sizing=half, calibration=None)


def test_counts_are_of_what_the_card_says(offer, card, content, cache):
    offer("crowdkit-fake", card(content, things="cells"), files={"toy.safetensors": content})
    counted = load_model("toy")(torch.zeros(3, 64, 64))
    texts = [str(replace(counted, count=count)) for count in (0.2, 1.0, 12.4)]
    assert texts == ["0 cells", "1 cell", "12 cells"]
