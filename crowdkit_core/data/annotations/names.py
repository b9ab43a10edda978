"""Match names of images in annotation files to the images they mean."""

import os
import posixpath
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from crowdkit_core.data.files import IMAGE_SUFFIXES

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_DRIVE = re.compile(r"/?[A-Za-z]:")
_OF_MICROSCOPES = re.compile(
    r"(\.ome)?\.(tiff?|czi|dcm|dv|ims|lif|lsm|mrxs|nd2|ndpi|oib|oif|oir|scn|svs|vsi|zarr)$",
    re.IGNORECASE,
)
"""Endings of files that are annotated themselves, and converted to be counted."""
_LONGEST = 255
"""Bytes that file systems allow in the name of a file."""


def without_ending(name: str) -> str:
    """The name without the ending of an image file.

    Example:
        >>> without_ending("night/a.JPG"), without_ending("frame.12")
        ('night/a', 'frame.12')
    """
    path = PurePosixPath(name)
    return str(path.with_suffix("")) if path.suffix.lower() in IMAGE_SUFFIXES else name


def aliases(names: Iterable[str]) -> Mapping[str, list[str]]:
    """List the images that each name may mean: paths mean themselves, shorter names all they fit.

    A path's folders and its ending may be left out.

    Example:
        >>> aliases(["day/1.jpg", "night/1.jpg"])["1"]
        ['day/1.jpg', 'night/1.jpg']
    """
    whole = {name: [name] for name in names}
    shorter: defaultdict[str, list[str]] = defaultdict(list)
    for name in whole:
        file = PurePosixPath(name).name
        for alias in {without_ending(name), file, without_ending(file)} - whole.keys():
            shorter[alias].append(name)
    return shorter | whole


def stripped(name: str, pattern: str) -> str:
    """The name of which ``pattern`` made this one, where it did.

    Example:
        >>> stripped("night/CellCounter_a", "CellCounter_{}"), stripped("a", "{}_table")
        ('night/a', 'a')
    """
    path = PurePosixPath(name)
    before, _, after = pattern.partition("{}")
    inner = path.name.removeprefix(before).removesuffix(after)
    fits = inner and len(inner) == len(path.name) - len(before) - len(after)
    return str(path.with_name(inner)) if fits else name


def folded(name: str) -> str:
    """One spelling of names that differ in capitals or in composed letters.

    Example:
        >>> folded("Night/A.JPG")
        'night/a.jpg'
    """
    return unicodedata.normalize("NFC", name).casefold()


class ImageNames:
    """Images by what an annotation file may call them.

    Beside `aliases`, a name may be spelled as another system does: in capitals or with composed
    letters, with backslashes, as a URL or percent-encoded, or as a path from elsewhere whose last
    parts are the images' folder and the image. A name with an ending of microscopes' files may
    mean an image made of that file, which has another ending.

    Args:
        names: Paths of the images below their folder, with ``/``.
        folder: Their folder, where it is known.
    """

    def __init__(self, names: Iterable[str], folder: Path | None = None) -> None:
        self._known = aliases(names)
        self._folder = folder
        loose: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for alias, images in self._known.items():
            loose[folded(alias)] |= dict.fromkeys(images)
        self._folded = {alias: list(images) for alias, images in loose.items()}

    def find(self, name: str) -> Sequence[str]:
        r"""The images that a name may mean; none where it means no image of the folder.

        Example:
            >>> ImageNames(["night/a.jpg"]).find(r"Night\A.JPG")
            ['night/a.jpg']
            >>> ImageNames(["a.jpg"], Path("/data/photos")).find("C:/Anna/photos/a.jpg")
            ['a.jpg']
            >>> ImageNames(["a.png"]).find("a.ome.tif")
            ['a.png']
        """
        known = self._known.get(name)
        if known or not can_be_path(name):
            return known or []
        return self._spelled(name) or self._spelled(_OF_MICROSCOPES.sub("", name))

    def _spelled(self, name: str) -> Sequence[str]:
        spellings = filter(can_be_path, _spellings(name))
        paths = (path for spelling in spellings for path in self._below(spelling))
        return next((found for path in paths if (found := self._named(path))), [])

    def _named(self, path: str) -> Sequence[str]:
        return self._known.get(path) or self._folded.get(folded(path), [])

    def _below(self, path: str) -> Iterator[str]:
        """What the images' folder would call a path, surest first."""
        if is_below(path):
            yield posixpath.normpath(path)
        if self._folder is None:
            return
        base = os.path.abspath(self._folder)
        there = os.path.normpath(os.path.join(base, path))
        for file, folder in ((there, base), (os.path.realpath(there), os.path.realpath(base))):
            if file.startswith(os.path.join(folder, "")):
                yield os.path.relpath(file, folder).replace(os.sep, "/")
        parts = PurePosixPath(posixpath.normpath(path)).parts
        own = folded(os.path.basename(base))
        for number, part in enumerate(parts[:-1], 1):
            if folded(part) == own:
                yield "/".join(parts[number:])


def is_below(path: str) -> bool:
    """Whether a path is one below a folder: not absolute, nor leading out of it.

    Example:
        >>> is_below("night/a.jpg"), is_below("../a.jpg"), is_below("C:/a.jpg")
        (True, False, False)
    """
    outside = path.startswith("/") or bool(_DRIVE.match(path) or _URL.match(path))
    return not outside and posixpath.normpath(path).partition("/")[0] != ".."


def can_be_path(name: str) -> bool:
    """Whether a file could have this name.

    Example:
        >>> can_be_path("a.jpg"), can_be_path("a" * 300)
        (True, False)
    """
    try:
        parts = os.fsencode(name).split(b"/")
    except UnicodeEncodeError:
        return False
    return "\0" not in name and all(len(part) <= _LONGEST for part in parts)


def _spellings(name: str) -> Iterator[str]:
    """The path as it stands, and without what URLs and Windows put before it."""
    path = name.replace("\\", "/")
    if _URL.match(path):
        path = unquote(urlsplit(path).path)
    yield _DRIVE.sub("/", path, count=1) if _DRIVE.match(path) else path
    if "%" in path:
        yield unquote(path)
