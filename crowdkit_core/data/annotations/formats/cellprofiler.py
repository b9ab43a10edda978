"""CellProfiler: the objects of many images in one table, of *ExportToSpreadsheet*.

The centre of the first pixel is 0 there, so a position is half a pixel more here. Images are
numbered; their names are in columns ``FileName_...`` of this table or of the table of images beside
it, such as `MyExpt_Image.csv` of `MyExpt_Nuclei.csv`, which also lists images without objects.
Where an image has several files, `--columns image=FileName_DNA` says which is meant (of a dataset,
`columns.image`).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from crowdkit_core.data.annotations.formats.format import Format, Listed, Reading, listed
from crowdkit_core.data.annotations.formats.planes import of_planes
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.formats.tool_tables import PIXEL_CENTRE, others, records_below
from crowdkit_core.data.annotations.marks import Mark, MarkedImage
from crowdkit_core.data.files import Row, TextFile
from crowdkit_core.errors import DataError, shown

_NUMBER = "ImageNumber"
_IMAGES = "Image.csv"
"""How the name of the table of images ends; that before it is of the run, as `MyExpt_`."""
_CENTRES = ("Location_Center", "AreaShape_Center")
_FILE_NAMES = ("FileName_", "Image_FileName_")
_OF_KIND = re.compile(r"(.+_)?(Location_Center|AreaShape_Center)_X")
"""The column of x; before it may stand the kind of object."""
_HINT = (
    "in ExportToSpreadsheet tick *Add image file and folder names to your object data file*, or "
    "put the table of images beside it: MyExpt_Image.csv of MyExpt_Nuclei.csv"
)


def fits(file: TextFile) -> bool:
    """Whether it numbers images and has the places of objects."""
    names = _header(file.rows)
    return _NUMBER in names and _centre(names) is not None


def read(file: TextFile, reading: Reading) -> list[Listed]:
    """A mark for each object, at its centre.

    Raises:
        DataError: The file is something else, the images' names are not to be found or are
            several, or objects of an image lie at several depths.
    """
    rows = _below_kinds(file.rows)
    _require_one_kind(file, _header(file.rows))
    centre = _centre(_header(file.rows)) or _CENTRES[0]
    records = records_below(file, [_NUMBER, f"{centre}_X", f"{centre}_Y"], rows)
    names = _names(file, records, reading.columns.image)
    images: dict[str, list[Record]] = {name: [] for name in names.values()}
    for record in records:
        number = record.text(_NUMBER)
        if number not in names:
            raise record.error(f"image {number} is in no table of images beside it")
        images[names[number]].append(record)
    return listed(_marked(file, name, each, centre, reading) for name, each in images.items())


def _marked(
    file: TextFile, name: str, records: Sequence[Record], centre: str, reading: Reading
) -> MarkedImage:
    depths = [record.optional(f"{centre}_Z") for record in records]
    planes = [() if depth is None else (depth,) for depth in depths]
    left_out = of_planes(f"{file}: {name}", planes, reading.planes, first=0.0)
    left_out += others(records, _read(records, centre), "measurements")
    marks = []
    for record in records:
        x, y = (record.number(f"{centre}_{axis}") + PIXEL_CENTRE for axis in "XY")
        marks.append(Mark(x, y))
    return MarkedImage(name=name, marks=tuple(marks), left_out=left_out)


def _read(records: Sequence[Record], centre: str) -> set[str]:
    """Columns that say which image and which object, and where."""
    names = records[0].values if records else {}
    own = {name for name in names if name.startswith((*_FILE_NAMES, "PathName_", "Number_"))}
    return {_NUMBER, "ObjectNumber", *(f"{centre}_{axis}" for axis in "XYZ"), *own}


def _below_kinds(rows: Sequence[Row]) -> Sequence[Row]:
    """Without the line that names the kind of object over each column, where there is one."""
    return rows if not rows or _NUMBER in rows[0][1] else rows[1:]


def _header(rows: Sequence[Row]) -> Sequence[str]:
    below = _below_kinds(rows)
    return below[0][1] if below else []


def _centre(names: Sequence[str]) -> str | None:
    """What columns of places begin with, by `_CENTRES`; None without any."""
    found = {name.removesuffix("_X") for name in names if _OF_KIND.fullmatch(name)}
    found = {each for each in found if f"{each}_Y" in names}
    return min(found, key=lambda each: (_rank(each), each), default=None)


def _rank(centre: str) -> int:
    return next(rank for rank, each in enumerate(_CENTRES) if centre.endswith(each))


def _require_one_kind(file: TextFile, names: Sequence[str]) -> None:
    """Refuse a table of several kinds of objects in one row.

    Raises:
        DataError: Names the columns.
    """
    kinds = [name for name in names if (found := _OF_KIND.fullmatch(name)) and _same(found, names)]
    if len(kinds) > 1:
        raise DataError(
            f"{file}: places of several kinds of objects: {', '.join(kinds)}",
            hint="export the kind that is counted in a table of its own",
        )


def _same(found: re.Match[str], names: Sequence[str]) -> bool:
    """Whether a column is of the measurement that is read."""
    centre = _centre(names) or ""
    return centre.endswith(found[2])


def _names(file: TextFile, records: Sequence[Record], wanted: str) -> Mapping[str, str]:
    """The names of the images by their number."""
    for source, table in [(file, records), *_tables_of_images(file.path)]:
        columns = _file_names(table)
        if not columns:
            continue
        column = wanted if wanted in columns else columns[0]
        if len(columns) > 1 and wanted not in columns:
            raise DataError(
                f"{source}: an image has several files: {', '.join(columns)}",
                hint=f"say which is meant: `--columns image={columns[0]}`, of a dataset "
                f"`--set dataset.columns.image={columns[0]}`",
            )
        return _told_apart(source, table, column)
    raise DataError(f"{file}: no names of images, only their numbers", hint=_HINT)


def _told_apart(source: TextFile, table: Sequence[Record], column: str) -> Mapping[str, str]:
    """The names of images by their number, with their folders where those tell them apart.

    Raises:
        DataError: Two numbers are of one file.
    """
    folder = column.replace("FileName_", "PathName_")
    names = {each.text(_NUMBER): each.text(column) for each in table}
    if len(set(names.values())) < len(names):
        names = {each.text(_NUMBER): _path(each, folder, column) for each in table}
    numbers: dict[str, str] = {}
    for number, name in names.items():
        other = numbers.setdefault(name, number)
        if other != number:
            raise DataError(
                f"{source}: images {other} and {number} are both {shown(name)}",
                hint="add the folders' names to the table, or split a stack into its planes",
            )
    return {number: name.replace("\\", "/") for number, name in names.items()}


def _path(record: Record, folder: str, column: str) -> str:
    parts = [record.text(folder, ""), record.text(column)]
    return "/".join(filter(None, parts))


def _file_names(records: Sequence[Record]) -> list[str]:
    names = records[0].values if records else {}
    return [name for name in names if name.startswith(_FILE_NAMES)]


def _tables_of_images(path: Path) -> list[tuple[TextFile, Sequence[Record]]]:
    """The table of images that was exported with a table of objects, by their names."""
    beside = [each for each in path.parent.glob(f"*{_IMAGES}") if each != path]
    of_run = [each for each in beside if path.name.startswith(each.name.removesuffix(_IMAGES))]
    nearest = max(of_run, key=lambda each: len(each.name), default=None)
    if nearest is None:
        nearest = beside[0] if len(beside) == 1 else None
    file = None if nearest is None else TextFile(nearest)
    if file is None or _NUMBER not in _header(file.rows):
        return []
    return [(file, records_below(file, [_NUMBER], file.rows))]


FORMAT = Format(
    title="CellProfiler, a table of objects",
    origin="In CellProfiler the module *ExportToSpreadsheet*, with the objects' locations.",
    suffixes=(".csv", ".txt"),
    fits=fits,
    read=read,
    write=None,
    has_columns=True,
    example="ImageNumber,ObjectNumber,FileName_DNA,Location_Center_X,Location_Center_Y\n"
    "1,1,a.tif,10.0,20.0\n2,1,b.tif,30.0,41.0\n",
)
