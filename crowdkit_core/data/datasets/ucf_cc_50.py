"""Read UCF_CC_50 as downloaded, in five folds."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Literal

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, pair_files
from crowdkit_core.data.datasets.splits import divide, require_images
from crowdkit_core.data.files import require_folder
from crowdkit_core.data.files.matlab import read_mat
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Split

_FOLDS = 5

# Each has one published point far outside; the published counts include it.
_STRAY_POINT = frozenset({"6", "20"})


class UCFCC50(ImageFiles):
    """UCF_CC_50 (Idrees et al., CVPR 2013): 50 grey images, evaluated by five-fold validation.

    Reads ``n.jpg`` and ``n_ann.mat``. The images in natural order (1, 2, ..., 50) are cut into
    five consecutive parts: fold 0 tests on images 1 to 10, fold 4 on 41 to 50. The papers do not
    agree on folds, and most do not publish theirs: compare means over all five only. Validation
    images are held out of the 40 others, every ``validation_every``-th in natural order.

    Images 6 and 20 have one published point outside the frame, by 359 and 38 pixels. It is moved
    onto the border, so that counts are the published ones.

    Args:
        root: The folder of the images, or the one above ``UCF_CC_50``.
        fold: Which fold is tested on.
        split: Which images.
        validation_every: Every how many training images one is held out; 0 for none.

    Raises:
        DataError: The files are not there or the split is empty.
    """

    def __init__(
        self,
        *,
        root: Path,
        fold: Literal[0, 1, 2, 3, 4] = 0,
        split: Split = "train",
        validation_every: int = 10,
    ) -> None:
        folder = require_folder(root)
        folder = folder / "UCF_CC_50" if (folder / "UCF_CC_50").is_dir() else folder
        entries = _entries(folder)
        tested = range(fold * len(entries) // _FOLDS, (fold + 1) * len(entries) // _FOLDS)
        splits = divide(
            entries,
            ["test" if i in tested else "train" for i in range(len(entries))],
            validation_every=validation_every,
        )
        hint = "set `validation_every` to hold out training images"
        super().__init__(require_images(splits, split, folder, hint), split)

    def _read(self, entry: Entry) -> MarkedImage:
        points = read_mat(entry.truth, lambda variables: variables["annPoints"], "annPoints")
        return MarkedImage.of_points(entry.name, points)


def _entries(folder: Path) -> list[Entry]:
    entries = pair_files(
        folder,
        {path.stem: path for path in folder.glob("*.jpg") if path.stem.isdecimal()},
        {path.stem.removesuffix("_ann"): path for path in folder.glob("*_ann.mat")},
        image="{}.jpg",
        truth="{}_ann.mat",
    )
    if not entries:
        raise DataError(
            f"{folder}: no images of UCF_CC_50, expected 1.jpg and 1_ann.mat up to 50.jpg"
        )
    return [
        replace(entry, overhang=math.inf) if entry.image.stem in _STRAY_POINT else entry
        for entry in entries
    ]
