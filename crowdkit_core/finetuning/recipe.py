"""From weights and images to the recipe of a short training that goes on from them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crowdkit_core.finetuning.images import Images
from crowdkit_core.finetuning.losses import chosen_loss
from crowdkit_core.finetuning.parent import Parent
from crowdkit_core.inference import Sizing
from crowdkit_core.interfaces import Size
from crowdkit_core.settings import Recipe, parse_overrides, resolve_recipe

WINDOWS = 400
"""Windows of images that are trained on in all: minutes on one core for images of 1000 pixels."""

MOST_EPOCHS = 40

CROP = 320
"""Side of a window in pixels, at most."""

BATCH = 4

LEARNING_RATE = 1e-4

TRAINER: Mapping[str, Any] = {
    "name": "supervised",
    "optimization": {
        "optimizer": "AdamW",
        "learning_rate": LEARNING_RATE,
        "options": {"weight_decay": 1e-2},
        "schedule": "CosineAnnealingLR",
        "schedule_interval": "step",
    },
    "augmentation": {
        "scale": [0.8, 1.25],
        "flip": 0.5,
        "brightness": [0.9, 1.1],
        "contrast": [0.9, 1.1],
        "saturation": [0.9, 1.1],
    },
    "loop": {"freeze_batch_norm": True, "clip_norm": 100.0, "ema": 0.9},
}
"""Small steps near the weights, and windows that differ little from how images are shown."""


def finetuning_recipe(
    parent: Parent,
    images: Images,
    sizing: Sizing,
    *,
    epochs: int | None,
    run: Mapping[str, Any],
    settings: Sequence[str],
) -> Recipe:
    """The recipe of a fine-tuning.

    Args:
        parent: What it begins with.
        images: What it trains on.
        sizing: The size in which images are shown, as they will be when they are counted.
        epochs: Passes over the images; None for as many as make `WINDOWS`.
        run: Its section of the recipe.
        settings: ``trainer.batch_size=2`` texts on top.

    Raises:
        OptionsError: A setting is wrong.
        IncompatibleError: No loss suits the counter.
    """
    overrides = parse_overrides(settings)
    counter = parent.model.counter
    known = parent.trained_with
    usual: dict[str, Any] = {
        "counter": {"name": counter.registered_name, "weights": parent.source},
        "dataset": {
            "name": "folder",
            **{key: _plain(value) for key, value in images.options.items()},
        },
        "trainer": {
            **TRAINER,
            "epochs": epochs or usual_epochs(len(images.train)),
            "batch_size": min(BATCH, len(images.train)),
            "augmentation": {**TRAINER["augmentation"], "crop_size": _crop(images, sizing)},
        },
        "run": dict(run),
    }
    if sizing.resizing.long_side is not None:
        usual["dataset"]["long_side"] = list(sizing.resizing.long_side)
    values = parent.model.reading.value_range
    if values is not None:
        usual["dataset"].setdefault("value_range", [values.low, values.high])
    if "name" not in overrides.get("loss", {}):
        usual["loss"] = chosen_loss(parent)
    if known is not None and known.density_generator is not None:
        usual["density_generator"] = known.density_generator
    return resolve_recipe(usual, overrides, source="the fine-tuning")


def usual_epochs(images: int) -> int:
    """Passes over so many images.

    Example:
        >>> [usual_epochs(number) for number in (1, 15, 1000)]
        [40, 27, 1]
    """
    return min(-(-WINDOWS // images), MOST_EPOCHS)


def _crop(images: Images, sizing: Sizing) -> list[int]:
    """A window that is not larger than most images as they are shown, nor than `CROP`."""
    sizes: list[Size] = [
        sizing.first(images.train.annotation(index).size) for index in range(len(images.train))
    ]
    return [min(CROP, max(size[axis] for size in sizes)) for axis in (0, 1)]


def _plain(value: Any) -> Any:
    return str(value.resolve()) if isinstance(value, Path) else value
