"""Name the files of results after the images they are of."""

import os
from collections import Counter
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

LONGEST = 180
"""Bytes of a stem: with an ending it stays below the 255 of a file's name."""


def unique_names(files: Sequence[Path | str]) -> dict[str, str]:
    """A file stem for each image's results, unlike all others on any system.

    It is the image's own stem; where two are alike to some system, with its ending behind, or
    with the folders in front in which they differ. What no name may hold is replaced, and what is
    too long is cut; a digest of the path tells those apart.

    Example:
        >>> unique_names([Path("a/1.jpg"), Path("b/1.jpg"), Path("b/2.jpg")])
        {'a/1.jpg': 'a-1', 'b/1.jpg': 'b-1', 'b/2.jpg': '2'}
        >>> unique_names([Path("1.jpg"), Path("1.png"), Path("2.jpg")])
        {'1.jpg': '1-jpg', '1.png': '1-png', '2.jpg': '2'}
    """
    names = dict.fromkeys(map(str, files), "")
    parents = [os.path.dirname(os.path.abspath(file)) for file in files]
    shared = os.path.commonpath(parents) if parents else ""
    for spell in (_stem, _with_ending, partial(_with_folders, shared), _with_digest):
        names |= {name: spell(Path(name)) for name, stem in names.items() if not stem}
        often = Counter(_folded(stem) for stem in names.values())
        names = {name: stem if often[_folded(stem)] == 1 else "" for name, stem in names.items()}
    return names


def frame_name(stem: str, frame: int | None) -> str:
    """The stem for one image of a file of many; that of the file, where it is the only one.

    Example:
        >>> frame_name("stack", 12), frame_name("photo", None)
        ('stack-000012', 'photo')
    """
    return stem if frame is None else f"{stem}-{frame:06d}"


def _folded(stem: str) -> str:
    """What some systems take for the same name: in any capitals, accents written either way."""
    return normalize("NFC", stem.casefold())


def _stem(file: Path) -> str:
    return _usable(file.stem, file)


def _with_ending(file: Path) -> str:
    return _usable(f"{file.stem}-{file.suffix[1:]}", file)


def _with_folders(shared: str, file: Path) -> str:
    inside = Path(os.path.abspath(file)).relative_to(shared)
    return _usable("-".join(inside.with_suffix("").parts), file)


def _with_digest(file: Path) -> str:
    return f"{_cut(_stem(file))}-{_digest(file)}"


def _usable(stem: str, file: Path) -> str:
    shown = "".join(each if each.isprintable() and each not in _FORBIDDEN else "_" for each in stem)
    shown = shown.strip("/-. ") or "image"
    if shown.upper() in _DEVICES:
        shown = f"{shown}_"
    if shown != _cut(shown):
        return f"{_cut(shown)}-{_digest(file)}"
    return shown


def _cut(stem: str) -> str:
    return stem.encode()[:LONGEST].decode(errors="ignore")


def _digest(file: Path) -> str:
    return sha256(os.fsencode(file)).hexdigest()[:8]


_FORBIDDEN = frozenset('<>:"/\\|?*')
_DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in range(1, 10))]
)
"""Names that Windows keeps for itself."""
