"""Check the weights of the terms that a loss adds up."""

import math
from collections.abc import Mapping

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Loss


def require_weights(loss: Loss, weights: Mapping[str, float]) -> None:
    """Refuse weights that no sum of terms can have.

    Args:
        loss: Named in the error.
        weights: By the name of the option.

    Raises:
        OptionsError: One is negative or not finite, or all are 0.
    """
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise OptionsError(f"{loss.label}: {name} is {weight}, expected 0 or more")
    if not any(weights.values()):
        raise OptionsError(f"{loss.label}: every weight is 0, expected one that is positive")
