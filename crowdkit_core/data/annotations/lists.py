"""Match files of one image each to the images they annotate."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from crowdkit_core.data.annotations.formats import FORMATS, FormatName
from crowdkit_core.data.annotations.names import folded
from crowdkit_core.data.files import files_below
from crowdkit_core.errors import DataError

_BESIDE = {"images": ("labels", "annotations"), "JPEGImages": ("Annotations",)}
"""Folders of lists beside folders of images, as YOLO, VisDrone and Pascal VOC have them."""


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
    ``images``.

    Args:
        images: Below ``base``.
        base: The folder of the images.
        folder: The folder of the lists, the same or another.
        suffixes: Of the lists.

    Raises:
        DataError: A list belongs to two images, or an image to two lists.
    """
    files = files_below(folder, suffixes)
    by_name = _by_name(files, folder)
    wanted = {image: _names_of_lists(image.relative_to(base)) for image in images}
    exact = {name for names in wanted.values() for name in names}
    loose: defaultdict[str, list[Path]] = defaultdict(list)
    for name, lists in by_name.items():
        if name not in exact:
            loose[folded(name)] += lists
    owners: dict[Path, Path] = {}
    matched: dict[Path, Path] = {}
    for image, names in wanted.items():
        lists = [each for name in names for each in by_name.get(name, [])]
        lists = lists or [each for name in names for each in loose.get(folded(name), [])]
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


def _without_suffix(path: Path) -> str:
    return path.with_suffix("").as_posix()
