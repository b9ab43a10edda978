"""Read JHU-Crowd++ as downloaded."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from crowdkit_core.data.annotations import Box, Mark, MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, dataset_folder, pair_files
from crowdkit_core.data.datasets.splits import require_images
from crowdkit_core.data.files import TextFile, images_by_stem
from crowdkit_core.data.transforms import LongSide, Resizing
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Split

_COLUMNS = ("x", "y", "w", "h", "occlusion", "blur")
_LABELS = ("image", "count", "scene", "weather", "distractor")
_CLEAR = "0"


class JHU(ImageFiles):
    """JHU-Crowd++ (Sindagi et al., TPAMI 2020): 2272 training, 500 validation, 1600 test images.

    Reads ``{train,val,test}/images/0001.jpg`` and ``{train,val,test}/gt/0001.txt``, lines
    ``x y w h occlusion blur`` with the centre of a head, which is read as it stands, and its
    approximate size. An empty file is an image without people. The makers name all three splits.

    Width and height are the ``lengths`` ``head_width`` and ``head_height``. Occlusion and blur
    are not carried: no component uses them. An annotation's ``group`` is ``weather`` for images
    degraded by fog, rain or snow and ``clear`` for others, as ``image_labels.txt`` says; papers
    report the error under weather apart. Without that file there are no groups.

    Args:
        root: The folder of ``train``, ``val`` and ``test``, or the one above ``jhu_crowd_v2.0``.
        split: Which images.
        long_side: Least and greatest length in pixels of the longer side, equal for exactly that
            length: an image of any split beyond them is given resized to the nearer one, so that
            training and evaluation see one scale. Points, lengths and maps, also those that
            evaluation reads or writes, are then in the resized image's pixels. None for images as
            they are.

    Raises:
        OptionsError: Impossible bounds.
        DataError: The folders are not there, ``image_labels.txt`` is malformed, or the split is
            empty.
    """

    def __init__(
        self, *, root: Path, split: Split = "train", long_side: LongSide | None = None
    ) -> None:
        resizing = Resizing(long_side=long_side)
        folder = dataset_folder(root, ["jhu_crowd_v2.0"], ["train/images", "test/images"])
        train, validation, test = (_entries(folder, name) for name in ("train", "val", "test"))
        splits: dict[Split, list[Entry]] = {
            "train": train,
            "validation": validation,
            "test": test,
            "all": [*train, *validation, *test],
        }
        hint = "expected {train,val,test}/images/*.jpg and {train,val,test}/gt/*.txt"
        super().__init__(require_images(splits, split, folder, hint), split, resizing)

    def _read(self, entry: Entry) -> MarkedImage:
        marks = tuple(_marks(TextFile(entry.truth)))
        unused = Counter({"occlusion": len(marks), "blur": len(marks)})
        return MarkedImage(name=entry.name, marks=marks, left_out=unused)


def _entries(folder: Path, name: str) -> list[Entry]:
    base = folder / name
    groups = _groups(base / "image_labels.txt")
    entries = pair_files(
        folder,
        images_by_stem(base / "images"),
        {path.stem: path for path in (base / "gt").glob("*.txt")},
        image=f"{name}/images/{{}}.jpg",
        truth=f"{name}/gt/{{}}.txt",
    )
    return [replace(entry, group=groups.get(entry.image.stem, "")) for entry in entries]


def _groups(path: Path) -> Mapping[str, str]:
    if not path.is_file():
        return {}
    groups = {}
    for place, row in TextFile(path).rows:
        if len(row) != len(_LABELS):
            raise DataError(f"{path}: {place}: {row}, expected {', '.join(_LABELS)}")
        name, _, _, weather, _ = (cell.strip() for cell in row)
        groups[name.removesuffix(".jpg")] = "clear" if weather == _CLEAR else "weather"
    return groups


def _marks(file: TextFile) -> Iterator[Mark]:
    for place, row in file.rows:
        try:
            numbers = [float(cell) for cell in row]
        except ValueError as error:
            raise DataError(f"{file}: {place}: {error}") from error
        if len(numbers) != len(_COLUMNS):
            raise DataError(f"{file}: {place}: {' '.join(row)!r}, expected {' '.join(_COLUMNS)}")
        x, y, width, height, _, _ = numbers
        yield Mark(x, y, box=Box.centred(x, y, width, height))
