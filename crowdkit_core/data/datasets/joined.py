"""Several data sets as one."""

import copy
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, Self

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Annotation, Dataset, Sample, Split, ValueRange
from crowdkit_core.registry import create


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the data sets.

    Attributes:
        name: Its registered name.
        options: Its own, without ``split``.
        splits: The splits in which its images are used; ``all`` has those of every part.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)
    splits: tuple[Split, ...] = ("train", "validation", "test")


class Joined(Dataset):
    """The images of several data sets, one set after the other.

    Each part divides its images by its own rule. The name of an image begins with the label of
    its part, which is also its group where it has none, so that evaluation tells the errors of
    the parts apart.

    Args:
        parts: The data sets by labels of one's own. ``splits = ["train"]`` for one that is only
            to train on.
        split: Which images.

    Raises:
        OptionsError: No part has images of the split, or an option of a part is wrong.
        DataError: As of the part.

    Example:
        >>> crowds = Part(name="synthetic", options={"images": 8})
        >>> empty = Part(name="synthetic", options={"images": 2, "people": (0, 0)})
        >>> joined = Joined(parts={"crowds": crowds, "empty": empty})
        >>> len(joined), joined.annotation(9).name
        (10, 'empty/train_00001')
    """

    def __init__(self, *, parts: Mapping[str, Part], split: Split = "train") -> None:
        self.split = split
        self._parts: list[tuple[str, Dataset]] = [
            (label, create("dataset", part.name, **part.options, split=split))
            for label, part in parts.items()
            if split == "all" or split in part.splits
        ]
        if not self._parts:
            labels = ", ".join(parts) or "none"
            raise OptionsError(f"joined: no part has images of split {split!r}; parts: {labels}")
        self._ends = list(accumulate(len(dataset) for _, dataset in self._parts))

    def __len__(self) -> int:
        return self._ends[-1]

    @property
    def value_range(self) -> ValueRange | None:
        """The one of its parts, where those that have any have the same."""
        ranges = {dataset.value_range for _, dataset in self._parts} - {None}
        return ranges.pop() if len(ranges) == 1 else None

    def with_value_range(self, value_range: ValueRange) -> Self:
        """The same images shown by another range."""
        other = copy.copy(self)
        other._parts = [(name, each.with_value_range(value_range)) for name, each in self._parts]
        return other

    def annotation(self, index: int) -> Annotation:
        """Annotation ``index``, counted through all parts."""
        label, dataset, own = self._place(index)
        annotation = dataset.annotation(own)
        return replace(annotation, **_named(label, annotation))

    def __getitem__(self, index: int) -> Sample:
        """Image ``index``, counted through all parts."""
        label, dataset, own = self._place(index)
        sample = dataset[own]
        return replace(sample, **_named(label, sample))

    def _place(self, index: int) -> tuple[str, Dataset, int]:
        """The part an image belongs to, and its index there."""
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of a joined data set of {len(self)} images")
        position = bisect(self._ends, index)
        before = self._ends[position - 1] if position else 0
        return *self._parts[position], index - before


def _named(label: str, image: Annotation | Sample) -> dict[str, Any]:
    return {"name": f"{label}/{image.name}", "group": image.group or label}
