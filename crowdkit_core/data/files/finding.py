"""Find image files in folders, in the order people expect."""

import re
from pathlib import Path

from crowdkit_core.errors import DataError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
"""File name endings, in lower case, that are taken for images."""


def natural_key(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Sort key under which ``IMG_2`` comes before ``IMG_10``, and digits before letters.

    Example:
        >>> sorted(["IMG_10", "IMG_2"], key=natural_key)
        ['IMG_2', 'IMG_10']
    """
    parts = re.findall(r"\d+|\D+", name)
    return [(False, int(p), "") if p.isdecimal() else (True, 0, p) for p in parts], name


def images_below(folder: Path) -> list[Path]:
    """Image files in a folder and its subfolders, in natural order of their paths."""
    found = (p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    visible = (p for p in found if not any(q.startswith(".") for q in p.relative_to(folder).parts))
    return sorted(visible, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Image files directly in a folder, by their name without its ending."""
    return {
        path.stem: path
        for path in folder.glob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    }


def require_folder(root: str | Path) -> Path:
    """The folder as a path.

    Raises:
        DataError: There is none.
    """
    folder = Path(root)
    if not folder.is_dir():
        problem = "not a folder" if folder.exists() else "no such folder"
        raise DataError(f"{folder}: {problem}", hint="set `root` to the data's folder")
    return folder
