"""A run goes on with the settings it began with, or is refused before anything is written."""

import json
from dataclasses import replace

import pytest

from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.interfaces import LoopSettings
from crowdkit_core.settings import ComponentSettings, Recipe, RunSettings, load_recipe
from crowdkit_core.training import Supervised, train
from crowdkit_core.training.run_record import DATA_FILE, RunRecord, read_record

RECIPE = load_recipe(
    overrides=[
        "counter=mcnn",
        "dataset.root=photos",
        "dataset.name=folder",
        "trainer.epochs=1",
        "trainer.batch_size=4",
    ]
)


def changed(kind: str, **options) -> Recipe:
    settings = getattr(RECIPE, kind)
    if kind == "run":
        return replace(RECIPE, run=replace(settings, **options))
    name = options.pop("name", settings.name)
    return replace(
        RECIPE, **{kind: ComponentSettings(name=name, options={**settings.options, **options})}
    )


@pytest.fixture
def begun(toys, tmp_path):
    """A run of one epoch that has a recipe; gives a function to resume it with another."""
    once = Supervised(epochs=1, batch_size=4, loop=LoopSettings())
    train(toys.task(), once, RunSettings(directory=tmp_path), recipe=RECIPE)

    def resume(recipe: Recipe, **run):
        twice = Supervised(epochs=2, batch_size=4)
        settings = RunSettings(directory=tmp_path, resume=True, **run)
        return train(toys.task(), twice, settings, recipe=recipe)

    return resume


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (changed("trainer", batch_size=2), "trainer.batch_size: 4 -> 2"),
        (changed("trainer", epochs=0), "trainer.epochs: 1 -> 0"),
        (changed("run", seed=5), "run.seed: 0 -> 5"),
        (changed("run", precision="64-true"), "run.precision: '32-true' -> '64-true'"),
        (changed("loss", name="l1"), "loss.name: 'mse' -> 'l1'"),
        (changed("counter", width=3), "counter.width: not set -> 3"),
        (changed("dataset", recursive=True), "dataset.recursive"),
    ],
    ids=lambda value: value.partition(":")[0] if isinstance(value, str) else "",
)
def test_other_settings_are_refused_with_old_and_new(begun, tmp_path, recipe, words) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(UsageError, match="began with other settings") as refused:
        begun(recipe)
    assert words in refused.value.message
    assert "another folder" in refused.value.hint
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "recipe",
    [
        changed("trainer", epochs=2),
        changed("run", workers=1, channels_last=True, devices=1, accelerator="cpu"),
        changed("dataset", root="elsewhere/photos"),
        changed("loss", name="crowdkit-core:mse"),
        replace(RECIPE, localizer=ComponentSettings(name="local-maxima")),
    ],
    ids=["more epochs", "how it runs", "moved images", "full name", "localizer"],
)
def test_what_cannot_change_the_result_may_change(begun, recipe) -> None:
    assert len(begun(recipe).history) == 2


def test_a_recipe_that_was_edited_in_the_folder_hides_nothing(begun, tmp_path) -> None:
    text = (tmp_path / "recipe.toml").read_text()
    (tmp_path / "recipe.toml").write_text(text.replace("batch_size = 4", "batch_size = 2"))
    with pytest.raises(UsageError, match=r"trainer\.batch_size: 4 -> 2"):
        begun(load_recipe(tmp_path / "recipe.toml"))


def test_runs_from_before_settings_were_recorded_have_their_recipe(begun, tmp_path) -> None:
    images = dict(read_record(tmp_path / DATA_FILE).images)
    (tmp_path / DATA_FILE).write_text(json.dumps(images))
    with pytest.raises(UsageError, match=r"run\.seed: 0 -> 5"):
        begun(changed("run", seed=5))
    assert len(begun(changed("trainer", epochs=2)).history) == 2


def test_a_run_without_recipe_is_resumed_with_its_seed(toys, tmp_path) -> None:
    once = Supervised(epochs=1, batch_size=4)
    train(toys.task(), once, RunSettings(directory=tmp_path, seed=3))
    with pytest.raises(UsageError, match=r"run\.seed: 3 -> 4"):
        train(toys.task(), once, RunSettings(directory=tmp_path, seed=4, resume=True))


def test_a_finished_stage_is_given_no_more_epochs(toys, tmp_path) -> None:
    train(
        toys.task(),
        toys.Distillation(epochs=1, student_epochs=1),
        RunSettings(directory=tmp_path),
    )
    more = toys.Distillation(epochs=2, student_epochs=2)
    with pytest.raises(UsageError, match="'teacher' ended after 1 epochs"):
        train(toys.task(), more, RunSettings(directory=tmp_path, resume=True))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"train": 3}',
        '{"train": "a", "settings": []}',
        "[" * 5000,
        RunRecord({"train": "a"}, {"run.seed": 1}).text().replace(": 1", ": 2"),
    ],
)
def test_a_damaged_record_is_named_with_the_way_out(toys, tmp_path, content) -> None:
    once = Supervised(epochs=1, batch_size=4)
    train(toys.task(), once, RunSettings(directory=tmp_path))
    (tmp_path / DATA_FILE).write_text(content)
    with pytest.raises(DataError, match=r"data\.json: damaged") as refused:
        train(toys.task(), once, RunSettings(directory=tmp_path, resume=True))
    assert "\n" not in refused.value.message
    assert "another folder" in refused.value.hint
