"""What a card says of a run, against the data and the weights themselves."""

import hashlib
import shutil
from dataclasses import replace
from statistics import median

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from crowdkit_core import create
from crowdkit_core.cards import ChosenLocalizer, Located, card_text, parse_card
from crowdkit_core.cards.chosen_localizer import file_beside, write_chosen
from crowdkit_core.errors import OptionsError, UsageError, WeightsError
from crowdkit_core.inference import Sizing, load_model
from crowdkit_core.inference.chosen_localizer import localizer_for
from crowdkit_core.metrics import mae, nae, rmse
from crowdkit_core.packing import Offered, card_of_run, pack_run

SCENES = {"images": 24, "size": (64, 96), "people": (1, 30)}
OFFERED = Offered(
    name="toy",
    summary="People in toy scenes.",
    default_for=("people",),
    terms="Be kind.",
    front_end="none",
    command="crowdkit train mcnn/toys",
)


@pytest.fixture(scope="module")
def packed(run, tmp_path_factory):
    """The folder with card and weights, and the card."""
    folder = tmp_path_factory.mktemp("packed")
    assert pack_run(run, OFFERED, folder).notes == ()
    return folder, parse_card((folder / "toy.toml").read_text(), "toy.toml")


def test_the_card_leads_to_the_file(packed):
    folder, card = packed
    content = (folder / "toy.safetensors").read_bytes()
    assert sorted(each.name for each in folder.iterdir()) == ["toy.safetensors", "toy.toml"]
    assert (card.file, card.bytes) == ("toy.safetensors", len(content))
    assert card.sha256 == hashlib.sha256(content).hexdigest()
    assert (card.counter, card.default_for, card.terms) == ("mcnn", ("people",), "Be kind.")


def test_the_card_says_what_it_was_trained_on(packed, run):
    trained = packed[1].trained_on
    assert (trained.dataset, trained.split, trained.images, trained.seed) == (
        *("synthetic", "train", 24, 5),
    )
    assert trained.command == "crowdkit train mcnn/toys"
    assert trained.front_end == "none"
    assert trained.long_side == (96, 96)
    for part in ("crowdkit-core 0.1.0", "crowdkit-mcnn 0.1.0", "torch ", "Python 3."):
        assert part in trained.software
    text = (packed[0] / "toy.toml").read_text()
    assert str(run) not in text
    known = ("mcnn/toys", packed[1].speed.hardware)
    assert "/" not in text.replace(known[0], "").replace(known[1], "")


def test_heads_are_as_far_apart_as_in_the_training_images(packed):
    medians = []
    for scene in create("dataset", "synthetic", split="train", **SCENES):
        if len(scene.points) >= 10:
            distances = squareform(pdist(scene.points.numpy()))
            np.fill_diagonal(distances, np.inf)
            medians.append(median(distances.min(axis=1)))
    expected = np.percentile(medians, [1, 99])
    assert packed[1].trained_on.head_distance == pytest.approx(expected, abs=0.051)


def test_errors_are_measured_where_else_they_are_asked_for(run):
    card = card_of_run(run, replace(OFFERED, tested_on=("test", "validation"))).card
    assert [(each.split, each.images) for each in card.errors] == [("validation", 24), ("test", 24)]
    model = load_model(run / "best.safetensors")
    model = replace(model, sizing=Sizing.trained_on((96, 96), card.trained_on.head_distance))
    scenes = create("dataset", "synthetic", split="test", **SCENES)
    off = [abs(model(scene.image).count - len(scene.points)) for scene in scenes]
    assert card.errors[1].mae == pytest.approx(sum(off) / 24, rel=0.01)


def test_the_errors_are_those_of_the_packed_weights(packed):
    folder, card = packed
    trained = card.trained_on
    sizing = Sizing.trained_on(trained.long_side, trained.head_distance)
    model = replace(load_model(folder / "toy.safetensors"), sizing=sizing)
    scenes = create("dataset", "synthetic", split="validation", **SCENES)
    predicted = [model(scene.image).count for scene in scenes]
    actual = [float(len(scene.points)) for scene in scenes]
    (errors,) = card.errors
    assert (errors.dataset, errors.split, errors.images) == ("synthetic", "validation", 24)
    assert errors.mae == pytest.approx(mae(predicted, actual).item(), abs=2e-3)
    assert errors.rmse == pytest.approx(rmse(predicted, actual).item(), abs=2e-3)
    assert errors.nae == pytest.approx(nae(predicted, actual).item(), abs=2e-3)
    low, high = errors.mae_interval
    assert low < errors.mae < high
    assert card.calibration.actual == tuple(actual)
    assert card.calibration.predicted == pytest.approx(predicted, abs=2e-3)


def test_the_card_says_what_to_train_on_with(packed):
    parts = packed[1].trained_with
    assert parts.loss == {"name": "mse", "reduction": "sum", "scale": 1.0, "auxiliary": False}
    assert (parts.density_generator["name"], parts.density_generator["sigma"]) == ("fixed", 4.0)


def test_the_card_alone_is_the_one_that_is_packed(packed, run):
    alone = card_of_run(run, OFFERED).card
    assert replace(alone, speed=packed[1].speed) == packed[1]


