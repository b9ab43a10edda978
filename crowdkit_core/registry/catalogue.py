"""Look up which distribution offers a component that is not installed."""

import tomllib
from functools import cache
from importlib.resources import files


def known_plugins(kind: str) -> dict[str, str]:
    """Name -> distribution of the components of a kind that known plugins offer.

    The kind ``weights`` has the names of weights, by what they count.

    Example:
        >>> known_plugins("localizer")
        {'raz-peaks': 'crowdkit-raznet'}
    """
    return dict(_catalogue().get(kind, {}))


def known_distributions() -> set[str]:
    """Distributions of the known plugins.

    Example:
        >>> "crowdkit-mcnn" in known_distributions()
        True
    """
    return {distribution for names in _catalogue().values() for distribution in names.values()}


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    text = (files(__package__) / "catalogue.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
