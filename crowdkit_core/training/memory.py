"""Say in a line that training does not fit into memory."""

from collections.abc import Iterator
from contextlib import contextmanager

from crowdkit_core.errors import CrowdkitError, NotEnoughMemoryError
from crowdkit_core.interfaces import StagePlan
from crowdkit_core.memory import first_line, lacks_memory
from crowdkit_core.training.run_folder import StageFolder


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
        if not lacks_memory(error):
            raise
        crop = getattr(getattr(plan.transform, "augmentation", plan.transform), "crop_size", None)
        of_size = f" of {crop[0]} x {crop[1]} pixels" if crop else ""
        kept = "with more memory it goes on after its last epoch: run.resume, --resume; "
        raise NotEnoughMemoryError(
            f"out of memory in stage {plan.name!r}, with batches of {plan.batch_size} "
            f"images{of_size}: {first_line(error)}",
            hint=f"{kept if folder.state.exists() else ''}less is needed by smaller batches "
            "(batch_size), smaller crops (augmentation.crop_size) and fewer run.workers",
        ) from error
