"""Convert values to those that JSON can write."""

import math
from collections.abc import Mapping
from typing import Any


def jsonable(value: Any) -> Any:
    """The value with text for keys, lists for tuples, and null for numbers that are not finite.

    Example:
        >>> jsonable({8.0: (1, math.inf)})
        {'8.0': [1, None]}
    """
    if isinstance(value, Mapping):
        return {str(key): jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
