"""Write files atomically: the file that was there survives a crash or a full disk."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_TEMPORARY = re.compile(r"\..*\.[0-9a-f]{8}\.part(\.[^.]*)?", re.DOTALL)


_LONGEST = 255
"""Bytes of a file's name at most, on common file systems."""

MOST_PACKED = 1100
"""Times that compression makes numbers smaller at most; zlib reaches 1032."""


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that takes its place when the block ends well.

    The temporary file keeps the suffix, which some writers choose their format by, and is flushed
    to the disk before it is renamed. Missing parent folders are made. On any error the temporary
    file is removed and the file at ``path`` stays as it was. Only a process that is killed leaves
    it; see `remove_leftovers`.

    Raises:
        OSError: The folder cannot be made, or the file cannot be flushed or renamed.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "count.txt"
        >>> with atomic_write(target) as temporary:
        ...     _ = temporary.write_text("12")
        >>> target.read_text()
        '12'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    ending = f".{uuid4().hex[:8]}.part{path.suffix}"
    temporary = path.with_name(
        _shortened(f".{path.stem}", _LONGEST - len(os.fsencode(ending))) + ending
    )
    try:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def is_leftover(path: Path) -> bool:
    """Whether a file is one that `atomic_write` had not finished."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove what killed processes left of unfinished files, in a folder and those below it.

    Raises:
        OSError: One cannot be removed.
    """
    for path in list(folder.rglob(".*.part*")):
        if is_leftover(path):
            path.unlink(missing_ok=True)


def sha256_of(path: str | Path) -> str:
    """The digest of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _shortened(name: str, most: int) -> str:
    """A name of at most so many bytes; a cut character is left out."""
    return os.fsencode(name)[:most].decode("utf-8", errors="ignore")


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
