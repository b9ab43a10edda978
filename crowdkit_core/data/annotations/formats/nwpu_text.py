"""The text format of the NWPU localization benchmark: a line per image, ``id n x y x y ...``.

The benchmark's own program reads whole pixels, so points are rounded; they are taken as they
stand, from the image's top left corner. Its ground truth has five numbers per head: the point,
the two matching radii and the level of the head's size.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.marks import Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile, is_number
from crowdkit_core.errors import DataError

_TRUTH_NUMBERS = 5


def fits(file: TextFile) -> bool:
    """Whether most lines are of this format, so that a bad one is an error of that line.

    Raises:
        DataError: All lines may as well be points of one image.
    """
    of_format = sum(map(_looks_like_nwpu, file.lines))
    if 2 * of_format <= len(file.lines):
        return False
    if any(_looks_like_nwpu(line) and not _may_be_point(line) for line in file.lines):
        return True
    if of_format < len(file.lines):
        return False
    raise DataError(
        f"{file}: lines such as {file.lines[0]!r} are points or images without people",
        hint="say which format it is in: `txt` or `nwpu-text`",
    )


def read(file: TextFile, reading: Reading) -> list[Listed]:  # noqa: ARG001  # there are no boxes
    """Points of a line per image; of the ground truth, points alone.

    Raises:
        DataError: A line is something else.
    """
    lines = enumerate(file.text.split("\n"), 1)
    return listed(_read_line(file, number, line.split()) for number, line in lines if line.strip())


def write(path: Path, images: Sequence[MarkedImage]) -> None:
    """A line per image, whose id is its file name without folders and ending.

    Raises:
        DataError: An id has a space.
    """
    lines = []
    for image in images:
        name = image_id(image.name)
        if len(name.split()) != 1:
            raise DataError(f"{image.name!r}: an id of this format has no spaces")
        numbers = (f"{round(mark.x)} {round(mark.y)}" for mark in image.marks)
        lines.append(" ".join([name, str(len(image.marks)), *numbers]))
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def image_id(name: str) -> str:
    """How the format names an image.

    Example:
        >>> image_id("images/3110.jpg")
        '3110'
    """
    return without_ending(PurePosixPath(name).name)


def line_fits(line: str) -> bool:
    """Whether a line reads ``id n x y ...``, or so with five numbers per head.

    Example:
        >>> line_fits("3110 2 10 20 30 40"), line_fits("10 20"), line_fits("3111 0")
        (True, False, True)
    """
    cells = line.split()
    return len(cells) >= 2 and cells[1].isdecimal() and _width(cells) is not None


def _looks_like_nwpu(line: str) -> bool:
    """Whether a line fits, or at least begins with a name and a number."""
    name, *numbers = line.split()
    if is_number(name.rstrip(",;")):  # and not a point as `12, 30`
        return line_fits(line)
    return (bool(numbers) and is_number(numbers[0])) or line_fits(line)


def _may_be_point(line: str) -> bool:
    cells = line.split()
    return len(cells) == 2 and all(map(is_number, cells))


def _width(cells: Sequence[str]) -> int | None:
    """Numbers per head; None if their number fits neither."""
    people, numbers = int(cells[1]), len(cells) - 2
    return next((each for each in (2, _TRUTH_NUMBERS) if numbers == each * people), None)


def _read_line(file: TextFile, number: int, cells: Sequence[str]) -> MarkedImage:
    place = f"line {number}"
    if len(cells) < 2 or not cells[1].isdecimal():
        raise DataError(f"{file}: {place}: expected 'id n x y x y ...'")
    width = _width(cells)
    if width is None:
        raise DataError(
            f"{file}: {place}: {cells[1]} points announced, followed by {len(cells) - 2} numbers"
        )
    marks = []
    for head in range(int(cells[1])):
        x, y = cells[2 + width * head : 4 + width * head]
        record = Record(file, f"{place}, point {head + 1}", {"x": x, "y": y})
        marks.append(Mark(record.number("x"), record.number("y")))
    radii = Counter({"matching radii": len(marks)} if width == _TRUTH_NUMBERS and marks else {})
    return MarkedImage(name=cells[0], marks=tuple(marks), left_out=radii)


FORMAT = Format(
    title="NWPU localization benchmark, lines of id n x y ...",
    origin="It is what the benchmark's server takes, and the form of its ground truth.",
    suffixes=(".txt",),
    fits=fits,
    read=read,
    write=write,
    key=image_id,
    precision=0.5,
)
