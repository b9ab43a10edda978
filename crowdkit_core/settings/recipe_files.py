"""Find and read recipe files: those that plugins ship, and a user's own."""

from dataclasses import dataclass
from importlib.resources.abc import Traversable
from pathlib import Path

from crowdkit_core.errors import (
    AmbiguousComponentError,
    BrokenComponentError,
    UnknownComponentError,
    UsageError,
)
from crowdkit_core.parsing import parse_toml
from crowdkit_core.registry.catalogue import known_distributions
from crowdkit_core.registry.discovery import Offer, normalized, offers
from crowdkit_core.registry.kinds import RECIPES_GROUP
from crowdkit_core.registry.resources import toml_files
from crowdkit_core.settings.layers import Table
from crowdkit_core.spelling import did_you_mean

MOST_LISTED = 12
"""Recipes that an error lists; more would hide what it says."""

GRID = "grid"
"""The table that makes a recipe file a grid of runs."""


@dataclass(frozen=True, slots=True, order=True)
class RecipeInfo:
    """A recipe, or a grid of runs, that a plugin ships.

    Attributes:
        name: ``PLUGIN/RECIPE``, such as ``mcnn/shanghaitech-a``.
        distribution: The distribution that ships it.
        version: Version of the distribution.
        error: Why the plugin's recipes cannot be read; ``name`` is ``PLUGIN`` then.
    """

    name: str
    distribution: str
    version: str
    error: str = ""


def list_recipes() -> list[RecipeInfo]:
    """All recipes that installed plugins ship, sorted by name; torch is not imported.

    Grids of runs are listed by `list_grids`.
    """
    return _listed(grids=False)


def list_grids() -> list[RecipeInfo]:
    """All grids of runs that installed plugins ship, sorted by name; torch is not imported."""
    return [info for info in _listed(grids=True) if not info.error]


def _listed(*, grids: bool) -> list[RecipeInfo]:
    listed = []
    for offer in offers(RECIPES_GROUP):
        try:
            found = _recipes_of(offer)
            names, error = [name for name in found if _is_grid(found[name]) == grids], ""
        except BrokenComponentError as broken:
            names, error = [offer.name], broken.message
        listed += [RecipeInfo(name, offer.distribution, offer.version, error) for name in names]
    return sorted(listed)


def _is_grid(file: Traversable) -> bool:
    try:
        return GRID in _parsed(file)
    except UsageError:  # reported to whoever uses it
        return False


def read_recipe_table(source: str | Path) -> Table:
    """The tables of a recipe or of a grid of runs.

    Args:
        source: A file, or the name of a recipe that a plugin ships (``PLUGIN/RECIPE``, or
            ``DISTRIBUTION:PLUGIN/RECIPE``). Text that ends in ``.toml`` is a file.

    Raises:
        UnknownComponentError: No plugin ships a recipe of this name.
        AmbiguousComponentError: Two distributions ship one.
        BrokenComponentError: The plugin that ships it cannot be imported.
        UsageError: The file is missing or no TOML.
    """
    if isinstance(source, Path) or source.endswith(".toml") or Path(source).is_file():
        return _parsed(Path(source))
    return _parsed(_find(source))


def _find(name: str) -> Traversable:
    distribution, _, bare = name.rpartition(":")
    plugin = bare.partition("/")[0]
    found = {
        offer.distribution: file
        for offer in offers(RECIPES_GROUP)
        if offer.name == plugin and normalized(distribution) in ("", normalized(offer.distribution))
        for recipe, file in _recipes_of(offer).items()
        if recipe == bare
    }
    if not found:
        raise _unknown(name, bare)
    if len(found) > 1:
        raise AmbiguousComponentError(
            f"recipe {bare!r} is shipped by {' and '.join(found)}",
            hint=f"write one of: {', '.join(f'{each}:{bare}' for each in found)}",
        )
    return next(iter(found.values()))


def _recipes_of(offer: Offer) -> dict[str, Traversable]:
    found = toml_files(offer, "recipes")
    return {f"{offer.name}/{file.name.removesuffix('.toml')}": file for file in found}


def _parsed(file: Traversable) -> Table:
    try:
        return parse_toml(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{file}: no such recipe file") from None
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise UsageError(
            f"{file}: is not TOML: {error}",
            hint="mend it, or give the recipe another way, such as by its name",
        ) from error


def _unknown(name: str, bare: str) -> UnknownComponentError:
    known = sorted(info.name for info in (*list_recipes(), *list_grids()) if not info.error)
    guess = did_you_mean(bare, known, most=3, before="; ")
    package = f"crowdkit-{bare.partition('/')[0]}"
    installed = {offer.distribution for offer in offers(RECIPES_GROUP)}
    hint = "a recipe of your own is given as a path that ends in .toml"
    if package in known_distributions() - installed:
        hint = f"pip install {package}"
    plugin = bare.partition("/")[0]
    listed = [each for each in known if each.partition("/")[0] == plugin] or known
    named = ", ".join(listed) or "none"
    if len(listed) > MOST_LISTED:
        named = f"{len(listed)} recipes, which `crowdkit list recipe` shows"
    return UnknownComponentError(f"no recipe named {name!r}{guess}; installed: {named}", hint=hint)
