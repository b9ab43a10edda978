"""Read values out of annotation files; every error names the file and the record."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crowdkit_core.data.annotations.formats.shapes import Corner, rectangle
from crowdkit_core.data.annotations.marks import Box
from crowdkit_core.data.files import TextFile, as_number
from crowdkit_core.errors import DataError, shown
from crowdkit_core.interfaces import Size

_NOTHING: tuple[Any, ...] = (None, "", False, [], {})


@dataclass(frozen=True, slots=True)
class Record:
    """A JSON object, a row of a table or the attributes of an XML element, and where it stands.

    Attributes:
        source: The file.
        place: Which record of it, in words; empty for the whole file.
        values: By name.
    """

    source: TextFile
    place: str
    values: Mapping[str, Any]

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number; ``default`` where it is missing or null.

        Raises:
            DataError: It is missing without a default, or no finite number.
        """
        value = self.values.get(name)
        return self._as_number(name, default if value is None else value)

    def numbers(self, name: str, length: int | None = None) -> list[float]:
        """A list of finite numbers, ``length`` of them if given.

        Raises:
            DataError: It is missing or something else.
        """
        values = self.values.get(name)
        if not isinstance(values, list) or length not in (None, len(values)):
            wanted = "numbers" if length is None else f"{length} numbers"
            raise self.error(f"{name} is {shown(values)}, expected a list of {wanted}")
        return [self._as_number(f"{name}[{i}]", value) for i, value in enumerate(values)]

    def optional(self, name: str) -> float | None:
        """A finite number; None where it is missing, null or empty.

        Raises:
            DataError: It is something else.
        """
        return None if self.values.get(name) in (None, "") else self.number(name)

    def size(self, height: str, width: str) -> Size | None:
        """(H, W) in whole pixels; None where either is missing or 0.

        Raises:
            DataError: A side is no number.
        """
        sides = [self.optional(name) for name in (height, width)]
        return (int(sides[0]), int(sides[1])) if sides[0] and sides[1] else None

    def text(self, name: str, default: str | None = None) -> str:
        """A text; ``default`` where it is missing or null.

        Raises:
            DataError: It is missing without a default, or no text.
        """
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.error(f"{name} is {shown(value)}, expected a text")
        return value

    def identity(self, name: str) -> str:
        """What tells this or another record apart: a whole number, as 7, 7.0 or "7", or a text.

        Raises:
            DataError: It is missing or neither.
        """
        value = self.values.get(name)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise self.error(f"{name} is {shown(value)}, expected a whole number or a text")
        return str(value)

    def record(self, name: str, default: Mapping[str, Any] | None = None) -> "Record":
        """An object inside this one; ``default`` where it is missing or null.

        Raises:
            DataError: It is missing without a default, or no object.
        """
        value = self.values.get(name)
        if value is None and default is not None:
            value = default
        if not isinstance(value, dict):
            raise self.error(f"{name} is {shown(value)}, expected an object")
        return Record(self.source, self._inside(name), value)

    def records(self, name: str) -> "Iterator[Record]":
        """The objects of a list inside this one; none where it is missing or null.

        Raises:
            DataError: It is no list of objects.
        """
        return records_of(self.source, self._inside(name), self.values.get(name) or [])

    def by_id(self, name: str) -> "dict[str, Record]":
        """The objects of a list inside this one by their ``id``.

        Raises:
            DataError: As `records` and `identity`, or two have one id.
        """
        found: dict[str, Record] = {}
        for record in self.records(name):
            key = record.identity("id")
            if key in found:
                raise record.error(f"id {shown(record.values['id'])} occurs twice")
            found[key] = record
        return found

    def rectangle(self, left: float, top: float, width: float, height: float) -> list[Corner]:
        """`rectangle`, whose sides are not negative.

        Raises:
            DataError: One is.
        """
        if min(width, height) < 0:
            raise self.error(f"a box of {width:g} x {height:g}, expected sides of 0 or more")
        return rectangle(left, top, width, height)

    def box(self, corners: Iterable[tuple[float, float]]) -> Box:
        """`Box.around` the corners of this record's shape.

        Raises:
            DataError: The box is not finite.
        """
        try:
            return Box.around(corners)
        except DataError as error:
            raise self.error(error.message) from error

    def unread(self, read: Collection[str]) -> Counter[str]:
        """Count the `facts` of this record beyond the names that are read, by name."""
        others = self.values.keys() - set(read)
        return +Counter({name: facts(self.values[name]) for name in others})

    def error(self, problem: str) -> DataError:
        """An error that names the file and this record."""
        return DataError(": ".join(filter(None, (str(self.source), self.place, problem))))

    def _inside(self, name: str) -> str:
        return f"{self.place}, {name}" if self.place else name

    def _as_number(self, name: str, value: Any) -> float:
        try:
            number = as_number(value) if isinstance(value, str) else float(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.error(f"{name} is {shown(value)}, expected a number") from error
        if not math.isfinite(number):
            raise self.error(f"{name} is {number}, expected a finite number")
        return number


def facts(value: Any) -> int:
    """Count the values of an object that are not empty or 0, or 1 for a value that is not.

    Example:
        >>> facts({"pose": "front", "mood": ""}), facts("night"), facts(None)
        (1, 1, 0)
    """
    values = value.values() if isinstance(value, dict) else [value]
    return sum(each not in _NOTHING for each in values)


def records_of(source: TextFile, place: str, values: Any) -> Iterator[Record]:
    """Records of the objects in a list, numbered from 1.

    Raises:
        DataError: It is no list of objects.
    """
    if not isinstance(values, list):
        raise DataError(f"{source}: {place}: {shown(values)}, expected a list")
    for number, value in enumerate(values, 1):
        if not isinstance(value, dict):
            raise DataError(f"{source}: {place} {number}: {shown(value)}, expected an object")
        yield Record(source, f"{place} {number}", value)


def object_of(file: TextFile) -> Record:
    """The object a JSON file holds.

    Raises:
        DataError: Missing, not JSON, or no object.
    """
    if not isinstance(file.json, dict):
        raise DataError(f"{file}: {shown(file.json)}, expected an object")
    return Record(file, "", file.json)
