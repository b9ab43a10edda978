"""Divide images into train, validation and test by rules that anyone can repeat."""

from collections.abc import Sequence
from typing import TypeVar

from crowdkit_core.data.annotations.marks import SPLIT_NAMES
from crowdkit_core.errors import DataError, EmptySplitError, UsageError
from crowdkit_core.interfaces import Split

T = TypeVar("T")


def split_in_path(name: str) -> str | None:
    """The split that the first folder of a path names, or None.

    Example:
        >>> split_in_path("val/a.jpg"), split_in_path("night/a.jpg"), split_in_path("test.jpg")
        ('val', None, None)
    """
    first, slash, _ = name.partition("/")
    return first if slash and first in SPLIT_NAMES else None


def hold_out(items: Sequence[T], every: int) -> tuple[list[T], list[T]]:
    """Keep most, hold out every ``every``-th: those at index ``every - 1``, ``2 every - 1``, ...

    Args:
        items: In natural order of their names.
        every: 0 holds out none.

    Returns:
        The kept and the held-out items.

    Raises:
        UsageError: ``every`` is negative or 1, which would keep none.

    Example:
        >>> hold_out("abcdef", 3)
        (['a', 'b', 'd', 'e'], ['c', 'f'])
    """
    if every < 0 or every == 1:
        raise UsageError(f"every {every}th image: expected 0 (none) or at least 2")
    held = [item for i, item in enumerate(items) if every and i % every == every - 1]
    kept = [item for i, item in enumerate(items) if not every or i % every != every - 1]
    return kept, held


def divide(
    items: Sequence[T],
    named: Sequence[str | None],
    *,
    validation_every: int,
    test_every: int = 0,
    test_last: int = 0,
) -> dict[Split, list[T]]:
    """Divide images into the splits of a data set.

    Where the data name their splits, those stand, and ``test_every`` and ``test_last`` are not
    used; validation images are held out of the training images unless some are named. Otherwise
    the last ``test_last`` images are the test images, then every ``test_every``-th of the rest is
    too, then every ``validation_every``-th of what remains is a validation image.

    Args:
        items: In natural order of their names.
        named: The split each item's folder or column names, or None.
        validation_every: See `hold_out`.
        test_every: See `hold_out`.
        test_last: How many of the last images to test on.

    Raises:
        DataError: Some items name a split and others do not, or the name is unknown.
        UsageError: A rule that leaves nothing to train on.
    """
    for option, every in (("validation_every", validation_every), ("test_every", test_every)):
        if every < 0 or every == 1:
            raise UsageError(f"{option} is {every}, expected 0 (none) or at least 2")
    unknown = sorted({name for name in named if name is not None and name not in SPLIT_NAMES})
    if unknown:
        raise DataError(f"split {unknown[0]!r} is unknown, expected train, validation or test")
    if any(named):
        if not all(named):
            missing = items[list(named).index(None)]
            raise DataError(f"some images name their split, but {missing} does not")
        found = [SPLIT_NAMES[name] for name in named if name]
        pool, test, validation = (
            [item for item, split in zip(items, found, strict=True) if split == wanted]
            for wanted in ("train", "test", "validation")
        )
        if validation:
            return {"train": pool, "validation": validation, "test": test, "all": list(items)}
    else:
        if not 0 <= test_last <= len(items):
            raise UsageError(f"test_last={test_last}, expected 0 to {len(items)} (all images)")
        first = len(items) - test_last
        pool, test = hold_out(items[:first], test_every)
        test = [*test, *items[first:]]
    train, validation = hold_out(pool, validation_every)
    return {"train": train, "validation": validation, "test": test, "all": list(items)}


def divide_video(
    frames: Sequence[T], numbers: Sequence[int], training: range, *, validation_last: int
) -> dict[Split, list[T]]:
    """Divide the frames of a video, whose neighbouring frames are alike, into splits.

    Frames with a number in ``training`` are for training, but for those with the last
    ``validation_last`` numbers, which are for validation; all others are for testing.

    Args:
        frames: In the order of time.
        numbers: Number of each frame.
        training: Numbers of training and validation frames together.
        validation_last: 0 for no validation frames.

    Raises:
        UsageError: ``validation_last`` is negative, or leaves nothing to train on.
    """
    if not 0 <= validation_last < len(training):
        raise UsageError(
            f"validation_last={validation_last}, expected 0 to {len(training) - 1} "
            f"(there are {len(training)} training frames)"
        )
    validation = training[len(training) - validation_last :]
    named = [
        "test" if n not in training else "validation" if n in validation else "train"
        for n in numbers
    ]
    return divide(frames, named, validation_every=0)


def set_a_rule(split: Split, images: int) -> str:
    """What to do when images without named splits leave the wanted one empty.

    Example:
        >>> set_a_rule("validation", 10).partition(",")[0]
        'set `validation_every` (--set dataset.validation_every=5)'
    """
    if split in ("train", "all"):
        return "set `test_every`, `test_last` and `validation_every` so that images are left"
    option, every = f"{split}_every", 5 if images >= 10 else 2
    return (
        f"set `{option}` (--set dataset.{option}={every}), put images into folders train, "
        "validation and test, or ask for split 'all'"
    )


def require_images(
    splits: dict[Split, list[T]], split: Split, source: object, hint: str
) -> list[T]:
    """The items of a split.

    Raises:
        EmptySplitError: There are none; the hint says what to set.
    """
    items = splits[split]
    if not items:
        images: dict[str, int] = {name: len(each) for name, each in splits.items() if each}
        total = images.pop("all", 0)
        listed = ", ".join(f"{name} {number}" for name, number in images.items())
        raise EmptySplitError(
            f"{source}: split {split!r} is empty ({total} images in all{listed and ': '}{listed})",
            hint=hint,
            images={**images, "all": total},
        )
    return items
