"""Write annotation files of any format."""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from crowdkit_core.data.annotations.formats import FORMATS, FormatName
from crowdkit_core.data.annotations.marks import MarkedImage
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.files import atomic_write
from crowdkit_core.spelling import did_you_mean


def format_named(name: str | None) -> FormatName | None:
    """The format a user names; None for None.

    Raises:
        UsageError: There is none of that name.
    """
    if name is None:
        return None
    for known in FORMATS:
        if known == name:
            return known
    raise UsageError(
        f"annotation format {name!r} is unknown{did_you_mean(name, FORMATS, before=', ')}",
        hint=f"formats: {', '.join(FORMATS)}",
    )


def write_annotations(
    path: str | Path,
    images: Sequence[MarkedImage],
    *,
    format: FormatName | None = None,
    overwrite: bool = False,
) -> FormatName:
    """Write what is known of images as an annotation file.

    Args:
        path: A file, or for ``txt`` and ``labelme`` a folder; missing folders are made.
        images: Each name once.
        format: Which format; ``csv``, ``json`` and ``cvat`` are also meant by the suffix.
        overwrite: Replace a file that is there already; annotations are somebody's work.

    Returns:
        The format.

    Raises:
        UsageError: The suffix fits no format, the format is only read, or a file is there already.
        DataError: A name would lead out of the folder or two images to one file, or an image
            without a size is to be written in per cent of it.
    """
    path = Path(path)
    name = _format_for(path, format)
    _check(images, name)
    write = _writer(path, name)
    files = _files(path, images, name)
    there = [file for file in files if file.exists()]
    if there and not overwrite:
        raise _is_there(there[0])
    for file, its_images in files.items():
        with atomic_write(file) as temporary:
            try:
                write(temporary, its_images)
            except DataError as error:  # names no file, or the temporary one
                raise DataError(f"{file}: {error.message}", hint=error.hint) from error
    return name


def require_free(path: str | Path, format: FormatName | None) -> None:
    """Refuse a place to which annotations cannot be written, before long work.

    Arguments and errors as of `write_annotations`; what lies in a folder is not looked at.
    """
    path = Path(path)
    if not FORMATS[_format_for(path, format)].per_image and path.exists():
        raise _is_there(path)


def _format_for(path: Path, format: FormatName | None) -> FormatName:
    """The format to write at a path."""
    meant = {each.suffix: name for name, each in FORMATS.items() if each.by_suffix}
    name = format or meant.get(path.suffix.lower())
    if name is None:
        raise UsageError(
            f"{path}: its ending does not say in which format to write",
            hint=f"name one of {', '.join(_written())}",
        )
    _writer(path, name)
    chosen = FORMATS[name]
    if not chosen.per_image and path.suffix.lower() != chosen.suffix:
        raise UsageError(f"{path}: {name} is written as {chosen.suffix}")
    if path.is_file() if chosen.per_image else path.is_dir():
        wanted = "folder" if chosen.per_image else "file"
        raise UsageError(f"{path}: {name} is written as a {wanted}")
    return name


def _written() -> list[FormatName]:
    return [name for name, format in FORMATS.items() if format.write is not None]


def _writer(path: Path, name: FormatName) -> Callable[[Path, Sequence[MarkedImage]], None]:
    write = FORMATS[name].write
    if write is None:
        raise UsageError(
            f"{path}: {name} is read, but not written", hint=f"formats: {', '.join(_written())}"
        )
    return write


def _is_there(path: Path) -> UsageError:
    return UsageError(
        f"{path} is there already",
        hint="choose another place, or remove it; `crowdkit data convert` has --overwrite",
    )


def _check(images: Sequence[MarkedImage], format: FormatName) -> None:
    """Refuse what cannot be written, before anything is."""
    for image in images:
        parts = PurePosixPath(image.name).parts
        if not parts or image.name.startswith("/") or ".." in parts:
            raise DataError(f"image {image.name!r}: expected a path below the images' folder")
        if not image.name.isprintable():
            raise DataError(f"image {image.name!r}: a name with characters that cannot be printed")
        unprintable = [mark.label for mark in image.marks if not mark.label.isprintable()]
        if unprintable:
            raise DataError(f"image {image.name!r}: label {unprintable[0]!r} cannot be printed")
        if FORMATS[format].needs_sizes and image.marks and image.size is None:
            raise DataError(
                f"image {image.name!r}: {format} is in per cent of the image's size, which is "
                "not known",
                hint="give the folder of the images: --images DIR",
            )
    names: dict[str, str] = {}
    for image in images:
        key = FORMATS[format].key(image.name)
        if key in names:
            raise DataError(
                f"images {names[key]!r} and {image.name!r} have one name, {key!r}, in {format}"
            )
        names[key] = image.name


def _files(
    path: Path, images: Sequence[MarkedImage], format: FormatName
) -> dict[Path, Sequence[MarkedImage]]:
    """What to write into which file."""
    chosen = FORMATS[format]
    if not chosen.per_image:
        return {path: images}
    return {path / chosen.file_of(image.name): [image] for image in images}
