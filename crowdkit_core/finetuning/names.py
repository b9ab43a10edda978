"""What fine-tuned weights are called."""

import re
from pathlib import Path

from crowdkit_core.cards import list_cards
from crowdkit_core.cards.own import OWN
from crowdkit_core.cards.sources import is_file
from crowdkit_core.errors import UsageError

OF_RUNS = ("best", "last", "state")
"""Names of files that every run has."""


def suggested_name(weights: str | Path) -> str:
    """What weights are called that began as others: ``people-mine``.

    Args:
        weights: The name of a card, or a file.

    Example:
        >>> suggested_name("own:people"), suggested_name("runs/my birds/best.safetensors")
        ('people-mine', 'my-birds-mine')
    """
    return f"{short_name(weights)}-mine"


def short_name(weights: str | Path) -> str:
    """The name of a card without its package; of a file, its own or that of its run."""
    text = str(weights)
    if not (isinstance(weights, Path) or is_file(text)):
        return text.rpartition(":")[2]
    path = Path(text)
    said = path.resolve().parent.name if path.stem in OF_RUNS else path.stem
    return re.sub(r"[^A-Za-z0-9._-]+", "-", said).strip("-.") or "weights"


def require_free(name: str) -> None:
    """Refuse a name that new weights cannot have.

    Raises:
        UsageError: It is none, would be taken for a file, or other weights have it.
    """
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name) is None or is_file(name):
        raise UsageError(
            f"name {name!r}, expected letters, digits, '-', '_' and '.', and not that of a file",
            hint="such as people-mine",
        )
    there = [card for card in list_cards() if card.name == name]
    if there:
        own = there[0].distribution == OWN
        remove = f", or remove them: crowdkit weights remove {name}" if own else ""
        whose = "your own" if own else f"those of {there[0].distribution}"
        raise UsageError(
            f"there are weights named {name!r} already, {whose}",
            hint=f"choose another name (--name){remove}",
        )
