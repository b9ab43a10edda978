"""Say in a line that training does not fit into memory."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from crowdkit_core.errors import CrowdkitError, NotEnoughMemoryError
from crowdkit_core.interfaces import StagePlan
from crowdkit_core.training.run_folder import StageFolder

# Where a library has no error of its own for it, only the words are left to tell it by.
_WORDS = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "ALLOC_FAILED",  # cuBLAS and cuDNN
    "DataLoader worker",  # one that was killed: the system does so to whoever asks for too much
)


@contextmanager
def memory_explained(plan: StagePlan, folder: StageFolder) -> Iterator[None]:
    """Turn what libraries raise where memory lacks into one error that says what needs less.

    Raises:
        NotEnoughMemoryError: Memory lacks inside. The state of the last epoch is kept.
    """
    try:
        yield
    except CrowdkitError:
        raise
    except Exception as error:
        if not _is_lack(error):
            raise
        crop = getattr(getattr(plan.transform, "augmentation", plan.transform), "crop_size", None)
        of_size = f" of {crop[0]} x {crop[1]} pixels" if crop else ""
        cause = (str(error).strip() or type(error).__name__).splitlines()[0]
        kept = "with more memory it goes on after its last epoch: run.resume, --resume; "
        raise NotEnoughMemoryError(
            f"out of memory in stage {plan.name!r}, with batches of {plan.batch_size} "
            f"images{of_size}: {cause}",
            hint=f"{kept if folder.state.exists() else ''}less is needed by smaller batches "
            "(batch_size), smaller crops (augmentation.crop_size) and fewer run.workers",
        ) from error


def _is_lack(error: Exception) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
