"""Which format a file is in, by what it holds."""

from itertools import islice
from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations import nwpu_text, via, yolo
from crowdkit_core.data.annotations.formats import FORMATS, FormatName
from crowdkit_core.data.points_files import is_number, read_json, read_rows, read_text
from crowdkit_core.data.problems import MissingFileError
from crowdkit_core.errors import DataError

_LABEL_STUDIO = ("annotations", "predictions")


def recognise(path: Path) -> FormatName:
    """The format of a file, or of a folder with a file per image.

    Raises:
        DataError: There is nothing, or nothing that is known.
    """
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such annotation file or folder")
    suffix = path.suffix.lower()
    if suffix == ".xml":
        return "cvat"
    if suffix == ".json":
        return _of_json(read_json(path))
    if suffix == ".csv":
        header = next(read_rows(path), ("", []))[1]
        return "via-csv" if via.HEADER[-1] in [cell.strip() for cell in header] else "csv"
    if suffix == ".txt":
        return _of_text(path)
    raise DataError(f"{path}: unknown kind of annotation file", hint=f"known: {', '.join(FORMATS)}")


def _of_folder(path: Path) -> FormatName:
    kinds: dict[str, FormatName] = {".json": "labelme", ".txt": "txt"}
    found = {file.suffix for file in path.rglob("*")} & kinds.keys()
    if len(found) != 1:
        raise DataError(
            f"{path}: {'both .json and .txt files' if found else 'no .json or .txt files'}",
            hint="say which format it is in, or name the file",
        )
    kind = kinds[found.pop()]
    return "yolo" if kind == "txt" and _holds_yolo(path) else kind


def _holds_yolo(path: Path) -> bool:
    """By the first file that says anything."""
    filled = (file for file in yolo.label_files(path) if file.stat().st_size > 0)
    return any(map(yolo.fits, islice(filled, 1)))


def _of_text(path: Path) -> FormatName:
    """By most lines, so that a bad one is an error of that line."""
    lines = [line for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise DataError(
            f"{path}: an empty file",
            hint="say which format it is in: `txt` is one image without people",
        )
    if yolo.fits(path):
        return "yolo"
    of_nwpu = sum(map(_is_of_nwpu, lines))
    if 2 * of_nwpu <= len(lines):
        return "txt"
    if any(_is_of_nwpu(line) and not _may_be_point(line) for line in lines):
        return "nwpu-text"
    if of_nwpu < len(lines):
        return "txt"
    raise DataError(
        f"{path}: lines such as {lines[0]!r} are points or images without people",
        hint="say which format it is in: `txt` or `nwpu-text`",
    )


def _may_be_point(line: str) -> bool:
    cells = line.split()
    return len(cells) == 2 and all(map(is_number, cells))


def _is_of_nwpu(line: str) -> bool:
    """Whether a line is of that benchmark: a name and a number, if not one that fits."""
    name, *numbers = line.split()
    named = not is_number(name) and bool(numbers) and is_number(numbers[0])
    return named or nwpu_text.fits(line)


def _of_json(content: Any) -> FormatName:
    if isinstance(content, dict):
        if isinstance(content.get("images"), list) and "annotations" in content:
            return "coco"
        if "shapes" in content:
            return "labelme"
        values = list(content.values())
        if via.METADATA in content or (values and all(map(_is_via_image, values))):
            return "via-json"
    if isinstance(content, list) and content and all(map(_is_task, content)):
        return "label-studio"
    return "json"


def _is_via_image(value: Any) -> bool:
    return isinstance(value, dict) and {"filename", "regions"} <= value.keys()


def _is_task(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("data"), dict)
