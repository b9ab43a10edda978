"""Find the one file in a folder that annotates all its images."""

from collections.abc import Sequence
from pathlib import Path

from crowdkit_core.data.annotations.formats import FORMATS, FormatName
from crowdkit_core.data.annotations.recognition import (
    certain_format,
    certain_format_of_one_image,
)
from crowdkit_core.data.files import TextFile, files_in
from crowdkit_core.errors import DataError

TABLES = tuple(sorted(f"annotations{each.suffix}" for each in FORMATS.values() if each.by_suffix))
"""Names under which a file of all points is found, whatever else there is."""

_CHOOSE = "say which: `crowdkit data check --annotations FILE`, or option `annotations` of `folder`"


def named_table(folder: Path) -> Path | None:
    """The file of one of the names `TABLES`, if it is there.

    Raises:
        DataError: There are two.
    """
    return _one([folder / name for name in TABLES if (folder / name).is_file()], folder)


def exported_table(
    folder: Path, images: Sequence[Path] = (), format: FormatName | None = None
) -> Path | None:
    """The file that certainly annotates many images, as annotation tools export it.

    It lies in the folder, or in ``annotations`` in it; its name is not that of an image.

    Args:
        folder: Where to look.
        images: Those whose lists are not meant.
        format: Only a file in this format.

    Raises:
        DataError: There are several.
    """
    found, _ = _exports(folder, images, format)
    return _one(found, folder)


def unreadable_table(folder: Path, images: Sequence[Path] = ()) -> str:
    """What is wrong with a file that might be the one, or nothing."""
    _, problems = _exports(folder, images, None)
    return "; ".join(problems[:1])


def _exports(
    folder: Path, images: Sequence[Path], format: FormatName | None
) -> tuple[Sequence[Path], Sequence[str]]:
    """The files that certainly annotate many images, and why others could not be read."""
    suffixes = {suffix for each in FORMATS.values() for suffix in each.suffixes} - {".txt"}
    stems = {image.stem for image in images}
    found, problems = [], []
    for place in (folder, folder / "annotations"):
        for file in files_in(place, suffixes):
            if file.stem in stems:
                continue
            try:
                content = TextFile(file)
                name = certain_format(content)
                one = certain_format_of_one_image(content) if name is None else None
            except DataError as error:
                problems.append(error.message)
                continue
            if one is not None:
                problems.append(
                    f"{file} is the file of one image ({one}), but is not called as any of them is"
                )
            if name is not None and format in (None, name):
                found.append(file)
    return found, problems


def _one(files: Sequence[Path], folder: Path) -> Path | None:
    if len(files) > 1:
        names = ", ".join(file.relative_to(folder).as_posix() for file in files)
        raise DataError(f"{folder}: several files annotate its images: {names}", hint=_CHOOSE)
    return files[0] if files else None
