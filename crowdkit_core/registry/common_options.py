"""Options that every component of a kind takes besides its own."""

from collections.abc import Mapping
from typing import Any, Literal

from crowdkit_core.registry.in_process import Factory
from crowdkit_core.registry.lookup import Found
from crowdkit_core.registry.options import Parameters, parameters

Cache = Literal["none", "memory"]
"""Where the decoded images of a data set stay in training."""


def _of_datasets(*, cache: Cache = "none") -> None:
    """Options of every data set.

    Args:
        cache: ``memory`` keeps decoded images there in training, shared among loader workers.
    """


def _of_others() -> None:
    """No options."""


_BY_KIND: Mapping[str, Factory] = {"dataset": _of_datasets}


def common_factory(found: Found) -> Factory:
    """What is called with the options that a component has in common with its kind."""
    return _BY_KIND.get(found.kind, _of_others)


def common_parameters(found: Found) -> Parameters:
    """The options that a component has in common with its kind, but for those it has itself."""
    own = parameters(found.factory, found.label)
    common = parameters(common_factory(found), found.label)
    return {name: each for name, each in common.items() if name not in own}


def separated(found: Found, options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """A component's own options, and those it has in common with its kind."""
    names = common_parameters(found)
    own = {name: value for name, value in options.items() if name not in names}
    return own, {name: value for name, value in options.items() if name in names}
