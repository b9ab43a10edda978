"""Register components in this process, for notebooks and tests."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from crowdkit_core.errors import UsageError
from crowdkit_core.registry.kinds import checked_kind

Factory = Callable[..., Any]
F = TypeVar("F", bound=Factory)

LOCAL = "local"
"""``local:NAME`` asks for the in-process component where a distribution offers NAME too."""


@dataclass(slots=True)
class _Registry:
    discovery: bool = True
    factories: dict[tuple[str, str], Factory] = field(default_factory=dict)


_current = _Registry()


def discovery_enabled() -> bool:
    """Whether installed distributions are looked at."""
    return _current.discovery


def registered(kind: str) -> dict[str, Factory]:
    """Factories registered in this process, by name."""
    return {name: made for (of, name), made in _current.factories.items() if of == kind}


class Registration:
    """A component registered in this process until `undo`, or until a ``with`` is left."""

    def __init__(self, kind: str, name: str, factory: Factory) -> None:
        self.kind = kind
        self.name = name
        self.factory = factory
        self._registry = _current

    def undo(self) -> None:
        """Take the component out again; does nothing the second time."""
        key = (self.kind, self.name)
        if self._registry.factories.get(key) is self.factory:
            del self._registry.factories[key]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.undo()


@overload
def register(kind: str, name: str) -> Callable[[F], F]: ...
@overload
def register(kind: str, name: str, factory: Factory) -> Registration: ...
def register(
    kind: str, name: str, factory: Factory | None = None
) -> Registration | Callable[[F], F]:
    """Register a component in this process, as a decorator or at once.

    A name that an installed distribution offers too becomes ambiguous: ask for ``local:NAME`` or
    ``DISTRIBUTION:NAME``. Running a notebook cell again replaces the class it defines.

    Args:
        kind: One of `KINDS`.
        name: Free of colons; by habit lower-case words joined by hyphens.
        factory: Class or function with typed options; leave it out to decorate one.

    Returns:
        A `Registration` to undo, or the decorator.

    Raises:
        UsageError: The kind is unknown, the name is taken in this process or unusable.

    Example:
        >>> from crowdkit_core import create
        >>> def three(*, times: int = 1) -> int:
        ...     return 3 * times
        >>> with register("loss", "three", three):
        ...     create("loss", "three", times=2)
        6
    """
    if factory is None:

        def decorate(decorated: F) -> F:
            register(kind, name, decorated)
            return decorated

        return decorate
    key = (checked_kind(kind), name)
    _require_usable(*key, factory)
    _current.factories[key] = factory
    return Registration(*key, factory)


@contextmanager
def isolated_registry() -> Iterator[None]:
    """Hide all installed and registered components; what is registered inside is undone after."""
    global _current
    outer, _current = _current, _Registry(discovery=False)
    try:
        yield
    finally:
        _current = outer


def _require_usable(kind: str, name: str, factory: Factory) -> None:
    if not name or ":" in name:
        raise UsageError(f"a {kind} cannot be named {name!r}", hint="use a name without a colon")
    if not callable(factory):
        raise UsageError(f"{kind} {name!r}: {factory!r} is not a class or function")
    taken_by = _current.factories.get((kind, name))
    if taken_by is not None and not _is_rerun_cell(taken_by, factory):
        raise UsageError(
            f"{kind} {name!r} is already registered in this process, by {taken_by!r}",
            hint="choose another name, or undo the first registration",
        )


def _is_rerun_cell(old: Factory, new: Factory) -> bool:
    return old is not new and _home(old) == _home(new) and _home(new)[0] == "__main__"


def _home(factory: Factory) -> tuple[str, str]:
    return getattr(factory, "__module__", ""), getattr(factory, "__qualname__", "")
