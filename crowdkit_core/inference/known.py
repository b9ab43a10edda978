"""What is known of weights besides their numbers: by a card, by their file, or by a model."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from pydantic import TypeAdapter, ValidationError

from crowdkit_core.cards import Card, Located
from crowdkit_core.cards.terms import show_terms_once
from crowdkit_core.errors import WeightsError
from crowdkit_core.files import sha256_of
from crowdkit_core.inference.interval import Calibration
from crowdkit_core.inference.scale import Sizing
from crowdkit_core.interfaces import ValueRange
from crowdkit_core.jsonable import jsonable
from crowdkit_core.weights import VALUE_RANGE, read_weights

if TYPE_CHECKING:  # which is made of this
    from crowdkit_core.inference.model import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a model takes over from its weights.

    Attributes:
        weights: sha256 of the file that counts are made with; empty for that of the file itself.
        things: What is counted, in the plural.
        sizing: The size in which images are shown.
        calibration: Gives counts an interval; None without one.
        value_range: What was black and white in training files of more than 8 bits; None if all
            had 8.
        card: The whole card; None without one.
    """

    weights: str = ""
    things: str = "people"
    sizing: Sizing = field(default_factory=Sizing)
    calibration: Calibration | None = None
    value_range: ValueRange | None = None
    card: Card | None = None

    @classmethod
    def of_card(cls, card: Card) -> Self:
        """What a card says."""
        trained = card.trained_on
        sizing = Sizing.trained_on(trained.long_side, trained.head_distance)
        counts = card.calibration
        return cls(
            weights=card.sha256,
            things=card.things,
            sizing=sizing,
            calibration=None
            if counts is None
            else Calibration(
                predicted=counts.predicted,
                actual=counts.actual,
                weights=card.sha256,
                sizing=sizing.described(),
            ),
            value_range=None if trained.value_range is None else ValueRange(*trained.value_range),
            card=card,
        )

    @classmethod
    def of_model(cls, model: "Model") -> Self:
        """What a model has."""
        return cls(
            weights=model.weights,
            things=model.things,
            sizing=model.sizing,
            calibration=model.calibration,
            value_range=model.reading.value_range,
            card=model.card,
        )

    @classmethod
    def of(cls, located: Located) -> Self:
        """What the card of weights says, or else their file, whose terms of use are shown.

        Raises:
            WeightsError: The file cannot be read.
        """
        if located.card is not None:
            return cls.of_card(located.card)
        file = read_weights(located.path)
        if file.known is not None:
            known = cls.parsed(file.known, str(located.path))
            if known.card is not None:
                show_terms_once(known.card.terms, str(located.path))
            return known if known.weights else replace(known, weights=sha256_of(located.path))
        trained = file.facts.get(VALUE_RANGE)
        return cls(
            weights=sha256_of(located.path),
            value_range=None if trained is None else ValueRange(*trained),
        )

    @classmethod
    def parsed(cls, table: Mapping[str, Any], where: str) -> Self:
        """What `as_table` made.

        Args:
            table: Plain values.
            where: How messages name it.

        Raises:
            WeightsError: It is damaged.
        """
        try:
            known = _adapter().validate_python(table)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise WeightsError(
                f"{where}: what it says of itself is damaged: {place}: {first['msg']}"
            ) from error
        assert isinstance(known, cls)
        return known

    def as_table(self) -> dict[str, Any]:
        """Plain values, which JSON can write."""
        table: dict[str, Any] = jsonable(asdict(self))
        return table


@cache
def _adapter() -> TypeAdapter[Known]:
    return TypeAdapter(Known)
