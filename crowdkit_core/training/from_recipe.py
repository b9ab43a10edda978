"""From a recipe to a trained counter."""

from crowdkit_core.interfaces import Trainer, TrainingTask
from crowdkit_core.settings import Recipe
from crowdkit_core.training.engine import train
from crowdkit_core.training.result import TrainingResult
from crowdkit_core.training.seeding import seed_from


def build(recipe: Recipe) -> tuple[TrainingTask, Trainer]:
    """Create a recipe's components; the counter's first weights follow from the run's seed.

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
        validation=recipe.create("dataset", split=recipe.run.validate_on),
    )
    trainer: Trainer = recipe.create("trainer")
    return task, trainer


def train_recipe(recipe: Recipe) -> TrainingResult:
    """Train what a recipe describes, and keep it in ``recipe.run.directory``.

    Raises:
        CrowdkitError: As `build` and `train`.
    """
    task, trainer = build(recipe)
    return train(task, trainer, recipe.run, recipe=recipe)
