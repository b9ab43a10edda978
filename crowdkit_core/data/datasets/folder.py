"""The data set of a user's own images and points."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from torch import Tensor

from crowdkit_core.data.annotations import (
    BoxPoint,
    Columns,
    FormatName,
    MarkedImage,
    Planes,
    Reading,
)
from crowdkit_core.data.annotations.folders import FoundImage, find_annotated
from crowdkit_core.data.annotations.reading import only_labels, with_labels
from crowdkit_core.data.datasets.base import (
    Entry,
    ImageFiles,
    RangeChoice,
    one_of_many,
    require_size,
)
from crowdkit_core.data.datasets.framing import require_pixels
from crowdkit_core.data.datasets.splits import divide, require_images, set_a_rule, split_in_path
from crowdkit_core.data.files import IMAGE_SUFFIXES, natural_key, read_mask, require_folder
from crowdkit_core.data.files.matlab import MATLAB_OFFSET
from crowdkit_core.data.transforms import LongSide, Resizing
from crowdkit_core.errors import MissingFileError
from crowdkit_core.interfaces import Size, Split


class Folder(ImageFiles):
    """A folder of images with their points.

    Points are read from the first of these that is there:

    - ``annotations``, a file of all points, or a folder of one file per image, such as CSV, txt,
      LabelMe, VOC, YOLO or those of ImageJ (``night/a.jpg`` -> ``night/a.csv``);
    - ``annotations.csv``, ``annotations.json`` or ``annotations.xml`` in ``root``;
    - such a file beside each image, with the image's name or as its tool calls it after that
      (``CellCounter_a.xml``), or in ``labels`` or ``annotations`` where the image is in
      ``images``;
    - the one file in ``root``, or in ``annotations`` in it, that is an annotation tool's export by
      what it holds, whatever it is called.

    CSV: a header and a row per point (``image,x,y``); a row with x and y empty is an image
    without people. JSON: ``{"a.jpg": [[x, y], ...]}`` or a list of records. The files of COCO,
    CVAT, Label Studio and the VGG Image Annotator, of ImageJ, QuPath and other programs of
    microscopy, and the NWPU benchmark's text, are recognised by what they hold. A file per image
    holds ``x,y`` or ``x y`` per line and may be empty. Images are named by their path below
    ``root``; its folders and its ending may be left out where no two images are meant then. An
    image that nothing says anything of is an error unless ``unannotated`` says otherwise.

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
        pixel_size: Side of a pixel in the unit of the points, such as µm, where a microscope's
            software writes lengths; 1 says that they are pixels.
        planes: Whether points on several planes of a stack (z or time) are refused, or those of
            ``all`` are the image's, as of a projection.
        split: Which images.
        validation_every: Every how many training images one, in natural order of names, is held
            out for validation (the 10th, 20th, ... for 10); 0 for none.
        test_every: Every how many images one is a test image; 0 for none.
        test_last: How many images at the end of the natural order are test images.
        one_based: Points count pixels from 1, as MATLAB does, and are read as x - 0.5.
        unannotated: What an image is that the annotations do not mention.
        roi: Folder of masks with the images' names, not black where people count; an image
            without a mask counts everywhere.
        value_range: Values of files of more than 8 bits, as microscopes write them, that become
            black and white, in every image alike. By ``percentile``, the training images decide
            it together: their percentiles 0.1 and 99.9.
        channel: Which channel of files of several: its number from 0, or the name that OME
            metadata gives it.
        project: Make the planes of a stack one image: ``max`` or ``mean``, over z, or over time
            as ``max:t``.
        long_side: Least and greatest length in pixels of the longer side, equal for exactly that
            length: an image beyond them is given resized to the nearer one, with points, lengths
            and maps in the resized image's pixels. None for images as they are.

    Raises:
        OptionsError: Impossible bounds.
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
        columns: Columns = Columns(),  # frozen
        pixel_size: float | None = None,
        planes: Planes = "one",
        split: Split = "train",
        validation_every: int = 10,
        test_every: int = 0,
        test_last: int = 0,
        one_based: bool = False,
        unannotated: Literal["error", "empty", "skip"] = "error",
        roi: Path | None = None,
        value_range: RangeChoice = "percentile",
        channel: int | str | None = None,
        project: str | None = None,
        long_side: LongSide | None = None,
    ) -> None:
        resizing = Resizing(long_side=long_side)
        folder = require_folder(root)
        self._labels = labels
        self._offset = MATLAB_OFFSET if one_based else 0.0
        self._unannotated = unannotated
        self._masks = None if roi is None else require_folder(folder / roi)
        reading = Reading(
            folder=folder, point=point, columns=columns, pixel_size=pixel_size, planes=planes
        )
        found_images = find_annotated(
            folder, annotations, format=format, reading=reading, masks=self._masks
        )
        self._found = {
            found.image.relative_to(folder).as_posix(): found
            for found in found_images
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
        chosen = require_images(splits, split, folder, set_a_rule(split, len(names)))
        super().__init__(
            self._entries(chosen),
            split,
            resizing,
            boxes_are_heads=point == "centre",
            selection=one_of_many(channel, project),
            value_range=value_range,
            deciding=self._entries(splits["train"]),
        )

    def _entries(self, names: Sequence[str]) -> list[Entry]:
        return [Entry(name, self._found[name].image, self._found[name].truth) for name in names]

    def _read(self, entry: Entry) -> MarkedImage:
        read = self._found[entry.name].read
        if read is not None:
            marked = read()
            require_pixels(marked.points, f"{entry.truth} ({entry.name})")
            marked = with_labels(marked, self._labels) if self._labels else marked
            if not self._offset:
                return marked
            return replace(marked, marks=tuple(m.moved(-self._offset) for m in marked.marks))
        if self._unannotated == "empty":
            return MarkedImage(name=entry.name, marks=())
        raise MissingFileError(
            f"{entry.truth}: no points of image {entry.name}",
            hint="list it with x and y left empty, or set `unannotated` to empty or skip",
        )

    def _region(self, entry: Entry, size: Size) -> Tensor | None:
        if self._masks is None:
            return None
        named = (self._masks / entry.name).with_suffix
        masks = [mask for suffix in sorted(IMAGE_SUFFIXES) if (mask := named(suffix)).is_file()]
        if not masks:
            return None
        return require_size(read_mask(masks[0]), size, masks[0], entry)


def _named_split(name: str, found: FoundImage) -> str | None:
    return found.split.casefold() or split_in_path(name)
