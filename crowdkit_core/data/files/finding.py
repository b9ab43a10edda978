"""Find image files in folders, in the order people expect."""

import re
from collections.abc import Collection
from pathlib import Path

from crowdkit_core.errors import DataError

IMAGE_SUFFIXES = frozenset(
    (
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".webp", ".avif", ".heic", ".heif"),
        *(".tif", ".tiff", ".bmp", ".gif"),
    )
)
"""File name endings, in lower case, that are taken for images."""

VIDEO_SUFFIXES = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".ogv", ".3gp", ".flv", ".wmv", ".asf"),
        *(".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".mjpeg", ".mjpg", ".h264", ".h265", ".hevc"),
    )
)
"""Endings, in lower case, that are taken for videos."""

UNREAD_SUFFIXES = frozenset(
    (
        *(".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".raf", ".raw", ".rw2"),
        *(".psd", ".xcf", ".svg", ".jxl"),
        *(".czi", ".lif", ".nd2"),
    )
)
"""Endings, in lower case, of pictures that have to be saved as something else first."""

_LEFT_BEHIND = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN"})
"""Folders in which systems keep their own copies, under the files' names."""


def natural_key(name: str) -> tuple[list[tuple[bool, int, str]], str]:
    """Sort key under which ``IMG_2`` comes before ``IMG_10``, and digits before letters.

    Example:
        >>> sorted(["IMG_10", "IMG_2"], key=natural_key)
        ['IMG_2', 'IMG_10']
    """
    parts = re.findall(r"\d+|\D+", name)
    return [(False, int(p), "") if p.isdecimal() else (True, 0, p) for p in parts], name


def is_visible(path: Path, folder: Path) -> bool:
    """Whether a path below a folder is somebody's file rather than what a system left behind.

    Example:
        >>> root = Path("photos")
        >>> [is_visible(root / name, root) for name in ("a.txt", "._a.txt", "__MACOSX/a.txt")]
        [True, False, False]
    """
    parts = path.relative_to(folder).parts
    return not any(part.startswith((".", "~$")) or part in _LEFT_BEHIND for part in parts)


def files_below(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Visible files in a folder and its subfolders, in natural order of their paths.

    Args:
        folder: Where.
        suffixes: Of the files, in lower case; a file's own may be in capitals.
    """
    found = (p for p in folder.rglob("*") if p.suffix.lower() in suffixes)
    visible = (p for p in found if is_visible(p, folder) and p.is_file())
    return sorted(visible, key=lambda path: natural_key(path.relative_to(folder).as_posix()))


def files_in(folder: Path, suffixes: Collection[str]) -> list[Path]:
    """Visible files directly in a folder, which may be missing, in natural order of their names."""
    found = (p for p in folder.glob("*") if p.suffix.lower() in suffixes)
    visible = (p for p in found if is_visible(p, folder) and p.is_file())
    return sorted(visible, key=lambda path: natural_key(path.name))


def images_below(folder: Path) -> list[Path]:
    """Image files in a folder and its subfolders, in natural order of their paths."""
    return files_below(folder, IMAGE_SUFFIXES)


def images_by_stem(folder: Path) -> dict[str, Path]:
    """Image files directly in a folder, by their name without its ending."""
    return {
        path.stem: path
        for path in folder.glob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and is_visible(path, folder)
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
