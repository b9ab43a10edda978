"""Count photos with the weights a visitor chose."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from crowdkit_core import create
from crowdkit_core.cards import Card, default_card, find_card, list_cards
from crowdkit_core.errors import CrowdkitError, UsageError
from crowdkit_core.inference import Counted, Model, load_model
from crowdkit_core.inference.zones import CountedZone
from crowdkit_page.photos import Photo

KEPT = 2
"""Models in memory at once."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Weights that visitors can choose.

    Attributes:
        name: By which they are loaded: of a card, or a file.
        card: What is known of them; None of a file.
    """

    name: str
    card: Card | None

    @property
    def title(self) -> str:
        """What the list of weights calls them."""
        return self.name if self.card is None else f"{self.card.name}: {self.card.summary}"

    @property
    def facts(self) -> list[str]:
        """What is known of them, a line each."""
        if self.card is None:
            return ["a file of weights; nothing is known of it"]
        trained = self.card.trained_on
        lines = [f"trained on {trained.images} images of {trained.dataset} ({trained.split})"]
        lines += [
            f"off by {each.mae:.1f} {self.card.things} on average, "
            f"on {each.images} {each.split} images of {each.dataset}"
            for each in self.card.errors
        ]
        return lines

    @property
    def terms(self) -> str:
        """Terms of use; empty for none."""
        return "" if self.card is None else self.card.terms.strip()


def offered_weights(files: Sequence[str] = ()) -> list[Offered]:
    """Weights that can be chosen, the default first.

    Args:
        files: Weights named where the page was started; they come before installed ones.

    Raises:
        UsageError: There are none; says what to install.
    """
    named = [Offered(name, _card(name)) for name in files]
    known = {each.name for each in named}
    cards = [info.name for info in list_cards() if not info.error and info.name not in known]
    found = named + [Offered(name, _card(name)) for name in cards]
    if not found:
        default_card()  # says what to install
    first = _default_name()
    return found if named else sorted(found, key=lambda each: each.name != first)


def _default_name() -> str:
    try:
        return default_card().card.name
    except UsageError:  # none counts people, or two do: then the first in the alphabet is first
        return ""


def _card(name: str) -> Card | None:
    try:
        return find_card(name).card
    except CrowdkitError:  # a file, or two packages offer one name; loading tells
        return None


class Models:
    """Loads models by the name of their weights, and keeps the last ones.

    Args:
        device: Where to count.
    """

    def __init__(self, device: torch.device | None = None) -> None:
        self.device = device
        self._kept: dict[str, Model] = {}

    def load(self, weights: str) -> Model:
        """A model that finds points too; errors as of `inference.load_model`."""
        if weights not in self._kept:
            model = load_model(weights, device=self.device)
            if model.localizer is None and not model.counter.finds_points:
                model = replace(model, localizer=create("localizer", "local-maxima"))
            while len(self._kept) >= KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[weights] = model
        return self._kept[weights]


def count_photo(models: Models, weights: str, photo: Photo) -> Counted:
    """Count one photo, in the zones and on the ground that are drawn on it.

    Raises:
        CrowdkitError: The weights cannot be loaded, or the photo cannot be counted with them.
    """
    model = models.load(weights)
    places = photo.places
    try:
        return model(photo.path, zones=places.as_zones(), ground=places.as_ground())
    except CrowdkitError as error:
        said = error.message.replace(str(photo.path), photo.name)
        raise UsageError(said, hint=error.hint) from error


def zone_text(zone: CountedZone, things: str) -> str:
    """``gate: 43 people, 2.1 per m² (62 m²)``, without what is not known."""
    said = f"{zone.name}: {max(round(zone.count), 0)} {things}"
    if zone.per_square_metre is None or zone.square_metres is None:
        return said
    return f"{said}, {zone.per_square_metre:.2g} per m² ({zone.square_metres:.0f} m²)"
