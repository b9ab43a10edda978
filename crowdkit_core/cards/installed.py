"""Find the cards of installed packages and of the user; nothing of torch is imported for it."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from crowdkit_core.cards.card import Card, parse_card
from crowdkit_core.cards.own import OWN, own_cards, own_folder
from crowdkit_core.errors import (
    AmbiguousComponentError,
    BrokenComponentError,
    CrowdkitError,
    UnknownComponentError,
    UsageError,
)
from crowdkit_core.registry.catalogue import known_plugins
from crowdkit_core.registry.discovery import Offer, normalized, offers
from crowdkit_core.registry.in_process import discovery_enabled
from crowdkit_core.registry.kinds import WEIGHTS_GROUP
from crowdkit_core.registry.resources import toml_files
from crowdkit_core.spelling import did_you_mean, near_names

KIND = "weights"
"""What cards are called among the kinds of component, and in the catalogue."""

PEOPLE = "people"

_OWN = Offer(group=WEIGHTS_GROUP, name=OWN, value="", distribution=OWN, version="")
"""Stands for what no distribution offers."""


@dataclass(frozen=True, slots=True, order=True)
class CardInfo:
    """A card as it is listed.

    Attributes:
        name: Of the card; of its file, or of its entry point, where that cannot be read.
        distribution: The distribution that ships it; ``own`` for the user's own.
        version: Version of the distribution; empty for the user's own.
        summary: What the weights count.
        default_for: What they count by default.
        error: Why it cannot be read.
    """

    name: str
    distribution: str
    version: str
    summary: str = ""
    default_for: tuple[str, ...] = ()
    error: str = ""

    @property
    def full_name(self) -> str:
        """The name that `find_card` takes for this card and no other."""
        return f"{self.distribution}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledCard:
    """A card and where it came from.

    Attributes:
        card: The card.
        distribution: The distribution that ships it; ``own`` for the user's own.
        version: Version of the distribution; empty for the user's own.
        folder: Where its file is, if that is beside the card.
    """

    card: Card
    distribution: str
    version: str
    folder: Traversable

    @property
    def is_own(self) -> bool:
        """Whether it is in the user's own folder and of no package."""
        return self.distribution == OWN and not self.version

    @property
    def label(self) -> str:
        """Its name in messages: ``card 'people' of crowdkit-people 0.1.0``."""
        if self.is_own:
            return f"card {self.card.name!r} in {self.folder}"
        return f"card {self.card.name!r} of {self.distribution} {self.version}"


@dataclass(frozen=True, slots=True)
class _Reading:
    """What became of reading one card: the card or an error."""

    name: str
    offer: Offer
    outcome: InstalledCard | CrowdkitError

    @property
    def info(self) -> CardInfo:
        source = (self.name, self.offer.distribution, self.offer.version)
        if isinstance(self.outcome, CrowdkitError):
            return CardInfo(*source, error=self.outcome.message)
        card = self.outcome.card
        return CardInfo(*source, summary=card.summary, default_for=card.default_for)


def list_cards() -> list[CardInfo]:
    """All cards of installed packages and of the user, by name; broken ones with their error."""
    return sorted(reading.info for reading in _readings())


def find_card(name: str) -> InstalledCard:
    """The card of a name.

    Args:
        name: ``NAME``, or ``DISTRIBUTION:NAME`` where two distributions offer one; ``own:NAME`` is
            that of the user.

    Raises:
        UnknownComponentError: Nothing installed offers it; says what does and what to install.
        AmbiguousComponentError: Two distributions offer it.
        BrokenComponentError: It cannot be read, or its package has another of the name.
    """
    distribution, _, bare = name.rpartition(":")
    wanted = normalized(distribution)
    found = [
        each
        for each in _readings()
        if each.name == bare and wanted in ("", normalized(each.offer.distribution))
    ]
    if not found:
        raise _unknown(name, bare)
    if len(found) > 1:
        sources = [each.offer.distribution for each in found]
        if len(set(sources)) == 1:
            raise BrokenComponentError(f"two cards of {sources[0]} are named {bare!r}")
        raise AmbiguousComponentError(
            f"weights {bare!r} are offered by {' and '.join(sources)}",
            hint=f"write one of: {', '.join(f'{source}:{bare}' for source in sources)}",
        )
    outcome = found[0].outcome
    if isinstance(outcome, CrowdkitError):
        raise BrokenComponentError(outcome.message, hint=_mend(found[0].offer)) from outcome
    return outcome


def default_card(purpose: str = PEOPLE) -> InstalledCard:
    """The card of the weights that count something by default.

    Args:
        purpose: What they count.

    Raises:
        UsageError: None are installed; says what to install.
        AmbiguousComponentError: Two cards claim it.
    """
    readings = list(_readings())
    cards = [each.outcome for each in readings if isinstance(each.outcome, InstalledCard)]
    found = [each for each in cards if purpose in each.card.default_for]
    if len(found) > 1:
        named = [f"{each.card.name!r} of {each.distribution}" for each in found]
        raise AmbiguousComponentError(
            f"weights for counting {purpose} by default are {' and '.join(named)}",
            hint="say which: --weights NAME",
        )
    if not found:
        raise UsageError(
            f"no weights for counting {purpose} are installed",
            hint=_where_to_get(purpose, {each.offer.distribution for each in readings}),
        )
    return found[0]


def _mend(offer: Offer) -> str:
    if offer == _OWN:
        return f"mend or remove it in {own_folder()}"
    return f"report this to the authors of {offer.distribution}"


def _where_to_get(purpose: str, installed: set[str]) -> str:
    package = known_plugins(KIND).get(purpose, "")
    if package in installed:
        return f"`crowdkit list weights` says what {package} has instead"
    return f"pip install {package}" if package else "give a file of weights, or install some"


def _readings() -> Iterator[_Reading]:
    for offer in offers(WEIGHTS_GROUP):
        try:
            found = toml_files(offer, KIND)
        except BrokenComponentError as error:
            yield _Reading(offer.name, offer, error)
            continue
        for file in sorted(found, key=lambda each: each.name):
            where = f"card {file.name} of {offer.distribution} {offer.version}"
            yield _read(file, offer, files(offer.value), where)
    if discovery_enabled():
        for path in own_cards():
            yield _read(path, _OWN, path.parent, f"card {path}")


def _read(file: Traversable, offer: Offer, folder: Traversable, where: str) -> _Reading:
    stem = file.name.removesuffix(".toml")
    try:
        card = parse_card(file.read_text(encoding="utf-8"), where)
    except CrowdkitError as error:
        return _Reading(stem, offer, error)
    except (OSError, UnicodeDecodeError) as error:
        return _Reading(stem, offer, BrokenComponentError(f"{where}: cannot be read: {error}"))
    installed = InstalledCard(
        card=card,
        distribution=offer.distribution,
        version=offer.version,
        folder=folder,
    )
    return _Reading(card.name, offer, installed)


def _unknown(name: str, bare: str) -> UnknownComponentError:
    there = sorted({info.name for info in list_cards()})
    catalogued = known_plugins(KIND)
    near = near_names(bare, sorted({*there, *catalogued} - {bare}), most=3)
    guess = did_you_mean(bare, near, most=3, before="; ")
    wanted = [each for each in (bare, *near) if each in catalogued and each not in there]
    packages = dict.fromkeys(f"pip install {catalogued[each]}" for each in wanted)
    return UnknownComponentError(
        f"no weights named {name!r}{guess}; installed: {', '.join(there) or 'none'}",
        hint="\n  ".join(packages) or "a file is given by its path, such as ./best.safetensors",
    )
