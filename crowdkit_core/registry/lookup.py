"""Resolve a component's name to its factory."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import crowdkit_core
from crowdkit_core.errors import (
    AmbiguousComponentError,
    BrokenComponentError,
    UnknownComponentError,
)
from crowdkit_core.registry.catalogue import known_plugins
from crowdkit_core.registry.discovery import CORE, Offer, all_offers, normalized, offers
from crowdkit_core.registry.in_process import LOCAL, Factory, registered
from crowdkit_core.registry.kinds import KINDS, checked_kind
from crowdkit_core.spelling import did_you_mean, near_names


@dataclass(frozen=True, slots=True)
class Found:
    """A loaded component.

    Attributes:
        kind: One of `KINDS`.
        name: Its bare name.
        factory: The class or function.
        offer: The entry point it came from; None for in-process registration.
    """

    kind: str
    name: str
    factory: Factory
    offer: Offer | None = None

    @property
    def label(self) -> str:
        """Its name in messages: ``counter 'mcnn'``."""
        return label_of(self.kind, self.name)


def load(kind: str, name: str) -> Factory:
    """The class or function behind a name.

    Args:
        kind: One of `KINDS`.
        name: ``NAME``, ``DISTRIBUTION:NAME``, or ``local:NAME`` for in-process registration.

    Raises:
        UnknownComponentError: Nothing installed offers it; says what does and what to install.
        AmbiguousComponentError: Two distributions offer it; says how to write each.
        BrokenComponentError: Its package cannot be imported or needs another crowdkit-core.
    """
    return find(kind, name).factory


def find(kind: str, name: str) -> Found:
    """Like `load`, with where the component comes from."""
    kind = checked_kind(kind)
    distribution, _, bare = name.rpartition(":")
    wanted = normalized(distribution)
    local = registered(kind) if wanted in ("", LOCAL) else {}
    offered = [
        offer
        for offer in offers(KINDS[kind])
        if offer.name == bare and wanted in ("", normalized(offer.distribution))
    ]
    if bare in local and not offered:
        return Found(kind, bare, local[bare])
    if len(offered) == 1 and bare not in local:
        return Found(kind, bare, load_offer(offered[0], label_of(kind, bare)), offered[0])
    if not offered:
        raise _unknown(name, kind)
    raise _ambiguous(kind, bare, offered, in_process=bare in local)


def settled(kind: str, name: str, among: Iterable[str]) -> str:
    """A bare name that several offer as ``DISTRIBUTION:NAME``, if one of them is meant.

    Args:
        kind: One of `KINDS`.
        name: As it was recorded.
        among: Distributions that may be meant: those there were when it was recorded.

    Returns:
        The name as it is where it is not ambiguous, or not settled by ``among``.
    """
    meant = {normalized(each) for each in among}
    sources = [offer.distribution for offer in offers(KINDS[kind]) if offer.name == name]
    known = [source for source in sources if normalized(source) in meant]
    ambiguous = len(sources) + (name in registered(kind)) > 1
    return f"{known[0]}:{name}" if ambiguous and len(known) == 1 else name


def kinds_offering(name: str) -> list[str]:
    """The kinds that have a component of this name (bare, or ``DISTRIBUTION:NAME``).

    Raises:
        UnknownComponentError: No kind has it.
    """
    bare = name.rpartition(":")[2]
    groups = {offer.group for offer in all_offers() if offer.name == bare}
    kinds = [kind for kind, group in KINDS.items() if group in groups or bare in registered(kind)]
    if not kinds:
        raise _unknown(name, *KINDS)
    return kinds


def installed(kind: str) -> list[str]:
    """Names of a kind that can be asked for, sorted; broken ones too."""
    return sorted({*registered(kind), *(offer.name for offer in offers(KINDS[kind]))})


def load_offer(offer: Offer, label: str) -> Any:
    """Import what an entry point names.

    Raises:
        BrokenComponentError: It cannot be imported, or needs another crowdkit-core.
    """
    where = f"{label} of {offer.distribution} {offer.version}"
    conflict = core_conflict(offer)
    if conflict:
        raise BrokenComponentError(
            f"{where} {conflict}", hint=f"pip install --upgrade {CORE} {offer.distribution}"
        )
    try:
        return metadata.EntryPoint(offer.name, offer.value, offer.group).load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: importing one plugin ends no program
        raise BrokenComponentError(
            f"{where} cannot be loaded from {offer.value!r}: {type(error).__name__}: {error}",
            hint=f"reinstall {offer.distribution}, or report this to its authors",
        ) from error


def core_conflict(offer: Offer) -> str:
    """What is wrong with the crowdkit-core version for a distribution; empty if nothing."""
    if not offer.core_range:
        return ""
    from packaging.specifiers import SpecifierSet

    running = crowdkit_core.__version__
    if SpecifierSet(offer.core_range).contains(running, prereleases=True):
        return ""
    return f"needs {CORE}{offer.core_range}, but {CORE} {running} is running"


def label_of(kind: str, name: str) -> str:
    """The name of a component in messages: ``density generator 'fixed'``."""
    return f"{kind.replace('_', ' ')} {name!r}"


def _unknown(name: str, *kinds: str) -> UnknownComponentError:
    bare = name.rpartition(":")[2]
    there = sorted({each for kind in kinds for each in installed(kind)})
    catalogued = {each: pkg for kind in kinds for each, pkg in known_plugins(kind).items()}
    near = near_names(bare, sorted({*there, *catalogued} - {bare}), most=3)
    what = kinds[0].replace("_", " ") if len(kinds) == 1 else "component"
    parts = [f"no {what} named {name!r}"]
    if guess := did_you_mean(bare, near, most=3):
        parts.append(guess)
    if others := [kind for kind in KINDS if kind not in kinds and bare in installed(kind)]:
        parts.append(f"{bare!r} is a {' and a '.join(others).replace('_', ' ')}")
    parts.append(f"installed: {', '.join(there) or 'none'}")
    missing = [each for each in (bare, *near) if each not in there and each in catalogued]
    packages = dict.fromkeys(catalogued[each] for each in missing)
    hints = [f"pip install {package}" for package in packages]
    if "dataset" in kinds and Path(name).is_dir():
        hints = [f"a folder of images is --dataset folder --set dataset.root={name}"]
    return UnknownComponentError("; ".join(parts), hint="\n  ".join(hints))


def _ambiguous(
    kind: str, name: str, offered: list[Offer], *, in_process: bool
) -> AmbiguousComponentError:
    sources = [offer.distribution for offer in offered]
    named = [*sources, "this process"] if in_process else sources
    ways = [f"{source}:{name}" for source in ([*sources, LOCAL] if in_process else sources)]
    return AmbiguousComponentError(
        f"{label_of(kind, name)} is offered by {' and '.join(named)}",
        hint=f"write one of: {', '.join(ways)}",
    )
