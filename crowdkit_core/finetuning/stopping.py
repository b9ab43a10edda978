"""Let another thread stop a training between two steps."""

from collections.abc import Callable

from crowdkit_core.registry.hooks import hookimpl


class StoppedError(Exception):
    """Somebody asked the training to stop."""


class StopWhenAsked:
    """A listener that ends the training after a step once it is asked to.

    Args:
        asked: Says so, such as the ``is_set`` of a `threading.Event`.
    """

    def __init__(self, asked: Callable[[], bool]) -> None:
        self._asked = asked

    @hookimpl
    def step_ended(self) -> None:
        """Look whether somebody asked."""
        if self._asked():
            raise StoppedError
