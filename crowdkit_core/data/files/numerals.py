"""Numbers as people write them in tables: decimal commas and separated thousands.

Which of comma and point is the decimal mark is decided for a whole file, by the numbers that can be
read in one way only; a file in which that stays open is refused.
"""

import re
from collections.abc import Iterable, Sequence

from crowdkit_core.errors import DataError

Row = tuple[str, list[str]]
"""``line n`` and the cells of that line."""

_PLAIN = "write numbers with a decimal point, and thousands without separators"
_EXPONENT = r"(?:[eE][+-]?\d+)?"
_GROUPED = r"[+-]?[1-9]\d{{0,2}}(?:{0}\d{{3}})"


class _Mark:
    """One of comma and point, and the other.

    Attributes:
        decimal: A number with this as its decimal mark, thousands separated by the other or not.
        certain: That it cannot be read in another way.
        grouped: A number whose thousands are separated by this.
    """

    def __init__(self, mark: str, other: str) -> None:
        this, that = re.escape(mark), re.escape(other)
        plain = rf"[+-]?\d*{this}\d+{_EXPONENT}"
        with_groups = rf"{_GROUPED.format(that)}+{this}\d+"
        several_groups = rf"{_GROUPED.format(that)}{{2,}}"
        one_group = rf"{_GROUPED.format(this)}"
        self.decimal = re.compile(f"{plain}|{with_groups}")
        self.certain = re.compile(f"(?!{one_group}$)(?:{plain}|{with_groups})|{several_groups}")
        self.grouped = re.compile(f"{one_group}+(?:{that}\\d+)?")


_COMMA, _POINT = _Mark(",", "."), _Mark(".", ",")


def with_points(rows: Sequence[Row]) -> Sequence[Row]:
    """The same rows with decimal points, and thousands not separated.

    Raises:
        DataError: A number can be read in two ways; names its line.

    Example:
        >>> with_points([("line 1", ["12,5", "1.030,2", "a, b"])])
        [('line 1', ['12.5', '1030.2', 'a, b'])]
    """
    commas = [each for each in _cells(rows) if "," in each[1] and _is_numeral(each[1])]
    if not commas:
        return rows
    comma = next((each for each in commas if _COMMA.certain.fullmatch(each[1])), None)
    points = [each for each in _cells(rows) if _POINT.decimal.fullmatch(each[1])]
    if comma is None:
        place, cell = commas[0]
        if not any(_POINT.certain.fullmatch(each) for _, each in _cells(rows)):
            raise DataError(
                f"{place}: {cell!r} can be read as two numbers, and no other number of the file "
                "says what its comma means",
                hint=_PLAIN,
            )
        return [(place, [_without(",", cell) for cell in row]) for place, row in rows]
    if points:
        place, cell = points[0]
        raise DataError(
            f"{place}: {cell!r} has a point, and {comma[1]!r} of {comma[0]} a decimal comma",
            hint=_PLAIN,
        )
    return [(place, [_with_point(cell) for cell in row]) for place, row in rows]


def as_number(cell: str) -> float:
    """The number a cell holds, written with a decimal point.

    Raises:
        ValueError: It holds something else; also where Python reads ``1_0`` as 10.
    """
    if "_" in cell:
        raise ValueError(f"not a number: {cell!r}")
    return float(cell)


def is_number(cell: str) -> bool:
    """Whether a cell of a table is a number rather than a name.

    Example:
        >>> is_number("1.5"), is_number("IMG_1")
        (True, False)
    """
    try:
        as_number(cell)
    except ValueError:
        return False
    return True


def _cells(rows: Iterable[Row]) -> Iterable[tuple[str, str]]:
    return ((place, cell) for place, row in rows for cell in row)


def _is_numeral(cell: str) -> bool:
    return bool(_COMMA.decimal.fullmatch(cell) or _COMMA.grouped.fullmatch(cell))


def _with_point(cell: str) -> str:
    if not _COMMA.decimal.fullmatch(cell) and not _POINT.grouped.fullmatch(cell):
        return cell
    return cell.replace(".", "").replace(",", ".")


def _without(mark: str, cell: str) -> str:
    return cell.replace(mark, "") if _COMMA.grouped.fullmatch(cell) else cell
