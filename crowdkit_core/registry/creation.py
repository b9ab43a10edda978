"""Create components from names and options."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from crowdkit_core.errors import CrowdkitError, IncompatibleError, OptionsError
from crowdkit_core.registry.common_options import common_factory, separated
from crowdkit_core.registry.in_process import LOCAL
from crowdkit_core.registry.lookup import Found, find, load
from crowdkit_core.registry.options import (
    check_options,
    checked_options,
    options_error,
    parameters,
)

if TYPE_CHECKING:  # importing an interface imports torch
    from crowdkit_core.interfaces import (
        Counter,
        Dataset,
        DensityGenerator,
        Localizer,
        Loss,
        Metric,
        Trainer,
    )
    from crowdkit_core.interfaces.origin import Component, Origin

C = TypeVar("C", bound="Component")

_OF_OPTIONS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,
    TypeError,
    ValueError,
)


@overload
def create(kind: Literal["density_generator"], name: str, **options: Any) -> "DensityGenerator": ...
@overload
def create(kind: Literal["counter"], name: str, **options: Any) -> "Counter": ...
@overload
def create(kind: Literal["loss"], name: str, **options: Any) -> "Loss": ...
@overload
def create(kind: Literal["trainer"], name: str, **options: Any) -> "Trainer": ...
@overload
def create(kind: Literal["localizer"], name: str, **options: Any) -> "Localizer": ...
@overload
def create(kind: Literal["dataset"], name: str, **options: Any) -> "Dataset": ...
@overload
def create(kind: Literal["metric"], name: str, **options: Any) -> "Metric": ...
@overload
def create(kind: str, name: str, **options: Any) -> Any: ...
def create(kind: str, name: str, **options: Any) -> Any:
    """Make a component.

    Args:
        kind: ``density_generator``, ``counter``, ``loss``, ``trainer``, ``localizer``,
            ``dataset`` or ``metric``.
        name: Its registered name; ``DISTRIBUTION:NAME`` where two distributions offer one.
        **options: The component's own. A counter or density generator also takes ``weights``: a
            file to load, or the name of installed ones (`crowdkit list weights`); options fixed by
            that file lose to those given here. A data set also takes ``cache``: ``memory`` keeps
            its decoded images there in training.

    Returns:
        The component, which knows its `Origin`.

    Raises:
        UnknownComponentError: Nothing installed offers it; says what to install.
        AmbiguousComponentError: Two distributions offer it.
        BrokenComponentError: Its package cannot be loaded.
        OptionsError: Options that do not fit; lists all of them, or says why nothing can be made.
        WeightsError: The weights file is unsafe, damaged, or of another architecture.
    """
    found = find(kind, name)
    options, common = separated(found, options)
    common = checked_options(common_factory(found), common, found.label)
    if "weights" in options and loads_weights(found):
        weights = options.pop("weights")
        component, options = _from_weights(found, weights, options)
    else:
        options = checked_options(found.factory, options, found.label)
        component = _made(found, found.factory, **options)
    _set_common(component, common)
    _set_origin(component, found, {**options, **common})
    return component


def with_options(component: C, changes: Mapping[str, Any]) -> C:
    """The same component with some options changed, all others as they were given.

    Args:
        component: Left as it is, and returned where nothing changes.
        changes: Options by name.

    Returns:
        A new component, which has learnt nothing yet.

    Raises:
        OptionsError: It has no such option, or not that value; names component and option.
        IncompatibleError: Its other options are not known, or a new one would lack its weights.
    """
    if not changes:
        return component
    changed = f"{', '.join(changes)} of {component.label} cannot be changed"
    origin = component.origin
    if origin is None:
        kind = component.kind.replace(" ", "_")
        raise IncompatibleError(
            f"{changed}: it was built by its class, so its other options are not known",
            hint=f"make it with crowdkit_core.create({kind!r}, NAME, ...)",
        )
    if any(True for _ in getattr(component, "parameters", tuple)()):
        raise IncompatibleError(
            f"{changed}: a new one would lack its weights",
            hint="leave a component with weights as it is",
        )
    return create(origin.kind, full_name(origin), **{**origin.options, **changes})  # type: ignore[no-any-return]  # of any kind


def has_option(component: "Component", name: str) -> bool:
    """Whether components of this kind and name take an option."""
    origin = component.origin
    factory = type(component) if origin is None else load(origin.kind, full_name(origin))
    return name in parameters(factory, component.label)


def full_name(origin: "Origin") -> str:
    """``DISTRIBUTION:NAME``, by which a component is created again whatever else is installed."""
    return f"{origin.distribution or LOCAL}:{origin.name}"


def loads_weights(found: Found) -> bool:
    """Whether a component takes ``weights`` besides its own options."""
    own = parameters(found.factory, found.label)
    return hasattr(found.factory, "from_weights") and "weights" not in own


def _made(found: Found, make: Callable[..., Any], *values: Any, **options: Any) -> Any:
    """What a factory makes; what it raises of its options becomes an error that names it."""
    try:
        return make(*values, **options)
    except CrowdkitError:
        raise
    except _OF_OPTIONS as error:
        cause = (str(error).strip() or "no reason given").splitlines()[0]
        raise OptionsError(
            f"{found.label} cannot be made with its options: {type(error).__name__}: {cause}"
        ) from error


def _from_weights(
    found: Found, weights: str | Path, options: Mapping[str, Any]
) -> tuple[Any, dict[str, Any]]:
    factory: Any = found.factory
    # Not complete: the file may give what is required.
    given, problems = check_options(factory, options, found.label, complete=False)
    if problems:
        raise options_error(found.label, problems, parameters(factory, found.label))
    component = _made(found, factory.from_weights, weights, **given)
    return component, {**getattr(component, "weights_options", {}), **given}


def _set_common(component: Any, options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        object.__setattr__(component, name, value)  # a component may be a frozen dataclass


def _set_origin(component: Any, found: Found, options: Mapping[str, Any]) -> None:
    if not hasattr(component, "origin"):
        return
    from crowdkit_core.interfaces.origin import Origin

    distribution = found.offer.distribution if found.offer else ""
    origin = Origin(found.kind, found.name, distribution, options)
    object.__setattr__(component, "origin", origin)  # a component may be a frozen dataclass
