"""Keep two processes that write out of one folder."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.parsing import parse_json

LOCK_FILE = ".lock"
HOLDER_FILE = ".holder.json"


class FolderHeldError(UsageError):
    """Another process holds the folder."""


@contextmanager
def locked(
    folder: Path,
    *,
    hint: str = "wait for it to end, or choose another folder: run.directory, --output",
    wait: float = 0.0,
) -> Iterator[None]:
    """Hold a folder for one process; it is made if it is not there.

    The operating system holds the lock and frees it when the process ends, however it ends; a
    file of it that a killed process leaves locks nothing.

    Args:
        folder: The folder.
        hint: What to do where it is held.
        wait: Seconds to wait for it.

    Raises:
        FolderHeldError: Another process holds it; names that and its host.
        CrowdkitError: The folder cannot be made or locked.
    """
    lock = FileLock(folder / LOCK_FILE, timeout=wait)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _acquire(lock)
    except Timeout:
        raise FolderHeldError(f"{folder}: in use, {_holder(folder)}", hint=hint) from None
    except (OSError, NotImplementedError) as error:
        raise CrowdkitError(f"{folder}: cannot be locked: {error}") from error
    holder = folder / HOLDER_FILE
    try:
        about = {"process": os.getpid(), "host": socket.gethostname()}
        with suppress(OSError):  # it only serves a message
            holder.write_text(json.dumps(about) + "\n", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file, and one that stays does no harm
            holder.unlink(missing_ok=True)
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def is_held(folder: Path) -> bool:
    """Whether a process holds a folder. Asking holds it for a moment itself, if it is free."""
    if not (folder / LOCK_FILE).exists():
        return False
    try:
        with locked(folder):
            return False
    except FolderHeldError:
        return True


def _acquire(lock: FileLock) -> None:
    """Lock the file that has the name: whoever held it removes it before letting it go."""
    while True:
        before = _inode(lock)
        lock.acquire()
        if (after := _inode(lock)) is not None and before in (None, after):
            return
        lock.release()


def _inode(lock: FileLock) -> int | None:
    try:
        return os.stat(lock.lock_file).st_ino
    except FileNotFoundError:
        return None


def _holder(folder: Path) -> str:
    try:
        about = parse_json((folder / HOLDER_FILE).read_text(encoding="utf-8"))
        return f"by process {about['process']} on {about['host']}"
    except (OSError, ValueError, KeyError, TypeError):  # not there yet
        return "by a process that has just begun"
