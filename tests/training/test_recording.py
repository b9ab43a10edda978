"""The recipe of a run that a program started."""

from dataclasses import replace

import pytest

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.interfaces import TrainingTask
from crowdkit_core.losses import L1
from crowdkit_core.settings import RunSettings, load_recipe
from crowdkit_core.training import OptimizationSettings, Supervised, train
from crowdkit_core.training.recording import record_parts
from crowdkit_core.training.run_folder import RunFolder
from crowdkit_core.weights import save_weights

SCENES = {"images": 2, "size": (64, 64), "people": (1, 5)}


def scenes(split, **options):
    return create("dataset", "synthetic", split=split, **{**SCENES, **options})


@pytest.fixture
def task():
    return TrainingTask(
        counter=create("counter", "mcnn", in_channels=3),
        loss=create("loss", "l1"),
        density_generator=create("density_generator", "fixed", sigma=3.0),
        train=scenes("train"),
        validation=scenes("validation"),
    )


TRAINER = Supervised(epochs=1, optimization=OptimizationSettings(learning_rate=3e-4))


def recorded(folder, task, trainer=TRAINER):
    """The recipe that is written, and else the reasons why there is none."""
    run = RunSettings(directory=folder, accelerator="cpu", seed=5)
    record_parts(RunFolder(folder, ["supervised"]), task, trainer, run)
    if (folder / "recipe.toml").exists():
        return load_recipe(folder / "recipe.toml"), ""
    return None, (folder / "no-recipe.txt").read_text()


def test_parts_made_by_name_are_a_recipe(task, tmp_path):
    recipe, _ = recorded(tmp_path, task)
    assert (recipe.counter.name, recipe.counter.options["in_channels"]) == ("mcnn", 3)
    assert recipe.dataset.options.items() >= SCENES.items()
    assert (recipe.loss.name, recipe.density_generator.options["sigma"]) == ("l1", 3.0)
    assert recipe.trainer.name == "supervised"
    assert recipe.trainer.options["epochs"] == 1
    assert recipe.create("trainer").optimization.learning_rate == 3e-4
    assert (recipe.run.seed, recipe.run.directory) == (5, tmp_path)


def test_options_are_read_off_parts_that_show_them(task, tmp_path):
    built = replace(task, loss=L1(), density_generator=Fixed(sigma=7.0))
    recipe, why = recorded(tmp_path, built)
    assert recipe is not None, why
    assert (recipe.loss.name, recipe.density_generator.options["sigma"]) == ("l1", 7.0)


def test_weights_that_training_began_with_are_in_it(task, tmp_path):
    save_weights(tmp_path / "first.safetensors", task.counter, component="mcnn")
    begun = create("counter", "mcnn", in_channels=3, weights=tmp_path / "first.safetensors")
    recipe, _ = recorded(tmp_path, replace(task, counter=begun))
    assert recipe.counter.options["weights"] == str(tmp_path / "first.safetensors")


class Hidden(L1):
    """Not registered."""


class Shy(Fixed):
    """Registered, and shows nothing of its options."""

    def __init__(self, *, width: float = 2.0) -> None:
        super().__init__(sigma=2 * width)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"loss": Hidden()}, "loss 'Hidden' is not registered"),
        ({"validation": None}, "no images to validate on"),
        ({"train": scenes("all")}, "trained on split 'all'"),
        ({"validation": scenes("validation", images=3)}, "not a split of the training data set"),
        ({"density_generator": Shy()}, "was built by its class, so its options are not known"),
    ],
)
def test_what_cannot_be_recorded_is_said(task, tmp_path, change, said):
    from crowdkit_core import register

    with register("density_generator", "shy", Shy):
        recipe, why = recorded(tmp_path, replace(task, **change))
    assert recipe is None
    assert said in why


def test_a_run_leaves_the_recipe_in_its_folder(task, tmp_path):
    train(task, TRAINER, RunSettings(directory=tmp_path, accelerator="cpu"))
    assert load_recipe(tmp_path / "recipe.toml").loss.name == "l1"


def test_a_program_that_resumes_a_run_leaves_the_recipe_it_was_given(task, tmp_path):
    given = '# mine\n[counter]\nname = "mcnn"\n'
    (tmp_path / "recipe.toml").write_text(given)
    run = RunSettings(directory=tmp_path, accelerator="cpu", seed=5)
    record_parts(RunFolder(tmp_path, ["supervised"]), task, TRAINER, run)
    assert (tmp_path / "recipe.toml").read_text() == given
    assert not (tmp_path / "no-recipe.txt").exists()
