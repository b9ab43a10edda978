"""VisDrone: a text file of boxes for each image, eight numbers on each line.

They are the box's left, top, width and height in pixels, a score, the category, and how far the
object is cut off and hidden. In the ground truth a score of 0 marks what is not evaluated; in
results, whose last two numbers are -1, it is the confidence.
"""

from collections import Counter
from collections.abc import Sequence

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile, is_number
from crowdkit_core.errors import DataError

CATEGORIES = (
    "ignored regions",
    "pedestrian",
    "people",
    "bicycle",
    "car",
    "van",
    "truck",
    "tricycle",
    "awning-tricycle",
    "bus",
    "motor",
    "others",
)
_COLUMNS = ("left", "top", "width", "height", "score", "category", "truncation", "occlusion")
_SAID_NOTHING = -1.0


def row_fits(row: Sequence[str]) -> bool:
    """Whether a line has eight numbers in the ranges of theirs."""
    if len(row) != len(_COLUMNS) or not all(map(is_number, row)):
        return False
    _, _, width, height, _, category, truncation, occlusion = map(float, row)
    flags = truncation in (-1, 0, 1) and occlusion in (-1, 0, 1, 2)
    return flags and category in range(len(CATEGORIES)) and width >= 0 and height >= 0


def fits(file: TextFile) -> bool:
    """Whether most lines are of this format, so that a bad one is an error of that line."""
    return 2 * sum(row_fits(_cells(row)) for _, row in file.data_rows) > len(file.data_rows)


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each box that is evaluated; ignored regions are left out.

    Raises:
        DataError: The file is something else.
    """
    marks: list[Mark] = []
    left_out: Counter[str] = Counter()
    for place, row in file.data_rows:
        cells = _cells(row)
        if not row_fits(cells):
            raise DataError(f"{file}: {place}: {' '.join(row)!r}, expected {' '.join(_COLUMNS)}")
        record = Record(file, place, dict(zip(_COLUMNS, cells, strict=True)))
        category = CATEGORIES[int(record.number("category"))]
        found = record.number("truncation") == record.number("occlusion") == _SAID_NOTHING
        if category == CATEGORIES[0] or (not found and record.number("score") == 0):
            left_out["ignored regions"] += 1
            continue
        left_out["truncation and occlusion"] += not found
        marks.append(_mark(record, category, reading.point, found=found))
    name = file.path.relative_to(reading.folder).with_suffix("").as_posix()
    return listed([MarkedImage(name=name, marks=tuple(marks), left_out=+left_out)])


def _cells(row: Sequence[str]) -> Sequence[str]:
    """Without the empty one after a comma at the end."""
    return row[:-1] if len(row) == len(_COLUMNS) + 1 and not row[-1] else row


def _mark(record: Record, category: str, point: BoxPoint, *, found: bool) -> Mark:
    box = record.box(record.rectangle(*(record.number(name) for name in _COLUMNS[:4])))
    score = record.number("score") if found else None
    return Mark.of_box(box, point, label=category, score=score)


FORMAT = Format(
    title="VisDrone, a text file of boxes per image",
    origin="The annotations of the VisDrone data sets of images, and of results on them.",
    suffixes=(".txt",),
    fits=fits,
    read=read,
    write=None,
    per_image=True,
    key=without_ending,
    carries=frozenset({"labels", "scores", "boxes"}),
)
