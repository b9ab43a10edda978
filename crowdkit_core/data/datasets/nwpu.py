"""Read NWPU-Crowd as downloaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crowdkit_core.data.annotations import Box, Mark, MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, dataset_folder
from crowdkit_core.data.datasets.splits import require_images
from crowdkit_core.data.files import TextFile, images_by_stem
from crowdkit_core.data.files.matlab import load_mat
from crowdkit_core.data.transforms import LongSide, Resizing
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Split

_LINE = ("id", "luminance", "level")
_ID = ("id",)


class NWPU(ImageFiles):
    """NWPU-Crowd (Wang et al., TPAMI 2021): 3109 training, 500 validation and 1500 test images.

    Reads ``train.txt`` and ``val.txt`` (lines ``0001 1 2``: image, luminance, level of
    crowdedness), ``images/0001.jpg`` or ``images_part1/0001.jpg``, and ``jsons/0001.json`` or,
    without that folder, ``mats/0001.mat``. Both hold the same points, which are read as they
    stand, with the origin in the corner. Images without people are part of the data.

    The makers name the validation images and hold back the annotations of the test images, so
    there is no split ``test``, and ``all`` is training and validation.

    An annotation's ``group`` is its luminance, by which the benchmark reports too; lists of ids
    alone, as lists of one's own may be, have no groups. The width and height of each head's box,
    where the download has boxes, are the ``lengths`` ``head_width`` and ``head_height``; half the
    shorter of the two and half the diagonal are the benchmark's matching radii.

    Args:
        root: The folder of ``train.txt``.
        split: ``train``, ``validation`` or ``all``; ``test``, which nobody can read, is refused.
        long_side: Least and greatest length in pixels of the longer side, equal for exactly that
            length: an image of any split beyond them is given resized to the nearer one, so that
            training and evaluation see one scale. Points, lengths and maps, also those that
            evaluation reads or writes, are then in the resized image's pixels. None for images as
            they are.

    Raises:
        OptionsError: Impossible bounds.
        DataError: The lists are not there, or split ``test`` is asked for.
    """

    def __init__(
        self, *, root: Path, split: Split = "train", long_side: LongSide | None = None
    ) -> None:
        resizing = Resizing(long_side=long_side)
        folder = dataset_folder(root, ["NWPU-Crowd", "NWPU"], ["train.txt"])
        if split == "test":
            raise DataError(
                f"{folder}: the makers of NWPU-Crowd hold back the annotations of test images",
                hint="evaluate on split 'validation', or count the test images: crowdkit count",
            )
        images = _images(folder)
        train, validation = (_entries(folder, name, images) for name in ("train", "val"))
        splits: dict[Split, list[Entry]] = {
            "train": train,
            "validation": validation,
            "all": [*train, *validation],
        }
        hint = "expected lines like '0001 1 2' in train.txt and val.txt"
        super().__init__(require_images(splits, split, folder, hint), split, resizing)

    def _read(self, entry: Entry) -> MarkedImage:
        points, corners = _read_heads(entry.truth)
        if corners is None:
            return MarkedImage.of_points(entry.name, points)
        heads = zip(points.tolist(), corners.tolist(), strict=True)
        return MarkedImage(
            name=entry.name,
            marks=tuple(
                Mark(x, y, box=Box.around([(left, top), (right, bottom)]))
                for (x, y), (left, top, right, bottom) in heads
            ),
        )


def _images(folder: Path) -> dict[str, Path]:
    parts = [folder / "images", *sorted(folder.glob("images_part*"))]
    return {stem: path for part in parts for stem, path in images_by_stem(part).items()}


def _entries(folder: Path, name: str, images: Mapping[str, Path]) -> list[Entry]:
    path = folder / f"{name}.txt"
    kind = "json" if (folder / "jsons").is_dir() else "mat"
    rows = TextFile(path).rows
    expected = _ID if rows and all(len(row) == len(_ID) for _, row in rows) else _LINE
    entries = []
    for place, row in rows:
        if len(row) != len(expected):
            raise DataError(f"{path}: {place}: {' '.join(row)!r}, expected {', '.join(expected)}")
        stem, group = row[0], "" if expected is _ID else f"luminance {row[1]}"
        image = images.get(stem, folder / "images" / f"{stem}.jpg")
        truth = folder / f"{kind}s" / f"{stem}.{kind}"
        entries.append(Entry(f"images/{stem}.jpg", image, truth, group))
    return entries


def _read_heads(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """(N, 2) points and (N, 4) boxes (left, top, right, bottom), or no boxes."""
    if path.suffix == ".json":
        record = _json_record(path)
        points, boxes, people = (record.get(key) for key in ("points", "boxes", "human_num"))
    else:
        variables = load_mat(path)
        points, boxes, people = variables.get("annPoints"), variables.get("annBoxes"), None
    xy = _numbers(path, "points", points, 2)
    if people is not None and people != len(xy):
        raise DataError(f"{path}: {len(xy)} points, but human_num says {people}")
    if boxes is None:
        return xy, None
    corners = _numbers(path, "boxes", boxes, 4)
    if len(corners) != len(xy):
        raise DataError(f"{path}: {len(xy)} points, but {len(corners)} boxes")
    return xy, corners


def _json_record(path: Path) -> Mapping[str, Any]:
    record = TextFile(path).json
    if not isinstance(record, dict):
        raise DataError(f"{path}: expected an object with 'points', found {type(record).__name__}")
    return record


def _numbers(path: Path, what: str, rows: Any, width: int) -> NDArray[np.float64]:
    """(N, width) numbers; an array without elements, whatever its shape, has no rows."""
    if rows is None:
        raise DataError(f"{path}: no {what}")
    try:
        numbers = np.asarray(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {what} are not numbers: {error}") from error
    if numbers.size == 0:
        return np.zeros((0, width))
    if numbers.ndim != 2 or numbers.shape[1] != width:
        raise DataError(f"{path}: {what} have shape {numbers.shape}, expected N x {width}")
    return numbers
