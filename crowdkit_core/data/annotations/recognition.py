"""Which format a file is in, by what it holds."""

from pathlib import Path
from typing import Any

from crowdkit_core.data.annotations import nwpu_text, via
from crowdkit_core.data.annotations.formats import FORMATS, FormatName
from crowdkit_core.data.annotations.records import read_json
from crowdkit_core.data.points_files import read_rows, read_text
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
        lines = [line for line in read_text(path).splitlines() if line.strip()]
        return "nwpu-text" if lines and all(map(nwpu_text.fits, lines)) else "txt"
    raise DataError(f"{path}: unknown kind of annotation file", hint=f"known: {', '.join(FORMATS)}")


def _of_folder(path: Path) -> FormatName:
    kinds: dict[str, FormatName] = {".json": "labelme", ".txt": "txt"}
    found = {file.suffix for file in path.rglob("*")} & kinds.keys()
    if len(found) != 1:
        raise DataError(
            f"{path}: {'both .json and .txt files' if found else 'no .json or .txt files'}",
            hint="say which format it is in, or name the file",
        )
    return kinds[found.pop()]


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
