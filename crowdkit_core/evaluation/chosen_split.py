"""Choose the images of an evaluation: those asked for, or what there is, and say so."""

from collections.abc import Callable

from crowdkit_core.errors import EmptySplitError
from crowdkit_core.evaluation.report import Fact
from crowdkit_core.interfaces import Dataset, Split

DEFAULT: Split = "test"


def chosen_images(
    make: Callable[[Split], Dataset], split: Split | None, *, otherwise: Split
) -> tuple[Dataset, dict[str, Fact]]:
    """The images to evaluate on, and what a report must say of the choice.

    Args:
        make: Makes a split of the data set.
        split: As asked for; None for the test images, or those of ``otherwise`` where there are
            none.
        otherwise: The next best images.

    Raises:
        EmptySplitError: The split asked for is empty, or both; names those that are not.
    """
    try:
        return make(split or DEFAULT), {}
    except EmptySplitError as error:
        if split is not None or otherwise not in error.images:
            raise _with_the_others(error) from error
    return make(otherwise), {"split": f"{otherwise}, as there are no {DEFAULT} images"}


def _with_the_others(error: EmptySplitError) -> EmptySplitError:
    others = [
        f"--split {name} ({number} image{'s' * (number != 1)})"
        for name, number in error.images.items()
    ]
    hint = f"evaluate what there is: {', '.join(others)}; or {error.hint}"
    return EmptySplitError(error.message, hint=hint, images=error.images)
