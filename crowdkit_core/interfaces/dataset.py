"""The dataset contract: annotated images by index, split explicitly."""

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, Self

from crowdkit_core.interfaces.origin import Component
from crowdkit_core.interfaces.samples import Annotation, Sample
from crowdkit_core.interfaces.value_range import ValueRange
from crowdkit_core.registry.common_options import Cache

Split = Literal["train", "validation", "test", "all"]
"""Which part of a dataset; ``all`` is every annotated image (for checks and pictures)."""


class Dataset(Component, ABC):
    """Annotated images by index.

    A registered dataset factory takes ``split`` (a `Split`) among its options and states in its
    docstring by which rule validation images are held out of the training images. Reading an
    annotation must not decode the image.

    Attributes:
        split: The part this object holds.
        cache: Where decoded images stay in training; `crowdkit_core.create` sets it.
    """

    kind: ClassVar[str] = "dataset"

    split: Split
    cache: Cache = "none"

    @property
    def value_range(self) -> ValueRange | None:
        """What becomes black and white in its files of more than 8 bits; None if it has none."""
        return None

    def with_value_range(self, value_range: ValueRange) -> Self:
        """The same images shown by another range; itself where images have 8 bits."""
        return self

    @abstractmethod
    def __len__(self) -> int:
        """Number of images."""

    @abstractmethod
    def annotation(self, index: int) -> Annotation:
        """Points, size and region of image ``index``, without decoding its pixels.

        Raises:
            DataError: A file is unreadable or holds impossible values; names the file.
        """

    @abstractmethod
    def __getitem__(self, index: int) -> Sample:
        """Image ``index`` with its annotation.

        Raises:
            DataError: A file is unreadable or holds impossible values; names the file.
        """
