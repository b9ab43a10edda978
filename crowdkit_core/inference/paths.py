"""Expand files, folders and glob patterns into a list of image files."""

import glob
from collections.abc import Iterable
from pathlib import Path

from crowdkit_core.data.files import IMAGE_SUFFIXES, UNREAD_SUFFIXES, files_in, natural_key
from crowdkit_core.data.large import SLIDE_SUFFIXES
from crowdkit_core.errors import DataError


def find_images(paths: Iterable[str | Path]) -> list[Path]:
    """Expand paths into image files.

    A folder stands for the images directly in it; ``**`` in a pattern looks deeper. Each path's
    files come in natural order (``IMG_2`` before ``IMG_10``), a file named twice comes once.

    Raises:
        DataError: A path does not exist or leads to no image; names it.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _expand(path):
            found.setdefault(file.resolve(), file)
    if not found:
        raise DataError(
            "no image given", hint="name files, folders or patterns like 'photos/*.jpg'"
        )
    return list(found.values())


def unread_images(paths: Iterable[str | Path]) -> list[Path]:
    """Pictures directly in the folders among some paths that `find_images` leaves out.

    They are of formats that have to be saved as something else first, such as a camera's raw files.
    """
    folders = [Path(path) for path in paths if Path(path).is_dir()]
    return [file for folder in folders for file in files_in(folder, UNREAD_SUFFIXES)]


def _expand(path: str | Path) -> list[Path]:
    if Path(path).exists() and not Path(path).is_dir():  # a pipe is refused when its turn comes
        return [Path(path)]
    if Path(path).is_dir():
        candidates = list(Path(path).iterdir())
    elif glob.has_magic(str(path)):
        candidates = [Path(match) for match in glob.glob(str(path), recursive=True)]
    else:
        raise DataError(f"{path}: no such file or folder")
    files = [file for file in candidates if _is_image(file)]
    if not files:
        raise DataError(
            f"{path}: no image there", hint=f"images end in {', '.join(sorted(IMAGE_SUFFIXES))}"
        )
    return sorted(files, key=lambda file: natural_key(str(file)))


def _is_image(file: Path) -> bool:
    hidden = file.name.startswith(".")
    named = file.suffix.lower() in IMAGE_SUFFIXES | SLIDE_SUFFIXES
    return named and not hidden and file.is_file()
