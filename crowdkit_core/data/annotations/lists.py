"""Plain text: a file for each image with ``x y`` on each line, empty for nobody.

A header may name further columns, as those of crowdkit's own tables. Coordinates are pixels from
the image's top left corner.
"""

from collections.abc import Sequence
from pathlib import Path

from crowdkit_core.data.annotations import yolo
from crowdkit_core.data.annotations.marks import BoxPoint, MarkedImage
from crowdkit_core.data.annotations.tables import marked
from crowdkit_core.data.points_files import Columns, read_point_list
from crowdkit_core.data.splits import natural_key
from crowdkit_core.errors import DataError


def read(path: Path, point: BoxPoint) -> list[MarkedImage]:  # noqa: ARG001  # there are no boxes
    """All text files of a folder and its subfolders, or one file; images lose their ending.

    Raises:
        DataError: There is none, or one is something else.
    """
    if not path.is_dir():
        return [read_one(path, folder=path.parent)]
    files = sorted(path.rglob("*.txt"), key=lambda file: natural_key(file.as_posix()))
    if not files:
        raise DataError(f"{path}: no .txt files")
    return [read_one(file, folder=path) for file in files]


def read_one(path: Path, *, folder: Path, columns: Columns = Columns()) -> MarkedImage:  # noqa: B008  # frozen
    """The list of one image, named by the file's place below ``folder``.

    Raises:
        DataError: The file is something else.
    """
    if yolo.fits(path):
        raise DataError(
            f"{path}: looks like YOLO labels (class and a box in shares of the image), which are "
            "not points",
            hint="read them as format `yolo`",
        )
    name = path.relative_to(folder).with_suffix("").as_posix()
    return marked(name, read_point_list(path, columns), path, columns)


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """The list of one image."""
    (image,) = images
    lines = (f"{mark.x!r} {mark.y!r}\n" for mark in image.marks)
    path.write_text("".join(lines), encoding="utf-8")
