"""List the installed components from metadata; no component's module is imported."""

from dataclasses import dataclass
from importlib.machinery import PathFinder
from importlib.util import find_spec

from crowdkit_core.errors import BrokenComponentError
from crowdkit_core.registry.discovery import Offer, all_offers
from crowdkit_core.registry.in_process import registered
from crowdkit_core.registry.kinds import KINDS, checked_kind
from crowdkit_core.registry.lookup import core_conflict, label_of, load_offer


@dataclass(frozen=True, slots=True, order=True)
class ComponentInfo:
    """One registered component.

    Attributes:
        kind: One of `KINDS`; empty for a distribution whose metadata cannot be read.
        name: Its name.
        distribution: The distribution that offers it; empty for in-process registration.
        version: Version of the distribution.
        value: ``module:attribute``.
        error: Why it cannot work; empty if no reason is known.
    """

    kind: str
    name: str
    distribution: str
    version: str
    value: str
    error: str


def list_components(kind: str | None = None, *, load_errors: bool = False) -> list[ComponentInfo]:
    """Every installed and registered component, sorted by kind, name and distribution.

    Components are not imported, their modules only looked for: an error is a module that is not
    there, or a crowdkit-core out of range.

    Args:
        kind: Only this kind; None for all.
        load_errors: Import every component, so that any error shows. Imports torch.

    Raises:
        UsageError: There is no such kind.
    """
    wanted = list(KINDS) if kind is None else [checked_kind(kind)]
    kinds = {KINDS[each]: each for each in wanted}
    listed = [
        ComponentInfo(each, name, "", "", _home(factory), "")
        for each in wanted
        for name, factory in registered(each).items()
    ]
    for offer in all_offers():
        if offer.group in kinds:
            listed.append(_info(kinds[offer.group], offer, load_errors))
        elif offer.error and kind is None:
            listed.append(ComponentInfo("", "", offer.distribution, "", "", offer.error))
    return sorted(listed)


def _info(kind: str, offer: Offer, load_errors: bool) -> ComponentInfo:
    error = core_conflict(offer) or _missing_module(offer.value.partition(":")[0])
    if load_errors and not error:
        error = _load_error(offer, label_of(kind, offer.name))
    return ComponentInfo(kind, offer.name, offer.distribution, offer.version, offer.value, error)


def _missing_module(module: str) -> str:
    """Why a module cannot be found; empty if it can. The packages it is in are not imported."""
    package, *inside = module.split(".")
    try:
        found, name = find_spec(package), package
        for part in inside:
            if found is None:
                break
            name = f"{name}.{part}"
            found = PathFinder.find_spec(name, found.submodule_search_locations)
    except Exception as error:  # of an odd value, or of a loader that a plugin brings
        return f"{type(error).__name__}: {error}"
    return "" if found else f"ModuleNotFoundError: No module named {name!r}"


def _load_error(offer: Offer, label: str) -> str:
    try:
        load_offer(offer, label)
    except BrokenComponentError as error:
        return f"{type(error.__cause__).__name__}: {error.__cause__}"
    return ""


def _home(factory: object) -> str:
    module = getattr(factory, "__module__", "")
    return f"{module}:{getattr(factory, '__qualname__', repr(factory))}"
