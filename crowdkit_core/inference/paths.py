"""Expand files, folders and glob patterns into a list of files; streams and cameras stay."""

import glob
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from crowdkit_core.data.files import (
    IMAGE_SUFFIXES,
    UNREAD_SUFFIXES,
    VIDEO_SUFFIXES,
    files_in,
    natural_key,
)
from crowdkit_core.data.large import SLIDE_SUFFIXES
from crowdkit_core.errors import DataError
from crowdkit_core.inference.sources import Source, SourceLike, as_address


def find_images(paths: Iterable[SourceLike]) -> list[Source]:
    """Expand paths into files of images and videos.

    A folder stands for the images directly in it, not for its videos, each of which may be
    thousands; a pattern gives both, and in one ``**`` looks deeper. Each path's files come in
    natural order (``IMG_2`` before ``IMG_10``), a file named twice comes once. URLs of streams,
    ``camera:0`` and a number that is no file stay what they are.

    Raises:
        DataError: A path does not exist or leads to no image; names it.
    """
    found: dict[Source, Source] = {}
    for path in paths:
        for source in _expand(path):
            found.setdefault(source.resolve() if isinstance(source, Path) else source, source)
    if not found:
        raise DataError(
            "no image given", hint="name files, folders or patterns like 'photos/*.jpg'"
        )
    return list(found.values())


def unread_images(paths: Iterable[str | Path]) -> list[Path]:
    """Pictures directly in the folders among some paths that `find_images` leaves out.

    They are of formats that have to be saved as something else first, such as a camera's raw files.
    """
    return _left_out(paths, UNREAD_SUFFIXES)


def videos_left_out(paths: Iterable[str | Path]) -> list[Path]:
    """Videos directly in the folders among some paths, which are counted when they are named."""
    return _left_out(paths, VIDEO_SUFFIXES)


def _left_out(paths: Iterable[str | Path], suffixes: Collection[str]) -> list[Path]:
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    return [file for folder in folders for file in files_in(folder, suffixes)]


def _expand(path: SourceLike) -> Sequence[Source]:
    address = as_address(path)
    return _files_at(str(path)) if address is None else [address]


def _files_at(path: str) -> list[Path]:
    if Path(path).exists() and not Path(path).is_dir():  # a pipe is refused when its turn comes
        return [Path(path)]
    wanted = IMAGE_SUFFIXES | SLIDE_SUFFIXES
    if Path(path).is_dir():
        candidates = list(Path(path).iterdir())
    elif glob.has_magic(path):
        candidates = [Path(match) for match in glob.glob(path, recursive=True)]
        wanted |= VIDEO_SUFFIXES
    else:
        raise DataError(f"{path}: no such file or folder")
    files = [file for file in candidates if _is_one(file, wanted)]
    if not files:
        raise DataError(f"{path}: no image there", hint=_what_else(path))
    return sorted(files, key=lambda file: natural_key(str(file)))


def _is_one(file: Path, suffixes: Collection[str]) -> bool:
    hidden = file.name.startswith(".")
    return file.suffix.lower() in suffixes and not hidden and file.is_file()


def _what_else(path: str) -> str:
    if videos := videos_left_out([path]):
        return f"name the videos in it, such as {videos[0]}"
    return f"images end in {', '.join(sorted(IMAGE_SUFFIXES))}"
