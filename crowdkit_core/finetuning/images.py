"""The corrected images: which are trained on, and which are held out to judge by."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdkit_core.data import ImageFiles
from crowdkit_core.data.corrections import Corrections
from crowdkit_core.errors import DataError, EmptySplitError, UsageError
from crowdkit_core.files import sha256_of
from crowdkit_core.interfaces import Dataset, Split
from crowdkit_core.registry import create

EVERY = 4
"""Every how many images one is held out, unless it is said otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Images:
    """A folder of images with their points, in the pixels of their files.

    Attributes:
        called: What the folder is called.
        options: Of the data set `folder`.
        train: To train on.
        held_out: To judge by; None for too few images.
    """

    called: str
    options: Mapping[str, Any]
    train: Dataset
    held_out: Dataset | None

    @property
    def held_out_images(self) -> int:
        """How many are held out."""
        return 0 if self.held_out is None else len(self.held_out)


def images_of(
    folder: str | Path | Corrections, held_out: int | None, options: Mapping[str, Any]
) -> Images:
    """Divide the images of a folder.

    Args:
        folder: Its images have points; or the corrections themselves.
        held_out: Every how many images one is held out, in natural order of their names; 0 for
            none. None for every fourth, and the last of two or three. Where folders or a column
            name the splits, those stand.
        options: Further ones of the data set `folder`.

    Raises:
        DataError: There are no images or no points, or some cannot be read.
        UsageError: Nothing is left to train on.
    """
    root = folder.folder if isinstance(folder, Corrections) else Path(folder)
    settled: dict[str, Any] = {"root": root, **options}
    settled.pop("long_side", None)
    everything = create("dataset", "folder", **settled, split="all")
    if held_out is not None:
        settled["validation_every"] = held_out
    settled.setdefault("validation_every", usual_every(len(everything)))
    train = _split(settled, "train")
    if train is None:
        raise UsageError(f"{root}: no image is left to train on")
    images = Images(
        called=root.resolve().name or "images",
        options=settled,
        train=train,
        held_out=_split(settled, "validation"),
    )
    _require_people(images, root)
    return images


def usual_every(images: int) -> int:
    """Every how many images one is held out: of two or three the last, of a single one none.

    Example:
        >>> [usual_every(number) for number in (1, 2, 3, 20)]
        [0, 2, 3, 4]
    """
    return 0 if images < 2 else min(images, EVERY)


def file_digests(dataset: Dataset) -> list[str]:
    """sha256 of each image file."""
    assert isinstance(dataset, ImageFiles)  # as `folder` is
    return [sha256_of(entry.image) for entry in dataset.entries]


def names_of(dataset: Dataset | None) -> tuple[str, ...]:
    """The names of a data set's images; none of no data set."""
    if dataset is None:
        return ()
    return tuple(dataset.annotation(index).name for index in range(len(dataset)))


def _split(options: Mapping[str, Any], split: Split) -> Dataset | None:
    try:
        dataset: Dataset = create("dataset", "folder", **options, split=split)
    except EmptySplitError:
        return None
    return dataset


def _require_people(images: Images, root: Path) -> None:
    """Read the annotations of all images, so that what is wrong is said before any work."""
    for dataset in filter(None, (images.train, images.held_out)):
        annotations = [dataset.annotation(index) for index in range(len(dataset))]
        if dataset is images.train and not any(len(each.points) for each in annotations):
            raise DataError(
                f"{root}: nobody is marked in any of the {len(dataset)} images to train on; a "
                "counter trained on them would learn to find nobody",
                hint="mark the people of some images too",
            )
