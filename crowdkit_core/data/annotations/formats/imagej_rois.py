"""ImageJ and Fiji: selections of an image (ROIs) in a `.roi` file, or several in a `.zip` file.

Points count pixels from 0 and are their middle where they are whole, so they are half a pixel more
here; areas are from the image's corner. Groups are labels, and so are counters of the
multi-point tool where there are several. The file does not say which image it is of: it is called
as the image is. Overlays inside a TIFF file are not read: *Image*, *Overlay*, *To ROI Manager*
makes selections of them. Reading needs `pip install 'crowdkit-core[imagej]'`.
"""

import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.planes import Plane, of_planes
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tool_tables import PIXEL_CENTRE, image_of
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.annotations.names import without_ending
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError, shown

if TYPE_CHECKING:
    from roifile import ImagejRoi

_MAGIC = b"Iout"
_GIVEN = re.compile(r"(\d{4,}-)?\d{4,}-\d{4,}(-\d+)?")
"""Names that ImageJ gives: the place, after the plane in a stack."""
_OF_PIXELS = frozenset({"POINT", "LINE", "POLYLINE", "FREELINE", "ANGLE"})
"""Selections whose whole numbers are the middles of pixels; those of areas are corners."""
_DRAWN = frozenset({"TEXT", "ARROW", "IMAGE"})
"""What selections can be that mark nothing."""
_LARGEST = 2**30
"""Bytes of all selections; a million points have 12 million."""


def fits(file: TextFile) -> bool:
    """Whether it is a selection, or an archive with one."""
    try:
        if zipfile.is_zipfile(file.path):
            with zipfile.ZipFile(file.path) as archive:
                return any(map(_is_roi, archive.namelist()))
        with file.path.open("rb") as content:
            return content.read(len(_MAGIC)) == _MAGIC
    except (OSError, zipfile.BadZipFile):
        return False


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each point; an area or a line stands for the box round it.

    Raises:
        DataError: The file is something else, a selection in it is damaged, points lie on several
            planes, or roifile is not installed.
    """
    marks: list[Mark] = []
    planes: list[Plane] = []
    left_out: Counter[str] = Counter()
    for name, content in _contents(file):
        roi = _decoded(file, name, content)
        if roi.subtype.name in _DRAWN:
            left_out["texts, arrows and images"] += 1
            continue
        of_roi = _marks(roi, Record(file, name, {}), reading.point)
        marks += of_roi
        planes += _planes(roi, len(of_roi))
        left_out["names of selections"] += bool(roi.name) and not _GIVEN.fullmatch(roi.name)
        left_out["outlines"] += not _is_points(roi) and roi.roitype.name != "RECT"
    left_out += of_planes(file, planes, reading.planes, first=1.0)
    name = image_of(file, reading, FORMAT.named)
    if len({mark.label for mark in marks if mark.label.isdecimal()}) == 1:  # but one counter
        marks = [mark._replace(label=mark.label.lstrip("0123456789")) for mark in marks]
    return listed([MarkedImage(name=name, marks=tuple(marks), left_out=+left_out)])


def _contents(file: TextFile) -> Iterator[tuple[str, bytes]]:
    """The selections in a file, with their names in it."""
    if file.path.suffix.lower() == ".roi":
        yield "selection", _bytes(file.path)
        return
    try:
        with zipfile.ZipFile(file.path) as archive:
            members = archive.infolist()
            rois = [each for each in members if _is_roi(each.filename)]
            if not rois:
                names = ", ".join(shown(each.filename) for each in members[:3]) or "nothing"
                raise DataError(
                    f"{file}: no .roi in it, found {names}",
                    hint="selections of ImageJ's ROI Manager may be zipped; unpack other files, "
                    "such as a compressed GeoJSON of QuPath",
                )
            if sum(each.file_size for each in rois) > _LARGEST:
                raise DataError(f"{file}: unpacks to more than selections of an image have")
            for roi in rois:
                yield roi.filename, archive.read(roi)
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, EOFError) as error:
        raise DataError(f"{file}: cannot be read as a .zip file: {error}") from error


def _is_roi(name: str) -> bool:
    return name.lower().endswith(".roi") and "__MACOSX" not in name


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _decoded(file: TextFile, name: str, content: bytes) -> "ImagejRoi":
    try:
        from roifile import ImagejRoi
    except ImportError as error:
        raise DataError(
            f"{file}: ImageJ selections, and reading those needs roifile, which is not installed",
            hint="pip install 'crowdkit-core[imagej]'",
        ) from error
    try:
        return ImagejRoi.frombytes(content)
    except Exception as error:  # the parser raises anything on a damaged file
        problem = f"cannot be read as a selection of ImageJ: {error}"
        raise DataError(f"{file}: {name}: {problem}") from error


def _is_points(roi: "ImagejRoi") -> bool:
    return roi.roitype.name == "POINT"


def _marks(roi: "ImagejRoi", record: Record, point: BoxPoint) -> list[Mark]:
    corners = _corners(roi)
    if not corners:
        raise record.error(f"a selection of type {roi.roitype.name} without a point")
    if not _is_points(roi):
        return [Mark.of_box(record.box(corners), point, label=_group(roi))]
    counters: Sequence[Any] = [0] * len(corners) if roi.counters is None else roi.counters.tolist()
    marks = []
    for (x, y), counter in zip(corners, counters, strict=True):
        at = Record(record.source, record.place, {"x": x, "y": y})
        marks.append(Mark(at.number("x"), at.number("y"), _group(roi) or str(counter)))
    return marks


def _group(roi: "ImagejRoi") -> str:
    return f"group {roi.group}" if roi.group else ""


def _corners(roi: "ImagejRoi") -> list[tuple[float, float]]:
    """Points of the selection, or corners of the box round it."""
    if roi.roitype.name in ("RECT", "OVAL") and not roi.composite:
        if roi.subpixelrect:
            right, bottom = roi.xd + roi.widthd, roi.yd + roi.heightd
            return [(float(roi.xd), float(roi.yd)), (float(right), float(bottom))]
        return [(float(roi.left), float(roi.top)), (float(roi.right), float(roi.bottom))]
    offset = PIXEL_CENTRE if roi.roitype.name in _OF_PIXELS else 0.0
    parts = roi.coordinates(multi=True)
    return [(float(x) + offset, float(y) + offset) for part in parts for x, y in part]


def _planes(roi: "ImagejRoi", number: int) -> list[Plane]:
    """The plane of each mark, leaving out the channel."""
    if roi.counter_positions is not None and any(roi.counter_positions):
        return [(float(position),) for position in roi.counter_positions]
    if roi.z_position or roi.t_position:
        return [tuple(float(each) for each in (roi.z_position, roi.t_position) if each)] * number
    return [(float(roi.position),) if roi.position else ()] * number


FORMAT = Format(
    title="ImageJ and Fiji selections (ROIs), a file for each image",
    origin="In ImageJ *File*, *Save As*, *Selection...*, or in the ROI Manager *More*, *Save...*.",
    suffixes=(".roi", ".zip"),
    fits=fits,
    read=read,
    write=None,
    per_image=True,
    named=("{}", "RoiSet_{}", "{}_RoiSet", "{}-RoiSet"),
    key=without_ending,
    carries=frozenset({"labels", "boxes"}),
)
