"""Declare which values of a localizer's options are worth trying."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin

from crowdkit_core.registry.options import parameters


@dataclass(frozen=True, slots=True)
class Tried:
    """Values of an option that tuning tries unless told otherwise; stands in its annotation.

    Example:
        >>> def localizer(*, threshold: Annotated[float, Tried(0.1, 0.2)] = 0.1, radius: int = 1):
        ...     ...
        >>> tried_values(localizer, "this")
        {'threshold': (0.1, 0.2)}
    """

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        object.__setattr__(self, "values", values)


def tried_values(factory: Callable[..., Any], label: str) -> dict[str, tuple[Any, ...]]:
    """The options of a factory that declare values to try, with these, in their order.

    Args:
        factory: A class or function.
        label: How messages name it.

    Raises:
        BrokenComponentError: Its signature cannot be read.
    """
    return {
        name: note.values
        for name, each in parameters(factory, label).items()
        if get_origin(each.annotation) is Annotated
        for note in get_args(each.annotation)[1:]
        if isinstance(note, Tried)
    }
