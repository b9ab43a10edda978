"""Read the entry points of installed distributions from their metadata."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from crowdkit_core.registry.in_process import discovery_enabled

CORE = "crowdkit-core"


@dataclass(frozen=True, slots=True)
class Offer:
    """One entry point of one distribution.

    Attributes:
        group: Entry-point group; empty when the distribution's entry points are unreadable.
        name: Its name in the group.
        value: ``module:attribute``.
        distribution: Name of the distribution as it writes it.
        version: Version of the distribution.
        core_range: The crowdkit-core versions it asks for, such as ``>=0.1,<0.2``; empty for any.
        error: Why the metadata cannot be read, if it cannot.
    """

    group: str
    name: str
    value: str
    distribution: str
    version: str
    core_range: str = ""
    error: str = ""


def offers(group: str) -> list[Offer]:
    """Everything installed in an entry-point group."""
    return [offer for offer in all_offers() if offer.group == group]


def all_offers() -> tuple[Offer, ...]:
    """Everything installed in any ``crowdkit.`` group; empty inside `isolated_registry`."""
    if not discovery_enabled():
        return ()
    # Modification times in the key: a `pip install` in a running notebook is seen.
    return _scan(tuple((path, _modified(path)) for path in sys.path))


def required_by(distribution: str) -> list[str]:
    """Names of the distributions that one requires, whatever the versions."""
    try:
        requires = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return []
    found = (re.match(r"[A-Za-z0-9._-]+", line) for line in requires)
    return [each[0] for each in found if each]


def normalized(distribution: str) -> str:
    """A distribution's name without the spellings that pip takes for the same."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


@lru_cache(maxsize=8)
def _scan(_path_state: tuple[tuple[str, int], ...]) -> tuple[Offer, ...]:
    names = {
        normalized(_name(found)) for found in metadata.distributions() if _mentions_crowdkit(found)
    }
    # `metadata.distribution` gives the first of a name on sys.path, the one that is imported: an
    # editable install and a stale copy behind it are one distribution.
    return tuple(offer for name in sorted(names) for offer in _offers_of(name))


def _offers_of(name: str) -> Iterator[Offer]:
    try:
        found = metadata.distribution(name)
        about = found.metadata  # read from its file each time it is asked for
        own_name, version = about["Name"], about["Version"]
        if not (own_name and version):
            raise ValueError("no name or version")
        core_range = _core_range(found.requires or [])
        points = [point for point in found.entry_points if point.group.startswith("crowdkit.")]
    except Exception as error:  # any damage to one distribution's metadata stays its own
        reason = f"its metadata cannot be read: {type(error).__name__}: {error}"
        yield Offer("", "", "", name, "", error=reason)
        return
    for point in points:
        yield Offer(point.group, point.name, point.value, own_name, version, core_range)


def _mentions_crowdkit(found: metadata.Distribution) -> bool:
    try:
        return "[crowdkit." in (found.read_text("entry_points.txt") or "")
    except (OSError, UnicodeDecodeError):  # unreadable, so it is not known to be ours
        return False


def _name(found: metadata.Distribution) -> str:
    try:
        if name := found.metadata["Name"]:
            return name
    except (OSError, TypeError, KeyError, UnicodeDecodeError):
        pass  # no METADATA that can be read; its folder is named NAME-VERSION.dist-info
    return Path(str(getattr(found, "_path", "unknown"))).name.partition("-")[0]


def _core_range(requirements: Sequence[str]) -> str:
    lines = [line for line in requirements if line.lower().startswith("crowdkit")]
    if not lines:
        return ""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    needed = (Requirement(line) for line in lines)
    ranges = (
        str(each.specifier)
        for each in needed
        if canonicalize_name(each.name) == CORE and (each.marker is None or each.marker.evaluate())
    )
    return ",".join(filter(None, ranges))


def _modified(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0
