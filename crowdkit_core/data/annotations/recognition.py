"""Recognise the format of an annotation file by what it holds."""

from pathlib import Path

from crowdkit_core.data.annotations.formats import FORMATS, Format, FormatName
from crowdkit_core.data.annotations.formats.format import any_content
from crowdkit_core.data.files import IMAGE_SUFFIXES, TextFile, files_below
from crowdkit_core.errors import DataError, MissingFileError

_ARCHIVES = frozenset({".tar", ".gz", ".tgz", ".7z", ".rar"})


def format_at(path: Path) -> FormatName:
    """The format of a file, or of a folder of nothing but annotations.

    Raises:
        DataError: There is nothing, or nothing that is known.
    """
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise MissingFileError(f"{path}: no such annotation file or folder")
    return format_of(TextFile(path))


def format_of(file: TextFile) -> FormatName:
    """The format of one file of all images.

    Raises:
        DataError: It is empty, or its suffix is none of a format.
    """
    suffix = file.path.suffix.lower()
    known = [name for name, each in FORMATS.items() if suffix in each.suffixes]
    if not known:
        if suffix in _ARCHIVES:
            raise DataError(
                f"{file}: an archive", hint="unpack it and give the annotation file, or its folder"
            )
        inside = (
            "it is an image; annotations inside its file are not read: save them apart, such as "
            "in ImageJ *Image*, *Overlay*, *To ROI Manager*, then *More*, *Save...*"
        )
        hint = inside if suffix in IMAGE_SUFFIXES else f"known: {', '.join(FORMATS)}"
        raise DataError(f"{file}: unknown kind of annotation file", hint=hint)
    if suffix == ".txt" and not file.lines:
        raise DataError(
            f"{file}: an empty file",
            hint="say which format it is in: `txt` is one image without people",
        )
    return _first_that_fits(known, file)


def format_of_one_image(file: TextFile) -> FormatName:
    """The format of a file that holds the annotations of one image.

    It may be a format of all images, where it certainly is and no other certainly fits.
    """
    suffix = file.path.suffix.lower()
    known = [(name, each) for name, each in FORMATS.items() if suffix in each.suffixes]
    of_one = [name for name, each in known if each.per_image]
    strict = [name for name in of_one if FORMATS[name].fits is not any_content]
    of_all = [name for name, each in known if not each.per_image and each.certain is None]
    return _first_that_fits([*strict, *of_all, *of_one], file)


def certain_format(file: TextFile) -> FormatName | None:
    """The format of all images that a file certainly is in, by what it holds, if any.

    Raises:
        DataError: It cannot be read.
    """
    suffix = file.path.suffix.lower()
    known = [(name, each) for name, each in FORMATS.items() if suffix in each.suffixes]
    whole = [(name, each) for name, each in known if not each.per_image]
    return next((name for name, each in whole if (each.certain or each.fits)(file)), None)


def certain_format_of_one_image(file: TextFile) -> FormatName | None:
    """The format of one image that a file certainly is in, by what it holds, if any.

    Raises:
        DataError: It cannot be read.
    """
    suffix = file.path.suffix.lower()
    known = [(name, each) for name, each in FORMATS.items() if suffix in each.suffixes]
    strict = [(n, each) for n, each in known if each.per_image and each.fits is not any_content]
    return next((name for name, each in strict if each.fits(file)), None)


def annotation_files(folder: Path, format: Format) -> list[Path]:
    """The files of one image each below a folder, in natural order.

    Of a format of all images, the only file there is.
    """
    if not format.per_image:
        return [*filter(None, [_only_file(folder)])]
    files = files_below(folder, format.suffixes)
    return [file for file in files if file.name not in format.ignored]


def _first_that_fits(names: list[FormatName], file: TextFile) -> FormatName:
    """The last one is taken unseen, so that what is wrong with the file is said in its terms."""
    *earlier, last = names
    return next((name for name in earlier if FORMATS[name].fits(file)), last)


def _only_file(folder: Path) -> Path | None:
    files = files_below(folder, {suffix for each in FORMATS.values() for suffix in each.suffixes})
    return files[0] if len(files) == 1 else None


def _of_folder(path: Path) -> FormatName:
    """That of its only file of all images, or of the first file that says anything."""
    only = _only_file(path)
    certain = certain_format(TextFile(only)) if only else None
    if certain is not None:
        return certain
    known = {name: each for name, each in FORMATS.items() if each.per_image}
    lists = known.values()
    ignored = frozenset().union(*(each.ignored for each in lists))
    files = files_below(path, {suffix for each in lists for suffix in each.suffixes})
    files = [file for file in files if file.name not in ignored]
    usual = [file for file in files if file.suffix.lower() in {each.suffix for each in lists}]
    found = sorted({file.suffix.lower() for file in usual or files})
    if len(found) != 1:
        problem = f"both {' and '.join(found)} files" if found else "no .json, .txt or .csv files"
        raise DataError(f"{path}: {problem}", hint="say which format it is in, or name the file")
    for file in usual or files:
        if file.stat().st_size > 0:
            return format_of_one_image(TextFile(file))
    return [name for name, each in known.items() if found[0] in each.suffixes][-1]
