"""Your own images and points: a table of all points, or one list beside each image."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.annotations import Box, BoxPoint, FormatName, Mark, MarkedImage
from crowdkit_core.data.annotations.files import only_labels, with_labels
from crowdkit_core.data.folder_layout import FoundImage, Reading, find_annotated, with_suffixes
from crowdkit_core.data.image_files import Entry, ImageFiles, require_folder, require_size
from crowdkit_core.data.images import IMAGE_SUFFIXES, read_mask
from crowdkit_core.data.matlab_files import MATLAB_OFFSET
from crowdkit_core.data.points_files import Columns
from crowdkit_core.data.problems import MissingFileError
from crowdkit_core.data.splits import (
    SET_A_RULE,
    divide,
    natural_key,
    require_images,
    split_in_path,
)
from crowdkit_core.interfaces import Lengths, Size, Split


class Folder(ImageFiles):
    """A folder of images with their points.

    Points are read from the first of these that is there:

    - ``annotations``, a file of all points, or a folder of one CSV, txt, LabelMe or YOLO file per
      image (``night/a.jpg`` -> ``night/a.csv``);
    - ``annotations.csv``, ``annotations.json`` or ``annotations.xml`` in ``root``;
    - a CSV, txt, LabelMe or YOLO file beside each image, with the image's name.

    CSV: a header and a row per point (``image,x,y``); a row with x and y empty is an image
    without people. JSON: ``{"a.jpg": [[x, y], ...]}`` or a list of records. The files of COCO,
    CVAT, Label Studio and the VGG Image Annotator, and the NWPU benchmark's text, are recognised
    by what they hold. A file per image holds ``x,y`` or ``x y`` per line and may be empty. Images
    are named by their path below ``root``; its folders and its ending may be left out where no two
    images are meant then. An image that nothing says anything of is an error unless
    ``unannotated`` says otherwise.

    Where every head of an image has a box round it, its width and height are the ``lengths``
    ``head_width`` and ``head_height``.

    Splits: the column ``split``, or folders ``train``, ``validation`` (or ``val``) and ``test`` in
    ``root``, each of which may have its own ``annotations.csv``. Without either, the options say
    which are test images. Validation images are held out of the training images unless some are
    named.

    Args:
        root: The folder of the images; subfolders are searched.
        annotations: File or folder of the points, absolute or below ``root``.
        format: The annotations' format; recognised when None.
        point: Which point of a box is the head, where only a box is marked: its ``centre`` (boxes
            of heads) or the middle of its ``top`` edge (boxes of people).
        labels: Only people labelled so; all when empty.
        columns: Names of the columns or JSON keys of crowdkit's own tables.
        split: Which images.
        validation_every: Every how many training images one, in natural order of names, is held
            out for validation (the 10th, 20th, ... for 10); 0 for none.
        test_every: Every how many images one is a test image; 0 for none.
        test_last: How many images at the end of the natural order are test images.
        one_based: Points count pixels from 1, as MATLAB does, and are read as x - 0.5.
        unannotated: What an image is that the annotations do not mention.
        roi: Folder of masks with the images' names, not black where people count; an image
            without a mask counts everywhere.

    Raises:
        DataError: Nothing to read, a malformed table, a label that nothing has, or an empty split.
    """

    def __init__(
        self,
        *,
        root: Path,
        annotations: Path | None = None,
        format: FormatName | None = None,
        point: BoxPoint = "centre",
        labels: tuple[str, ...] = (),
        columns: Columns = Columns(),  # noqa: B008  # frozen
        split: Split = "train",
        validation_every: int = 10,
        test_every: int = 0,
        test_last: int = 0,
        one_based: bool = False,
        unannotated: Literal["error", "empty", "skip"] = "error",
        roi: Path | None = None,
    ) -> None:
        folder = require_folder(root)
        self._point: BoxPoint = point
        self._labels = labels
        self._offset = MATLAB_OFFSET if one_based else 0.0
        self._unannotated = unannotated
        self._masks = None if roi is None else require_folder(folder / roi)
        reading = Reading(columns=columns, format=format, point=point, labels=labels)
        self._found = {
            found.image.relative_to(folder).as_posix(): found
            for found in find_annotated(folder, annotations, reading, self._masks)
            if found.read is not None or unannotated != "skip"
        }
        if labels:
            # Marks are read image by image: a misspelt label would leave every image empty.
            lists = [found.read() for found in self._found.values() if found.read is not None]
            only_labels(lists, labels, annotations or folder)
        names = sorted(self._found, key=natural_key)
        splits = divide(
            names,
            [_named_split(name, self._found[name]) for name in names],
            validation_every=validation_every,
            test_every=test_every,
            test_last=test_last,
        )
        chosen = require_images(splits, split, folder, SET_A_RULE)
        super().__init__(
            [Entry(name, self._found[name].image, self._found[name].truth) for name in chosen],
            split,
        )

    def marked(self, index: int) -> MarkedImage:
        """What the annotations say of image ``index``, with labels, scores and boxes.

        Raises:
            DataError: As `annotation`.
        """
        image = self._marked(self.entries[index])
        return replace(image, marks=tuple(_moved(mark, -self._offset) for mark in image.marks))

    def _read_points(self, entry: Entry, size: Size) -> NDArray[np.float64]:  # noqa: ARG002
        marks = self._marked(entry).marks
        points = np.array([(mark.x, mark.y) for mark in marks], dtype=np.float64)
        return points.reshape(-1, 2) - self._offset

    def _read_lengths(self, entry: Entry) -> Lengths:
        marks = self._marked(entry).marks
        boxes = [mark.box for mark in marks if mark.box is not None]
        if self._point != "centre" or not boxes or len(boxes) < len(marks):
            return {}
        return {
            "head_width": torch.tensor([box.width for box in boxes]),
            "head_height": torch.tensor([box.height for box in boxes]),
        }

    def _marked(self, entry: Entry) -> MarkedImage:
        read = self._found[entry.name].read
        if read is not None:
            marked = read()
            return with_labels(marked, self._labels) if self._labels else marked
        if self._unannotated == "empty":
            return MarkedImage(name=entry.name, marks=())
        raise MissingFileError(
            f"{entry.truth}: no points of image {entry.name}",
            hint="list it with x and y left empty, or set `unannotated` to empty or skip",
        )

    def _read_roi(self, entry: Entry, size: Size) -> Tensor | None:
        if self._masks is None:
            return None
        masks = with_suffixes(self._masks / entry.name, sorted(IMAGE_SUFFIXES))
        if not masks:
            return None
        return require_size(read_mask(masks[0]), size, masks[0], entry)


def _named_split(name: str, found: FoundImage) -> str | None:
    return found.split or split_in_path(name)


def _moved(mark: Mark, pixels: float) -> Mark:
    """To the right and down, with its box."""
    box = mark.box and Box(*(side + pixels for side in mark.box))
    return replace(mark, x=mark.x + pixels, y=mark.y + pixels, box=box)
