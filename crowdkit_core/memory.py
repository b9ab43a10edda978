"""Recognise that memory lacks, whatever a library raises for it."""

import errno

import torch

# Where a library has no error of its own for it, only the words are left to tell it by.
_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "ALLOC_FAILED",  # cuBLAS and cuDNN
    "DataLoader worker",  # one that was killed: the system does so to whoever asks for too much
)


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
