"""Fine-tuning of an untrained MCNN on a few tiny scenes."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import tomli_w
import torch
from PIL import Image
from torch import nn

from crowdkit_core import create, finetune, load, register
from crowdkit_core.cards import find_card, keep_own, list_cards, parse_card
from crowdkit_core.errors import DataError, IncompatibleError, UsageError
from crowdkit_core.finetuning.images import images_of
from crowdkit_core.finetuning.losses import chosen_loss
from crowdkit_core.finetuning.parent import parent_of
from crowdkit_core.interfaces import Counter, Prediction
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings import load_recipe
from crowdkit_core.weights import read_weights, save_weights

LEARNING = ("trainer.optimization.learning_rate=3e-3",)


def errors_by_hand(weights, dataset):
    """Mean absolute error of a model on a data set."""
    model = load(weights)
    off = [abs(model(sample.image).count - len(sample.points)) for sample in dataset]
    return sum(off) / len(off)


def tuned_on(folder, split):
    return create("dataset", "folder", root=folder, validation_every=3, split=split)


def test_weights_that_are_nearer_are_offered_by_name(weights, corrected, own):
    corrections = corrected(3)
    tuned = finetune(weights, corrections, epochs=4, settings=LEARNING)
    assert tuned.improved
    assert tuned.name == "mcnn-mine"
    assert sorted(path.name for path in own.iterdir()) == [
        "mcnn-mine.safetensors",
        "mcnn-mine.toml",
    ]
    names = corrections.names
    assert (tuned.trained, [each.image for each in tuned.held_out]) == (tuple(names[:2]), names[2:])
    held_out = tuned_on(corrections.folder, "validation")
    assert tuned.before.mae == pytest.approx(errors_by_hand(weights, held_out), abs=2e-3)
    assert tuned.after.mae == pytest.approx(errors_by_hand("mcnn-mine", held_out), abs=2e-3)
    assert tuned.after.mae < tuned.before.mae
    (count,) = tuned.held_out
    assert count.actual == len(held_out[0].points)
    assert abs(count.after - count.actual) == pytest.approx(tuned.after.mae, abs=2e-3)
    assert len(tuned.history) == 4


def test_the_card_says_where_the_weights_came_from(weights, corrected):
    corrections = corrected(3)
    card = finetune(weights, corrections, epochs=2, settings=LEARNING, name="near").card
    assert card == find_card("near").card
    assert card.finetuned_from.sha256 == load(weights).weights
    assert (card.finetuned_from.weights, card.finetuned_from.held_out) == ("mcnn", 1)
    assert card.finetuned_from.errors.mae > card.errors[0].mae
    assert card.errors[0].mae_interval is None
    assert len(card.finetuned_from.seen) == card.trained_on.images == 2
    assert card.trained_on.command == f"crowdkit finetune mcnn mine --set {LEARNING[0]!r}"
    assert card.trained_on.long_side == (96, 96)
    assert card.trained_with.loss["name"] == "mse"
    assert card.calibration is None
    assert load("near")(corrections.folder / corrections.names[0]).interval is None


def test_weights_that_are_no_nearer_are_not_offered(weights, corrected, own):
    corrections = corrected(3)
    held_out = corrections.names[2]
    corrections.set_points(held_out, [])  # crowds are what it learns, and there is none here
    settings = ("trainer.optimization.learning_rate=1e-2",)
    tuned = finetune(weights, corrections, epochs=2, settings=settings)
    assert tuned.improved is False
    assert (tuned.name, tuned.card, own.exists()) == ("", None, False)
    assert any("not nearer on the held-out images" in note for note in tuned.notes)
    assert tuned.held_out[0].after > tuned.before.mae
    assert tuned.before.nae is None
    assert load(tuned.directory / "best.safetensors").weights


def test_of_one_image_nothing_is_held_out(weights, corrected):
    tuned = finetune(weights, corrected(1), epochs=2)
    assert tuned.improved is None
    assert (tuned.before, tuned.after, tuned.held_out) == (None, None, ())
    assert "no image is held out, so nobody knows whether the new weights are better" in tuned.notes
    assert load(tuned.name).card.errors == ()


def test_enough_held_out_images_give_counts_an_interval(weights, corrected):
    corrections = corrected(40, size=(64, 64), people=(1, 9))
    tuned = finetune(weights, corrections, epochs=2, held_out=2, settings=LEARNING)
    known = tuned.card.calibration
    assert len(known.actual) == tuned.after.images == 20
    assert tuned.after.mae_interval[0] < tuned.after.mae < tuned.after.mae_interval[1]
    counted = load(tuned.name)(corrections.folder / corrections.names[0])
    assert counted.interval.low <= counted.count <= counted.interval.high
    assert list(known.predicted) == pytest.approx([each.after for each in tuned.held_out], abs=1e-3)


def test_images_are_trained_on_in_the_size_they_are_counted_in(weights, corrected, card, tmp_path):
    table = card(weights.read_bytes(), name="wide", file="wide.safetensors")
    table["trained_on"]["long_side"] = [80, 144]
    keep_own(parse_card(tomli_w.dumps(table), "wide"), weights)
    tuned = finetune("wide", corrected(3), epochs=1, name="wide-2", output="run")
    recipe = load_recipe("run/recipe.toml")
    assert recipe.dataset.options["long_side"] == (144, 144)
    assert recipe.create("dataset", split="train")[0].image.shape == (3, 96, 144)
    assert recipe.trainer.options["augmentation"].crop_size == (96, 144)
    if tuned.card is not None:
        assert tuned.card.trained_on.long_side == (80, 144)


def test_terms_and_things_are_those_of_the_weights_it_began_as(weights, corrected, card, cache):
    table = card(weights.read_bytes(), name="wide", file="wide.safetensors", terms="Be kind.")
    table |= {"things": "birds", "default_for": ["birds"]}
    keep_own(parse_card(tomli_w.dumps(table), "wide"), weights)
    new = finetune("wide", corrected(1), epochs=1).card
    assert (new.things, new.terms, new.default_for) == ("birds", "Be kind.", ())
    assert new.summary == "People in toy scenes. Fine-tuned on mine."


def test_deep_images_are_shown_in_the_range_the_weights_know(weights, corrected, card):
    table = card(weights.read_bytes(), name="wide", file="wide.safetensors")
    table["trained_on"]["value_range"] = [100.0, 3000.0]
    keep_own(parse_card(tomli_w.dumps(table), "wide"), weights)
    values = np.random.default_rng(0).integers(0, 4096, (64, 96)).astype(np.uint16)
    Image.fromarray(values).save("deep.png")
    corrections = corrected(1)
    corrections.add("deep.png", [[5, 5]])
    card = finetune("wide", corrections, epochs=1, held_out=0, output="run").card
    assert load_recipe("run/recipe.toml").dataset.options["value_range"] == (100, 3000)
    assert card.trained_on.value_range == (100, 3000)
    found = finetune(weights, corrections, epochs=1, held_out=0, name="found").card
    assert found.trained_on.value_range == pytest.approx(np.percentile(values, [0.1, 99.9]), abs=9)


def test_the_folder_may_name_its_splits(weights, corrected, tmp_path):
    for split, seed in (("train", 0), ("validation", 1)):
        corrected(2, called=f"parts/{split}", seed=seed)
    images = images_of(tmp_path / "parts", None, {})
    assert (len(images.train), images.held_out_images) == (2, 2)


def test_images_it_was_fine_tuned_on_before_judge_badly_and_that_is_said(weights, corrected):
    corrections = corrected(3)
    first = finetune(weights, corrections, epochs=1, held_out=0, name="one")
    again = finetune(first.name, corrections, epochs=1, name="two")
    assert any("one was fine-tuned on 1 of the 1 held-out images" in note for note in again.notes)
    assert set(first.card.finetuned_from.seen) <= (parent_of("one").seen)


# -- which loss ----------------------------------------------------------------------------------


def test_the_loss_is_the_one_of_the_card_or_of_the_run(weights, corrected, card, tmp_path):
    table = card(weights.read_bytes(), name="wide", file="wide.safetensors")
    parts = {"loss": {"name": "l1"}, "density_generator": {"name": "fixed", "sigma": 2.0}}
    table["trained_with"] = parts
    keep_own(parse_card(tomli_w.dumps(table), "wide"), weights)
    assert chosen_loss(parent_of("wide")) == {"name": "l1"}
    tuned = finetune("wide", corrected(1), epochs=1, output="run")
    recipe = load_recipe("run/recipe.toml")
    assert (recipe.loss.name, recipe.density_generator.options["sigma"]) == ("l1", 2.0)
    assert tuned.card.trained_with.loss["name"] == "l1"
    assert chosen_loss(parent_of("run/last.safetensors"))["name"] == "l1"


def test_a_setting_chooses_another_loss(weights, corrected):
    finetune(weights, corrected(1), epochs=1, output="run", settings=["loss.name=l1"])
    assert load_recipe("run/recipe.toml").loss.name == "l1"


def test_without_a_word_the_loss_of_the_counters_name_or_mse(weights, tmp_path):
    assert chosen_loss(parent_of(weights)) == {"name": "mse"}
    of_zip = create("counter", "zip", pretrained=False)
    save_weights(tmp_path / "z.safetensors", of_zip, component="zip")
    assert chosen_loss(parent_of(tmp_path / "z.safetensors")) == {"name": "zip"}


class Sum(Counter):
    """A pure count."""

    def __init__(self, *, trained: bool = True) -> None:
        super().__init__()
        self.outputs = {}
        self.weight = nn.Parameter(torch.ones(1), requires_grad=trained)

    def forward(self, images):
        return Prediction(count=self.weight * images.sum((1, 2, 3)))


class Frozen(Sum):
    def __init__(self) -> None:
        super().__init__(trained=False)


@pytest.mark.parametrize(
    ("made", "message"),
    [(Sum, "nobody says with which loss net was trained"), (Frozen, "has nothing to train")],
)
def test_counters_that_cannot_be_trained_are_refused(corrected, made, message):
    save_weights("net.safetensors", made(), component="sum")
    with register("counter", "sum", made), pytest.raises(IncompatibleError, match=message):
        finetune("net.safetensors", corrected(3))


# -- stopping ------------------------------------------------------------------------------------


class Watch:
    """Notes what it is told, and calls what it is given at the end of an epoch."""

    def __init__(self, at_end=lambda record: None) -> None:
        self.steps, self.validated, self.at_end = [], [], at_end

    @hookimpl
    def step_ended(self, epoch, step):
        self.steps.append((epoch, step))

    @hookimpl
    def epoch_validated(self, epoch, counter):
        self.validated.append(epoch)

    @hookimpl
    def epoch_ended(self, record):
        self.at_end(record)


def test_another_thread_stops_it_and_what_was_reached_is_offered(weights, corrected):
    stop = threading.Event()
    watch = Watch(lambda record: record["epoch"] == 2 and stop.set())
    tuned = finetune(
        *(weights, corrected(3)),
        epochs=30,
        settings=LEARNING,
        stop=stop.is_set,
        listeners=[watch],
    )
    assert tuned.stopped
    assert [record["epoch"] for record in tuned.history] == watch.validated == [1, 2]
    assert watch.steps[-1] == (2, 1)
    assert (tuned.name != "") == tuned.improved


def test_stopped_at_once_there_is_nothing_new(weights, corrected, own):
    tuned = finetune(weights, corrected(3), epochs=3, stop=lambda: True)
    assert (tuned.stopped, tuned.name, tuned.after, own.exists()) == (True, "", None, False)
    assert tuned.held_out[0].after is None
    assert any("stopped before an epoch was finished" in note for note in tuned.notes)


def test_an_interrupted_run_goes_on_to_the_same_weights(weights, corrected):
    corrections = corrected(3)
    common = {"epochs": 3, "settings": LEARNING}

    with pytest.raises(KeyboardInterrupt):
        finetune(weights, corrections, output="run", listeners=[Interrupt(steps=2)], **common)
    resumed = finetune(weights, corrections, output="run", resume=True, name="resumed", **common)
    whole = finetune(weights, corrections, output="other", name="whole", **common)
    assert resumed.card.sha256 == whole.card.sha256
    last = [read_weights(f"{run}/last.safetensors").state for run in ("run", "other")]
    assert all(torch.equal(last[0][key], last[1][key]) for key in last[0])


class Interrupt:
    """Ctrl-C after so many steps."""

    def __init__(self, steps) -> None:
        self.left = steps

    @hookimpl
    def step_ended(self):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


# -- refused before any work ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"name": "people"}, UsageError, "there are weights named 'people' already, those of"),
        ({"name": "a/b"}, UsageError, "name 'a/b', expected letters"),
        ({"name": "a.pt"}, UsageError, "not that of a file"),
        ({"weights": "nowhere"}, UsageError, "no weights named 'nowhere'"),
        ({"folder": "nowhere"}, DataError, "nowhere: no such folder"),
        ({"held_out": 1}, UsageError, "validation_every is 1"),
        ({"settings": ["trainer.epoch=3"]}, UsageError, "trainer.epoch"),
        ({"settings": ["loss.name=nowhere"]}, UsageError, "no loss named 'nowhere'"),
        ({"output": "taken"}, UsageError, "already holds a run"),
        ({"output": "new", "resume": True}, UsageError, "holds no run to resume"),
    ],
)
def test_what_is_wrong_is_said_before_any_work(
    weights, corrected, arguments, error, message, tmp_path
):
    pytest.importorskip("crowdkit_people")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "best.safetensors").write_bytes(b"")
    given = {"weights": weights, "folder": corrected(3), **arguments}
    watch = Watch()
    with pytest.raises(error, match=message):
        finetune(given.pop("weights"), given.pop("folder"), listeners=[watch], **given)
    assert watch.steps == []
    assert not (tmp_path / "runs").exists()


def test_images_without_points_are_named(weights, corrected):
    corrections = corrected(3)
    name = corrections.names[1]
    (corrections.folder / name).with_suffix(".txt").unlink()
    with pytest.raises(DataError, match=f"no points of image {name}"):
        finetune(weights, corrections.folder)


def test_images_of_nobody_alone_are_refused(weights, corrected):
    with pytest.raises(DataError, match="nobody is marked in any of the 2 images to train on"):
        finetune(weights, corrected(3, people=(0, 0)))


def test_a_model_is_where_it_begins(weights, corrected):
    tuned = finetune(load(weights), corrected(1), epochs=1)
    assert (tuned.began_as, tuned.name) == ("mcnn", "mcnn-mine")
    by_card = finetune(load("mcnn-mine"), corrected(1, called="more"), epochs=1)
    assert (by_card.began_as, by_card.name) == ("mcnn-mine", "mcnn-mine-mine")
    bare = replace(load(weights), counter=create("counter", "mcnn"))
    with pytest.raises(UsageError, match="not loaded from a file"):
        finetune(bare, corrected(1, called="third"))


def test_own_weights_are_listed(weights, corrected):
    name = finetune(weights, corrected(1), epochs=1).name
    assert name in [card.name for card in list_cards()]


@pytest.mark.parametrize("chosen", [(), ("loss.name=l1",)])
def test_a_loss_that_nobody_said_is_told(weights, corrected, chosen):
    tuned = finetune(weights, corrected(1), epochs=1, settings=chosen)
    told = [note for note in tuned.notes if "with which loss mcnn was trained; 'mse'" in note]
    assert len(told) == (0 if chosen else 1)
