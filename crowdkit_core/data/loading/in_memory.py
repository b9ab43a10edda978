"""Keep the decoded images of a data set in memory that all loader workers share."""

import ctypes
import shutil
from itertools import accumulate
from math import prod
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from tempfile import gettempdir

import torch
from torch import Tensor

from crowdkit_core.errors import NotEnoughMemoryError
from crowdkit_core.interfaces import Annotation, Dataset, Points, Sample, ValueRange
from crowdkit_core.memory import available_memory
from crowdkit_core.printable import mebibytes

SHARE = 0.8
"""Of the memory that is free, what images may take: training needs some as well."""

_ABSENT, _PLANES, _ROWS = 0, 1, 2
"""What is known of an image: nothing, or how its bytes lie, so that it is given as it was read."""


def as_cached(dataset: Dataset) -> Dataset:
    """The data set, its images kept in memory where its ``cache`` says so."""
    return InMemory(dataset) if dataset.cache == "memory" else dataset


class InMemory(Dataset):
    """Another data set whose images are read once, by whichever process needs them first.

    Processes that are started later, as loader workers are, share the memory: an image that one of
    them has read is there for all. What a sample holds besides its image is the annotation's.

    Args:
        dataset: The images. Where some are of another data type than the first, those are read
            each time.

    Raises:
        NotEnoughMemoryError: They do not fit into memory; nothing is read then.

    Example:
        >>> from crowdkit_core import create
        >>> scenes = create("dataset", "synthetic", images=3, size=(96, 128), people=(1, 9))
        >>> images = InMemory(scenes)
        >>> images.bytes, torch.equal(images[0].image, images[0].image)
        (110592, True)
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.split = dataset.split
        self.origin = dataset.origin
        self._dtype = dataset[0].image.dtype if len(dataset) else torch.uint8
        self._shapes = [(3, *dataset.annotation(index).size) for index in range(len(dataset))]
        sizes = [prod(shape) * self._dtype.itemsize for shape in self._shapes]
        self._starts = [0, *accumulate(sizes)]
        _require_room(self.bytes, dataset)
        self._content = RawArray(ctypes.c_uint8, max(self.bytes, 1))
        self._states = RawArray(ctypes.c_uint8, max(len(dataset), 1))

    @property
    def bytes(self) -> int:
        """What all images take."""
        return self._starts[-1]

    @property
    def value_range(self) -> ValueRange | None:
        """That of the data set."""
        return self.dataset.value_range

    def __len__(self) -> int:
        return len(self.dataset)

    def annotation(self, index: int) -> Annotation:
        """That of the data set."""
        return self.dataset.annotation(index)

    def __getitem__(self, index: int) -> Sample:
        """The sample of the data set, its image a view of the memory."""
        if not 0 <= index < len(self):
            return self.dataset[index]
        if self._states[index] == _ABSENT:
            return self._kept(index, self.dataset[index])
        annotation = self.dataset.annotation(index)
        return Sample(
            name=annotation.name,
            image=self._view(index, self._states[index]),
            points=Points(annotation.points, canvas_size=annotation.size),
            roi=annotation.roi,
            lengths=annotation.lengths,
            group=annotation.group,
        )

    def _kept(self, index: int, sample: Sample) -> Sample:
        image = sample.image
        if image.dtype == self._dtype:
            state = _ROWS if image.permute(1, 2, 0).is_contiguous() else _PLANES
            self._view(index, state).copy_(image)
            self._states[index] = state  # last: another process may look meanwhile
        return sample

    def _view(self, index: int, state: int) -> Tensor:
        channels, height, width = self._shapes[index]
        everything = torch.frombuffer(self._content, dtype=torch.uint8)
        content = everything[self._starts[index] : self._starts[index + 1]].view(self._dtype)
        if state == _ROWS:
            return content.view(height, width, channels).permute(2, 0, 1)
        return content.view(channels, height, width)


def _require_room(needed: int, dataset: Dataset) -> None:
    """Refuse what memory has no room for.

    Raises:
        NotEnoughMemoryError: It has none; says how much there is.
    """
    free = available_memory()
    rooms = [] if free is None else [int(SHARE * free)]
    # What processes share is a file for the system, in memory or, where that is small, on disk.
    folders = [folder for folder in ("/dev/shm", gettempdir()) if Path(folder).is_dir()]
    rooms.append(max(shutil.disk_usage(folder).free for folder in folders))
    if needed > min(rooms):
        raise NotEnoughMemoryError(
            f"{dataset.label}: its {len(dataset)} {dataset.split} images take {mebibytes(needed)} "
            f"of memory once decoded, and there is room for {mebibytes(min(rooms))}",
            hint="leave dataset.cache out: images are then read from their files each time",
        )
