"""Suggest known names for a misspelt one."""

from collections.abc import Iterable
from difflib import get_close_matches


def near_names(name: str, known: Iterable[str], *, most: int = 1) -> list[str]:
    """The known names that are spelt most like a name, the nearest first."""
    return get_close_matches(name, list(known), n=most)


def did_you_mean(name: str, known: Iterable[str], *, most: int = 1, before: str = "") -> str:
    """A question that suggests known names, or nothing where none is near.

    Args:
        name: The name that is not known.
        known: Those that are.
        most: How many are suggested.
        before: Put before the question, where there is one.

    Example:
        >>> did_you_mean("widht", ["width", "depth"], before="unknown option; ")
        "unknown option; did you mean 'width'?"
    """
    near = near_names(name, known, most=most)
    return f"{before}did you mean {' or '.join(map(repr, near))}?" if near else ""
