"""Reading values out of files that others wrote: every error names the file and the record."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crowdkit_core.data.points_files import read_text
from crowdkit_core.errors import DataError


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object or the attributes of an XML element, and where it stands.

    Attributes:
        source: The file.
        place: Which record of it, in words; empty for the whole file.
        values: By name.
    """

    source: Path
    place: str
    values: Mapping[str, Any]

    def number(self, name: str) -> float:
        """A finite number.

        Raises:
            DataError: It is missing or no finite number.
        """
        return self._as_number(name, self.values.get(name))

    def numbers(self, name: str, length: int | None = None) -> list[float]:
        """A list of finite numbers, ``length`` of them if given.

        Raises:
            DataError: It is missing or something else.
        """
        values = self.values.get(name)
        if not isinstance(values, list) or length not in (None, len(values)):
            wanted = "numbers" if length is None else f"{length} numbers"
            raise self.error(f"{name} is {_shown(values)}, expected a list of {wanted}")
        return [self._as_number(f"{name}[{i}]", value) for i, value in enumerate(values)]

    def text(self, name: str, default: str | None = None) -> str:
        """A text; ``default`` where it is missing or null.

        Raises:
            DataError: It is missing without a default, or no text.
        """
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.error(f"{name} is {_shown(value)}, expected a text")
        return value

    def record(self, name: str, default: Mapping[str, Any] | None = None) -> "Record":
        """An object inside this one; ``default`` where it is missing or null.

        Raises:
            DataError: It is missing without a default, or no object.
        """
        value = self.values.get(name)
        if value is None and default is not None:
            value = default
        if not isinstance(value, dict):
            raise self.error(f"{name} is {_shown(value)}, expected an object")
        return Record(self.source, self._inside(name), value)

    def records(self, name: str) -> "Iterator[Record]":
        """The objects of a list inside this one; none where it is missing or null.

        Raises:
            DataError: It is no list of objects.
        """
        return records_of(self.source, self._inside(name), self.values.get(name) or [])

    def error(self, problem: str) -> DataError:
        """An error that names the file and this record."""
        return DataError(": ".join(filter(None, (str(self.source), self.place, problem))))

    def _inside(self, name: str) -> str:
        return f"{self.place}, {name}" if self.place else name

    def _as_number(self, name: str, value: Any) -> float:
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.error(f"{name} is {_shown(value)}, expected a number") from error
        if not math.isfinite(number):
            raise self.error(f"{name} is {number}, expected a finite number")
        return number


def records_of(source: Path, place: str, values: Any) -> Iterator[Record]:
    """The objects of a list, numbered from 1.

    Raises:
        DataError: It is no list of objects.
    """
    if not isinstance(values, list):
        raise DataError(f"{source}: {place}: {_shown(values)}, expected a list")
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            raise DataError(f"{source}: {place} {number}: {_shown(value)}, expected an object")
        yield Record(source, f"{place} {number}", value)


def read_json(path: Path) -> Any:
    """The content of a JSON file.

    Raises:
        DataError: Missing, not UTF-8, or not JSON.
    """
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}") from error


def read_object(path: Path) -> Record:
    """The object a JSON file holds.

    Raises:
        DataError: Missing, not JSON, or no object.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(f"{path}: {_shown(content)}, expected an object")
    return Record(path, "", content)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
