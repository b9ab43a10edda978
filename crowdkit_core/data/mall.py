"""Mall, as downloaded."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.image_files import (
    Entry,
    ImageFiles,
    dataset_folder,
    images_by_stem,
    require_size,
)
from crowdkit_core.data.matlab_files import Variables, find_points, load_mat, read_mat_mask
from crowdkit_core.data.splits import divide_video, require_images
from crowdkit_core.interfaces import Size, Split

_TRAINING_FRAMES = range(1, 801)


class Mall(ImageFiles):
    """Mall (Chen et al., BMVC 2012): 2000 frames of one camera, 480 x 640 pixels.

    Reads ``frames/seq_000001.jpg``, ``mall_gt.mat`` and, for the region, ``perspective_roi.mat``.
    Frames 1 to 800 are for training, 801 to 2000 for testing. Neighbouring frames are alike, so
    the validation frames are the last ``validation_last`` of the training frames: 721 to 800.

    Args:
        root: The folder of ``frames``, or the one above ``mall_dataset``.
        split: Which frames.
        validation_last: How many frames at the end of the training frames are held out.
        roi: Count only inside the makers' region instead of in the whole frame.

    Raises:
        DataError: The frames are not there or the split is empty.
    """

    def __init__(
        self,
        *,
        root: Path,
        split: Split = "train",
        validation_last: int = 80,
        roi: bool = False,
    ) -> None:
        folder = dataset_folder(root, ["mall_dataset"], ["frames"])
        frames = _entries(folder)
        numbers = [_number(entry.image) for entry in frames]
        splits = divide_video(frames, numbers, _TRAINING_FRAMES, validation_last=validation_last)
        hint = (
            "set `validation_last` to hold out training frames"
            if split == "validation"
            else "expected frames/seq_000001.jpg to frames/seq_002000.jpg"
        )
        super().__init__(require_images(splits, split, folder, hint), split)
        self._region = folder / "perspective_roi.mat" if roi else None
        self._roi: Tensor | None = None
        self._truth: Variables | None = None

    def _read_points(self, entry: Entry, size: Size) -> NDArray[np.float64]:  # noqa: ARG002
        if self._truth is None:
            self._truth = load_mat(entry.truth)
        number = _number(entry.image)
        return find_points(
            entry.truth,
            self._truth,
            lambda variables: variables["frame"][number - 1]["loc"],
            f"frame{{{number}}}.loc",
        )

    def _read_roi(self, entry: Entry, size: Size) -> Tensor | None:
        if self._region is None:
            return None
        if self._roi is None:
            self._roi = read_mat_mask(self._region, lambda found: found["roi"]["mask"], "roi.mask")
        return require_size(self._roi, size, self._region, entry)


def _entries(folder: Path) -> list[Entry]:
    images = [
        path
        for stem, path in images_by_stem(folder / "frames").items()
        if stem.startswith("seq_") and stem.removeprefix("seq_").isdecimal()
    ]
    return [
        Entry(f"frames/{image.name}", image, folder / "mall_gt.mat")
        for image in sorted(images, key=_number)
    ]


def _number(image: Path) -> int:
    return int(image.stem.removeprefix("seq_"))
