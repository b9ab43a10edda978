"""Match files of one image each to the images they annotate."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from crowdkit_core.data.annotations.formats import FORMATS, FormatName
from crowdkit_core.data.annotations.names import folded, stripped
from crowdkit_core.data.files import TextFile, files_below
from crowdkit_core.errors import DataError

_BESIDE = {"images": ("labels", "annotations"), "JPEGImages": ("Annotations",)}
"""Folders of lists beside folders of images, as YOLO, VisDrone and Pascal VOC have them."""
_OF_OTHERS = (".xml", ".zip")
"""Endings of files that may have an image's name and be anything, and are opened to see."""


def list_suffixes(format: FormatName | None) -> Collection[str]:
    """Suffixes that files of one image may have; none for a format of all images in one file."""
    formats = FORMATS.values() if format is None else [FORMATS[format]]
    return {suffix for each in formats if each.per_image for suffix in each.suffixes}


def match_lists(
    images: Sequence[Path], base: Path, folder: Path, suffixes: Collection[str]
) -> tuple[Mapping[Path, Path], Sequence[Path]]:
    """The list of each image that has one, and the lists of no image.

    A list has its image's path, without its ending or with it (``a.txt`` or ``a.jpg.txt``): beside
    the image, in a folder of lists, or in ``labels`` or ``annotations`` where the image is in
    ``images``. It may also be called as its tool calls the file of an image (`Format.named`).

    Args:
        images: Below ``base``.
        base: The folder of the images.
        folder: The folder of the lists, the same or another.
        suffixes: Of the lists.

    Raises:
        DataError: A list belongs to two images, or an image to two lists.
    """
    files = [file for file in files_below(folder, suffixes) if _may_be_list(file)]
    by_name = _by_name(files, folder)
    wanted = {image: _names_of_lists(image.relative_to(base)) for image in images}
    exact = {name for names in wanted.values() for name in names}
    loose: defaultdict[str, list[Path]] = defaultdict(list)
    called: defaultdict[str, list[Path]] = defaultdict(list)
    for name, lists in by_name.items():
        if name not in exact:
            loose[folded(name)] += lists
            for each in lists:
                for image_name in _names_of_image(each, name):
                    called[folded(image_name)].append(each)
    owners: dict[Path, Path] = {}
    matched: dict[Path, Path] = {}
    for image, names in wanted.items():
        lists = [each for name in names for each in by_name.get(name, [])]
        for others in (loose, called):
            lists = lists or [each for name in names for each in others.get(folded(name), [])]
        if len(lists) > 1:
            raise DataError(
                f"{image}: annotated twice, by {lists[0]} and {lists[1]}",
                hint="keep one of them in the folder",
            )
        for each in lists:
            if each in owners:
                raise DataError(
                    f"{each}: annotates two images, {owners[each]} and {image}",
                    hint="give each image a list of its own name, or keep one of them",
                )
            owners[each] = image
            matched[image] = each
    ignored = frozenset().union(*(each.ignored for each in FORMATS.values()))
    orphans = [each for each in files if each not in owners and each.name not in ignored]
    return matched, orphans


def _by_name(files: Sequence[Path], folder: Path) -> Mapping[str, list[Path]]:
    found: defaultdict[str, list[Path]] = defaultdict(list)
    for file in files:
        found[_without_suffix(file.relative_to(folder))].append(file)
    return found


def _names_of_lists(image: Path) -> Sequence[str]:
    """What the list of an image may be called, without its ending: ``a`` or ``a.jpg``."""
    parts = image.parts
    places = [image]
    for images in sorted(_BESIDE.keys() & set(parts[:-1])):
        last = len(parts) - 1 - parts[::-1].index(images)
        places += [Path(*parts[:last], name, *parts[last + 1 :]) for name in _BESIDE[images]]
    return [name for place in places for name in (_without_suffix(place), place.as_posix())]


def _may_be_list(file: Path) -> bool:
    """Whether some format of one image may read a file; one that is broken may be any."""
    suffix = file.suffix.lower()
    if suffix not in _OF_OTHERS:  # lists are read when they are asked for
        return True
    formats = [each for each in FORMATS.values() if each.per_image and suffix in each.suffixes]
    content = TextFile(file)
    try:
        return any(each.fits(content) for each in formats)
    except DataError:
        return True


def _names_of_image(file: Path, name: str) -> Collection[str]:
    """What the image of a list is called if a tool called the list after it."""
    suffix = file.suffix.lower()
    formats = (each for each in FORMATS.values() if each.per_image and suffix in each.suffixes)
    return {stripped(name, pattern) for each in formats for pattern in each.named} - {name}


def _without_suffix(path: Path) -> str:
    return path.with_suffix("").as_posix()
