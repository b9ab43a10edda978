"""A card: what weights are for, where they are, and what is known of them."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from inspect import signature
from typing import Annotated, Any

import tomli_w
from annotated_types import Ge, Gt
from pydantic import AfterValidator, ConfigDict, FiniteFloat, PositiveInt, TypeAdapter
from pydantic import ValidationError as InvalidError

from crowdkit_core.cards.chosen_localizer import ChosenLocalizer
from crowdkit_core.errors import DataError
from crowdkit_core.parsing import parse_toml
from crowdkit_core.registry.options import problems_of

HUB_FILE = r"[\w.-]+/[\w.-]+@[^/@\s]+/[^@\s]+"
"""A file of the Hugging Face hub: ``org/repo@revision/path``."""

PLACES = ("file", "url", "hf")
"""Keys of which a card has exactly one."""


def _matches(pattern: str, expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if re.fullmatch(pattern, value) is None:
            raise ValueError(f"expected {expected}")
        return value

    return AfterValidator(check)


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("expected the least, then the greatest")
    return bounds


def _apart(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] >= bounds[1]:
        raise ValueError("expected the lower, then the higher")
    return bounds


def _with_name(section: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(section.get("name"), str):
        raise ValueError("expected a name, and options beside it")
    return section


_Line = Annotated[str, _matches(r"\S.*", "one line of text")]
_Number = Annotated[FiniteFloat, Ge(0)]
_Numbers = Annotated[tuple[_Number, _Number], AfterValidator(_ascending)]
_Range = Annotated[tuple[FiniteFloat, FiniteFloat], AfterValidator(_apart)]
_Lengths = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_ascending)]
_Digest = Annotated[str, _matches("[0-9a-f]{64}", "64 hexadecimal digits")]
_Section = Annotated[Mapping[str, Any], AfterValidator(_with_name)]
_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedOn:
    """What weights were trained on.

    Attributes:
        dataset: The data set.
        split: Its part.
        images: How many images that was.
        seed: Of the run.
        command: What to type to train them again.
        software: Names and versions.
        long_side: Least and greatest pixels of the longer side of most of the images.
        head_distance: Least and greatest pixels between neighbouring heads of most of the images,
            as a counter of this card is shown them; None if not known.
        front_end: What the front end started from; empty for random weights.
        value_range: What was black and white in files of more than 8 bits; None if all had 8.
    """

    __pydantic_config__ = _STRICT

    dataset: _Line
    split: _Line
    images: PositiveInt
    seed: int
    command: _Line
    software: _Line
    long_side: _Lengths
    head_distance: _Numbers | None = None
    front_end: str = ""
    value_range: _Range | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredErrors:
    """Errors of weights on annotated images.

    Attributes:
        dataset: The data set.
        split: Its part.
        images: How many images that was.
        mae: Mean absolute error.
        mae_interval: Its 95 % interval; None of too few images to say.
        rmse: Root mean squared error.
        nae: Mean of absolute error over count; None where nobody is in any image.
    """

    __pydantic_config__ = _STRICT

    dataset: _Line
    split: _Line
    images: PositiveInt
    mae: _Number
    rmse: _Number
    mae_interval: _Numbers | None = None
    nae: _Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCounts:
    """Counts that give new ones an interval.

    Attributes:
        dataset: The data set.
        split: Its part.
        predicted: A count for each image.
        actual: Its annotated people, in the same order.

    Raises:
        ValueError: The two are not of one length.
    """

    __pydantic_config__ = _STRICT

    dataset: _Line
    split: _Line
    predicted: tuple[FiniteFloat, ...]
    actual: tuple[_Number, ...]

    def __post_init__(self) -> None:
        if len(self.predicted) != len(self.actual):
            raise ValueError(
                f"{len(self.predicted)} predicted and {len(self.actual)} actual counts, expected "
                "one of each for every image"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredSpeed:
    """How long counting takes.

    Attributes:
        image: Width and height in pixels of an image as shown to the counter.
        seconds: For one such image, the median of several.
        hardware: On what.
    """

    __pydantic_config__ = _STRICT

    image: tuple[PositiveInt, PositiveInt]
    seconds: Annotated[FiniteFloat, Gt(0)]
    hardware: _Line


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedWith:
    """Parts that weights were trained with, for whoever trains on from them.

    Attributes:
        loss: As the section of a recipe: its ``name`` and options.
        density_generator: Likewise; None for one that is learnt.
    """

    __pydantic_config__ = _STRICT

    loss: _Section
    density_generator: _Section | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetunedFrom:
    """What weights were fine-tuned from.

    Attributes:
        weights: Name of the weights they began as.
        sha256: Of the file of those.
        held_out: How many images were held out to judge them.
        errors: Those of the weights they began as, on the same images; None without any.
        seen: sha256 of each image file that they, or what they began as, were fine-tuned on.
    """

    __pydantic_config__ = _STRICT

    weights: _Line
    sha256: _Digest
    held_out: Annotated[int, Ge(0)]
    errors: MeasuredErrors | None = None
    seen: tuple[_Digest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """Everything that is known of some weights.

    Attributes:
        name: By which they are asked for.
        summary: What they count, in a line.
        counter: Registered name of the counter they belong to.
        sha256: Of the file, in hexadecimal.
        bytes: Size of the file.
        trained_on: What they were trained on.
        file: Their file beside the card; this, ``url`` or ``hf``.
        url: Where their file is on the web.
        hf: Their file on the Hugging Face hub: ``org/repo@revision/path``.
        things: What is counted, in the plural.
        default_for: What they count by default, such as ``people``.
        terms: Terms of use; empty for none.
        speed: How long counting takes; None if not known.
        bf16_change: Greatest change of a validation image's count where the counter is computed in
            bfloat16, as a share of the count, or of one where it is less; None if not known.
        errors: How far off they are.
        calibration: Gives counts an interval; None without one.
        trained_with: Parts to train on with; None if not known.
        finetuned_from: Weights that they began as; None for those of a whole training.
        localizer: What finds points; None where nobody chose it.
    """

    __pydantic_config__ = _STRICT

    name: Annotated[str, _matches(r"[A-Za-z0-9._-]+", "letters, digits, '-', '_' and '.'")]
    summary: _Line
    counter: _Line
    sha256: _Digest
    bytes: PositiveInt
    trained_on: TrainedOn
    file: Annotated[str, _matches(r"[^/\\]+", "a file's name without folders")] | None = None
    url: Annotated[str, _matches(r"https?://\S+", "an address of http or https")] | None = None
    hf: Annotated[str, _matches(HUB_FILE, "org/repo@revision/path")] | None = None
    things: _Line = "people"
    default_for: tuple[_Line, ...] = ()
    terms: str = ""
    speed: MeasuredSpeed | None = None
    bf16_change: _Number | None = None
    errors: tuple[MeasuredErrors, ...] = ()
    calibration: KnownCounts | None = None
    trained_with: TrainedWith | None = None
    finetuned_from: FinetunedFrom | None = None
    localizer: ChosenLocalizer | None = None

    @property
    def place(self) -> str:
        """Where the file is, as the card says it."""
        return self.file or self.url or self.hf or ""


def parse_card(text: str, where: str) -> Card:
    """Read a card.

    Args:
        text: Its TOML.
        where: How messages name it.

    Raises:
        DataError: It is no card; lists everything wrong.
    """
    try:
        table = parse_toml(text)
    except ValueError as error:
        raise DataError(f"{where}: is not TOML: {error}") from error
    try:
        # By way of JSON, whose arrays pydantic takes for tuples even where it is strict.
        card = _adapter().validate_json(json.dumps(table, default=str), strict=True)
    except InvalidError as error:
        known = signature(Card).parameters
        problems = problems_of(error.errors(include_url=False), table, known)
        raise DataError(f"{where}: {'; '.join(map(str, problems))}") from error
    given = [name for name in PLACES if name in table]
    if len(given) != 1:
        raise DataError(
            f"{where}: has {' and '.join(given) or 'no place'}, expected exactly one of "
            f"{', '.join(PLACES)}"
        )
    return card


def card_text(card: Card) -> str:
    """A card as the TOML that `parse_card` reads back to an equal one."""
    return tomli_w.dumps(_written(asdict(card)))


def _written(value: Any) -> Any:
    """A value without what is left at its default in the tables in it."""
    if isinstance(value, list | tuple):
        return [_written(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    return {name: _written(each) for name, each in value.items() if each not in (None, "", ())}


@cache
def _adapter() -> TypeAdapter[Card]:
    return TypeAdapter(Card)
