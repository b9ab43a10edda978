"""A localizer whose options were chosen on annotated images: in a card, or beside weights."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from inspect import signature
from pathlib import Path

import tomli_w
from pydantic import ConfigDict, FiniteFloat, PositiveInt, TypeAdapter
from pydantic import ValidationError as InvalidError

from crowdkit_core.errors import DataError
from crowdkit_core.files import atomic_write, sha256_of
from crowdkit_core.parsing import parse_toml
from crowdkit_core.registry.options import problems_of

_KEY = "weights"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenLocalizer:
    """What `crowdkit tune localizer` chose.

    Attributes:
        name: Registered name of the localizer.
        options: Its options that were searched or fixed; the others are left at their defaults.
        by: What was greatest: ``f1@8``.
        value: How great, on the images it was chosen on.
        interval: Its 95 % interval.
        dataset: The data set.
        split: Its part.
        images: How many images that was.
        sizes: In which sizes the counter was shown them.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    name: str
    options: Mapping[str, bool | int | FiniteFloat | str]
    by: str
    value: FiniteFloat
    interval: tuple[FiniteFloat, FiniteFloat]
    dataset: str
    split: str
    images: PositiveInt
    sizes: str = ""

    def described(self) -> str:
        """Its name and options in a line."""
        listed = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.name} ({listed})" if listed else self.name

    def origin(self) -> str:
        """What it was chosen by and on, in a line."""
        low, high = self.interval
        return (
            f"{self.by} {self.value:.3f} (95 %: {low:.3f} to {high:.3f}) on {self.images} "
            f"{self.split} images of {self.dataset}"
        )


def file_beside(weights: Path) -> Path:
    """Where the localizer chosen for a file of weights is.

    Example:
        >>> file_beside(Path("run/best.safetensors")).as_posix()
        'run/best.localizer.toml'
    """
    return weights.with_suffix(".localizer.toml")


def write_chosen(chosen: ChosenLocalizer, path: Path, weights: Path) -> None:
    """Write a choice, with the digest of the weights it was made for.

    Raises:
        OSError: It cannot be written.
    """
    table = {**asdict(chosen), _KEY: sha256_of(weights)}
    with atomic_write(path) as temporary:
        temporary.write_text(tomli_w.dumps(table), encoding="utf-8")


def chosen_beside(weights: Path) -> ChosenLocalizer | None:
    """The localizer chosen for a file of weights; None where none was.

    Raises:
        DataError: The file beside the weights is no choice, or was made for other weights.
    """
    path = file_beside(weights)
    if not path.exists():
        return None
    try:
        table = parse_toml(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path}: is not TOML: {error}") from error
    made_for = table.pop(_KEY, None)
    try:
        chosen = _adapter().validate_json(json.dumps(table, default=str), strict=True)
    except InvalidError as error:
        problems = problems_of(
            error.errors(include_url=False), table, signature(ChosenLocalizer).parameters
        )
        raise DataError(f"{path}: {'; '.join(map(str, problems))}") from error
    if made_for != sha256_of(weights):
        raise DataError(
            f"{path}: was made for other weights than {weights.name} has now",
            hint="choose again (crowdkit tune localizer), or remove the file",
        )
    return chosen


@cache
def _adapter() -> TypeAdapter[ChosenLocalizer]:
    return TypeAdapter(ChosenLocalizer)
