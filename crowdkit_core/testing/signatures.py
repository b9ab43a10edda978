"""Check the constructors of components, whose options must be listed and checked."""

from crowdkit_core.errors import BrokenComponentError
from crowdkit_core.interfaces import Component
from crowdkit_core.registry.options import parameters
from crowdkit_core.testing.runner import Check, check_for

KINDS = (
    "density generator",
    "counter",
    "loss",
    "trainer",
    "localizer",
    "dataset",
    "metric",
    "tracker",
)


def options_are_typed(component: Component) -> None:
    """Every constructor option has an annotation; ``*args`` and ``**kwargs`` hide options."""
    try:
        options = parameters(type(component), component.label)
    except BrokenComponentError as error:
        raise AssertionError(error.message) from error
    for name, option in options.items():
        assert option.annotation is not option.empty, f"option {name!r} has no type annotation"


def class_is_documented(component: Component) -> None:
    """The class has a docstring; `crowdkit info` shows it."""
    assert (type(component).__dict__.get("__doc__") or "").strip(), "the class has no docstring"


_COMMON: tuple[Check, ...] = (options_are_typed, class_is_documented)

for _kind in KINDS:
    for _check in _COMMON:
        check_for(_kind)(_check)
