"""Know how much memory is free, and recognise that it lacks, whatever a library raises for it."""

import errno
from pathlib import Path

import torch

# Where a library has no error of its own for it, only the words are left to tell it by.
_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "ALLOC_FAILED",  # cuBLAS and cuDNN
    "DataLoader worker",  # one that was killed: the system does so to whoever asks for too much
)


_CONTROL_GROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Bytes of memory that are free for this process; None where the system does not say.

    Linux says, and what limits a container counts.
    """
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    kibibytes = int(_entries(text)["MemAvailable:"])
    return min([1024 * kibibytes, *_left_in_container()])


def _left_in_container() -> list[int]:
    """What a container may take further; nothing where there is no limit."""
    try:
        limit = (_CONTROL_GROUP / "memory.max").read_text(encoding="ascii").strip()
        taken = int((_CONTROL_GROUP / "memory.current").read_text(encoding="ascii"))
        files = _entries((_CONTROL_GROUP / "memory.stat").read_text(encoding="ascii"))
    except OSError:
        return []
    # Files that were read stay in memory until something else needs it.
    return [] if limit == "max" else [int(limit) - taken + int(files["inactive_file"])]


def _entries(text: str) -> dict[str, str]:
    """First and second word of each line."""
    return {words[0]: words[1] for line in text.splitlines() if len(words := line.split()) > 1}


def lacks_memory(error: Exception) -> bool:
    """Whether an error means that the memory of the device or the machine is used up.

    Example:
        >>> lacks_memory(MemoryError()), lacks_memory(RuntimeError("shapes differ"))
        (True, False)
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)


def first_line(error: Exception) -> str:
    """What an error says, in a line: its kind where it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
