"""The data set of images with a dot image each, the usual form of annotated cells."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.datasets.base import (
    Entry,
    ImageFiles,
    RangeChoice,
    one_of_many,
    pair_files,
)
from crowdkit_core.data.datasets.splits import divide, require_images, set_a_rule, split_in_path
from crowdkit_core.data.files import images_below, read_dots, require_folder
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Split

_TOUCHING = np.ones((3, 3), dtype=np.bool_)


class Dots(ImageFiles):
    """A folder of images, each beside a dot image of its size: black but for the annotations.

    An image and its dot image have one name but for the words ``cell`` and ``dots``:
    ``001cell.png`` and ``001dots.png`` (VGG cells, Lempitsky and Zisserman, NIPS 2010),
    ``a_003.png`` and ``a_dots_003.png`` (MBM, Cohen et al., ICCVW 2017), ``a.jpg`` and
    ``a_dots.png``. Subfolders are searched; folders ``train``, ``validation`` (or ``val``) and
    ``test`` name splits, and without them the options say which images are test images. The
    protocol of VGG cells is ``test_last=100``.

    Args:
        root: The folder.
        mark: ``pixel``: every pixel that is not black is one object, at its centre, also where
            two touch. ``blob``: touching pixels (also by a corner) are one, at their mean.
        split: Which images.
        validation_every: Every how many training images one, in natural order of names, is held
            out for validation (the 10th, 20th, ... for 10); 0 for none.
        test_every: Every how many images one is a test image; 0 for none.
        test_last: How many images at the end of the natural order are test images.
        value_range: Values of files of more than 8 bits, as microscopes write them, that become
            black and white, in every image alike. By ``percentile``, the training images decide
            it together: their percentiles 0.1 and 99.9.
        channel: Which channel of files of several: its number from 0, or the name that OME
            metadata gives it.
        project: Make the planes of a stack one image: ``max`` or ``mean``, over z, or over time
            as ``max:t``.

    Raises:
        DataError: Nothing to read, two images for one dot image, a dot image of a format that
            smears pixels, or an empty split.
    """

    def __init__(
        self,
        *,
        root: Path,
        mark: Literal["pixel", "blob"] = "pixel",
        split: Split = "train",
        validation_every: int = 10,
        test_every: int = 0,
        test_last: int = 0,
        value_range: RangeChoice = "percentile",
        channel: int | str | None = None,
        project: str | None = None,
    ) -> None:
        folder = require_folder(root)
        self._mark = mark
        entries = _entries(folder)
        splits = divide(
            entries,
            [split_in_path(entry.name) for entry in entries],
            validation_every=validation_every,
            test_every=test_every,
            test_last=test_last,
        )
        chosen = require_images(splits, split, folder, set_a_rule(split, len(entries)))
        super().__init__(
            chosen,
            split,
            selection=one_of_many(channel, project),
            value_range=value_range,
            deciding=splits["train"],
        )

    def _read(self, entry: Entry) -> MarkedImage:
        marked = read_dots(entry.truth).numpy()
        points = self._objects(marked, entry.truth)
        height, width = marked.shape
        return replace(MarkedImage.of_points(entry.name, points), size=(height, width))

    def _objects(self, marked: NDArray[np.bool_], source: Path) -> NDArray[np.float64]:
        """(N, 2) points."""
        labels, blobs = ndimage.label(marked, _TOUCHING)
        if self._mark == "blob":
            centres = ndimage.center_of_mass(marked, labels, range(1, blobs + 1))
            rows_columns = np.array(centres, dtype=np.float64).reshape(-1, 2)
        else:
            rows_columns = np.argwhere(marked).astype(np.float64)
            # Objects one pixel apart touch now and then, never most of them.
            if len(rows_columns) > 2 * blobs:
                raise DataError(
                    f"{source}: {len(rows_columns)} marked pixels in only {blobs} blobs, "
                    "expected one pixel per object",
                    hint="set `mark` to blob if each blob is one object",
                )
        points: NDArray[np.float64] = rows_columns[:, ::-1] + 0.5
        return points


def _entries(folder: Path) -> list[Entry]:
    images: dict[str, Path] = {}
    dots: dict[str, Path] = {}
    for path in images_below(folder):
        kind = dots if "dots" in path.stem.lower() else images
        shared = re.sub("_?(dots|cell)", "", path.stem.lower())
        key = path.relative_to(folder).with_name(shared).as_posix()
        if key in kind:
            raise DataError(f"{folder}: {kind[key].name} and {path.name} claim the same annotation")
        kind[key] = path
    if not dots:
        raise DataError(f"{folder}: no dot images, expected names like 001dots.png, a_dots_001.png")
    return pair_files(folder, images, dots, image="{}.png", truth="{}_dots.png")