def test_the_card_says_how_far_bfloat16_changes_counts(packed):
    # Eight bits of each number are kept, so that some change is certain and a large one a fault.
    assert 0 < packed[1].bf16_change < 0.2


def test_the_card_says_how_long_a_count_takes(packed):
    speed = packed[1].speed
    assert speed.image == (96, 72)
    assert 0 < speed.seconds < 60
    assert "thread" in speed.hardware
    assert parse_card(card_text(packed[1]), "again") == packed[1]


@pytest.mark.parametrize(
    "place", [{"url": "https://example.org/toy.safetensors"}, {"hf": "toys/net@v1/toy.safetensors"}]
)
def test_the_file_may_be_elsewhere(run, tmp_path, place):
    card = pack_run(run, replace(OFFERED, **place), tmp_path).card
    assert (card.file, card.url, card.hf) == (None, place.get("url"), place.get("hf"))
    assert (tmp_path / "toy.safetensors").stat().st_size == card.bytes


def test_the_chosen_localizer_goes_with_the_weights(run, tmp_path):
    tuned = shutil.copytree(run, tmp_path / "tuned")
    weights = tuned / "best.safetensors"
    chosen = ChosenLocalizer(
        name="local-maxima",
        options={"threshold": 0.25},
        by="f1@8",
        value=0.5,
        interval=(0.4, 0.6),
        dataset="synthetic",
        split="validation",
        images=3,
    )
    write_chosen(chosen, file_beside(weights), weights)
    packed = card_of_run(tuned, OFFERED).card
    assert packed.localizer == chosen
    assert localizer_for(Located(weights, packed), packed).threshold == 0.25
    assert card_of_run(run, OFFERED).card.localizer is None


def test_another_option_of_the_counter_goes_with_the_weights(packed, run, tmp_path):
    scaled = pack_run(run, replace(OFFERED, counter_options={"output_scale": 0.02}), tmp_path).card
    once, twice = packed[1].calibration.predicted, scaled.calibration.predicted
    assert twice == pytest.approx([2 * count for count in once], abs=2e-3)
    scene = create("dataset", "synthetic", split="test", **SCENES)[0].image
    before, after = (load_model(each / "toy.safetensors") for each in (packed[0], tmp_path))
    assert after(scene).count == pytest.approx(2 * before(scene).count, rel=1e-5)


@pytest.mark.parametrize("options", [{"output_scal": 0.02}, {"output_scale": "wide"}])
def test_what_is_no_option_of_the_counter(run, tmp_path, options):
    with pytest.raises(OptionsError, match=f"^counter 'mcnn': {next(iter(options))}: "):
        pack_run(run, replace(OFFERED, counter_options=options), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_names_follow_from_the_run(run):
    card = card_of_run(run, Offered(weights="last", dataset="Toys A")).card
    assert card.name == "mcnn-synthetic"
    assert card.summary == "mcnn trained on Toys A"
    assert card.trained_on.dataset == card.errors[0].dataset == card.calibration.dataset == "Toys A"


def test_too_few_images_for_intervals(make_run, tmp_path):
    packed = pack_run(make_run(images=3, people=(1, 9)), OFFERED, tmp_path)
    assert packed.card.calibration is None
    assert packed.card.errors[0].images == 3
    assert packed.card.trained_on.head_distance is None
    (note,) = packed.notes
    assert note.startswith("no [calibration]: dataset 'synthetic' has 3 validation images")


def test_images_without_anybody_say_nothing(make_run, tmp_path):
    with pytest.raises(UsageError, match="validation images of 'synthetic' show nobody"):
        pack_run(make_run(images=3, people=(0, 0)), OFFERED, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"name": "a b"}, "name: expected letters"),
        ({"url": "toy.org"}, "url: expected an address"),
        ({"url": "https://a.b/c", "hf": "toys/net@v1/x"}, "has url and hf, expected exactly one"),
        ({"command": "two\nlines"}, r"trained_on\.command: expected one line of text"),
    ],
)
def test_what_makes_no_card_is_said_before_any_work(run, tmp_path, said, message):
    counted = []
    with pytest.raises(UsageError, match=message):
        pack_run(run, replace(OFFERED, **said), tmp_path, progress=lambda *at: counted.append(at))
    assert counted == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["/data/birds", "data/birds", r"C:\birds"])
def test_a_data_set_is_not_called_by_its_path(place):
    with pytest.raises(UsageError, match="is a path, expected what the data set is called"):
        replace(OFFERED, dataset=place)


@pytest.mark.parametrize(
    ("missing", "error", "message"),
    [
        ("recipe.toml", UsageError, r"recipe\.toml: no such recipe file"),
        ("best.safetensors", WeightsError, r"best\.safetensors: no such weights file"),
        ("environment.json", UsageError, r"environment\.json: cannot be read as the software"),
    ],
)
def test_a_folder_that_is_no_run(make_run, tmp_path, missing, error, message):
    run = make_run(images=2)
    (run / missing).unlink()
    with pytest.raises(error, match=message):
        pack_run(run, OFFERED, tmp_path)
    assert list(tmp_path.iterdir()) == []
