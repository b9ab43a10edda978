"""Train what a recipe describes."""

from crowdkit_core.errors import DataError, WeightsError
from crowdkit_core.interfaces import Trainer, TrainingTask
from crowdkit_core.registry import create
from crowdkit_core.settings import Recipe
from crowdkit_core.tracking import make_trackers
from crowdkit_core.training.engine import train
from crowdkit_core.training.result import TrainingResult
from crowdkit_core.training.seeding import seed_from


def build(recipe: Recipe, *, validate: bool = True) -> tuple[TrainingTask, Trainer]:
    """Create a recipe's components; the counter's first weights follow from the run's seed.

    Args:
        recipe: Names them.
        validate: Whether there are images to validate on.

    Raises:
        DataError: The data cannot be read, or a split is empty.
        CrowdkitError: A component cannot be created.
    """
    seed_from(recipe.run.seed)
    task = TrainingTask(
        counter=recipe.create("counter"),
        loss=recipe.create("loss"),
        density_generator=recipe.create("density_generator"),
        train=recipe.create("dataset", split="train"),
        validation=recipe.create("dataset", split=recipe.run.validate_on) if validate else None,
    )
    trainer: Trainer = recipe.create("trainer")
    return task, trainer


def require_parts_fit(recipe: Recipe) -> None:
    """Refuse a recipe whose parts or trackers training would refuse.

    No file is needed for it: neither the data nor a front end's weights play a part. Parts that
    cannot be made without a file that is not there yet are left to training.

    Raises:
        UsageError: They do not fit, or a part refuses its options.
    """
    untrained = {"pretrained": False} if "pretrained" in recipe.counter.options else {}
    trainer: Trainer = recipe.create("trainer")
    try:
        task = TrainingTask(
            counter=recipe.create("counter", **untrained),
            loss=recipe.create("loss"),
            density_generator=recipe.create("density_generator"),
            train=create("dataset", "synthetic", images=1),  # stages do not depend on the images
        )
    except (DataError, WeightsError):
        return
    trainer.stages(task)
    make_trackers(recipe.run)


def train_recipe(recipe: Recipe) -> TrainingResult:
    """Train what a recipe describes, and keep it in ``recipe.run.directory``.

    Raises:
        CrowdkitError: As `build` and `train`.
    """
    make_trackers(recipe.run)  # refused before the data are read
    task, trainer = build(recipe)
    return train(task, trainer, recipe.run, recipe=recipe)
