"""Check how a MATLAB file of version 5 to 7 is built up before scipy reads it.

The reader of scipy takes the types and sizes in a file on trust: a damaged one can end the
process, or keep it busy for minutes. What is checked here is written in "MAT-File Format" of
MathWorks: an element has a type and a size, and lies inside the element around it; an array has
flags, dimensions and a name, and then as many elements as its class and dimensions say.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

HEADER = 128
MATRIX, COMPRESSED = 14, 15

# Types of elements, with the bytes of a number; the last three are text.
SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
TEXT = {1, 2, 3, 4, 16, 17, 18}

# Classes of arrays.
CELL, STRUCT, OBJECT, CHAR, SPARSE, FUNCTION, OPAQUE = 1, 2, 3, 4, 5, 16, 17
NUMBERS = range(6, 16)

DEEPEST = 32


@dataclass(frozen=True, slots=True)
class _Element:
    type: int
    data: memoryview


def require_sound(content: bytes) -> None:
    """Check the structure of a file; one of version 4 or 7.3 is passed over.

    Args:
        content: The bytes of the file.

    Raises:
        ValueError: Something in it is not as the format has it.
    """
    if len(content) < HEADER or 0 in content[:4] or 2 in content[124:126]:
        return
    order = "<" if content[126:128] == b"IM" else ">"
    for element in _elements(memoryview(content)[HEADER:], order):
        if element.type == COMPRESSED:
            inner = memoryview(zlib.decompressobj().decompress(element.data))
            for variable in _elements(inner, order):
                _require_array(variable, order, DEEPEST)
        else:
            _require_array(element, order, DEEPEST)


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    offset = 0
    while offset < len(data):
        first, size = _numbers(data[offset : offset + 8], order, "II", 2)
        start = offset + 8
        if first >> 16:  # a small element has its data in the second half of its tag
            first, size, start = first & 0xFFFF, first >> 16, offset + 4
            if size > 4:
                raise ValueError(f"a small element of {size} bytes")
        if start + size > len(data):
            raise ValueError(f"an element of {size} bytes where {len(data) - start} are left")
        yield _Element(first, data[start : start + size])
        end = max(start + size, offset + 8)
        offset = end if first == COMPRESSED else end + -end % 8


def _numbers(data: memoryview, order: str, form: str, count: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(f"{order}{form}", data)
    except struct.error:
        raise ValueError(f"cut short: expected {count} numbers") from None


def _require_array(element: _Element, order: str, deepest: int) -> None:
    if element.type != MATRIX:
        raise ValueError(f"an element of type {element.type}, expected an array")
    if not len(element.data):  # how an empty array may be written
        return
    if deepest == 0:
        raise ValueError(f"arrays are nested more than {DEEPEST} deep")
    parts = list(_elements(element.data, order))
    if not parts or parts[0].type not in (5, 6):
        raise ValueError("an array without flags")
    kind = _numbers(parts[0].data, order, "I", 1)[0] & 0xFF
    if kind == OPAQUE:  # a variable of a class of its own, whose parts nothing is known of
        _require_parts(parts[1:], order, deepest)
        return
    if len(parts) < 3 or parts[1].type not in (5, 6) or parts[2].type not in TEXT:
        raise ValueError("an array without dimensions or name")
    length = len(parts[1].data) // 4
    count = prod(_numbers(parts[1].data, order, f"{length}i", length))
    if count < 0 or length < 2:
        raise ValueError("dimensions that are none")
    _require_content(kind, count, parts[3:], order, deepest)


def _require_content(
    kind: int, count: int, parts: list[_Element], order: str, deepest: int
) -> None:
    if kind in NUMBERS or kind == SPARSE:
        if not parts or any(each.type not in SIZES for each in parts):
            raise ValueError("an array of numbers with something else in it")
        if kind != SPARSE and any(len(e.data) != count * SIZES[e.type] for e in parts):
            raise ValueError("an array with more or fewer numbers than its dimensions say")
    elif kind == CHAR:
        if len(parts) != 1 or parts[0].type not in TEXT:
            raise ValueError("text with something else in it")
        if count > max(len(parts[0].data), 1 << 16):
            raise ValueError("text that is shorter than its dimensions say")
    elif kind in (CELL, STRUCT, OBJECT, FUNCTION):
        arrays = _require_parts(parts, order, deepest)
        if arrays != _expected(kind, count, parts, order):
            raise ValueError("an array with more or fewer parts than its dimensions say")
    else:
        raise ValueError(f"an array of class {kind}, which there is not")


def _expected(kind: int, count: int, parts: list[_Element], order: str) -> int:
    """How many arrays one of cells, structs or a function has in it."""
    if kind in (CELL, FUNCTION):
        return count if kind == CELL else 1
    about = parts[1:3] if kind == OBJECT else parts[:2]
    if len(about) < 2 or about[0].type not in (5, 6) or about[1].type not in TEXT:
        raise ValueError("a struct without names of fields")
    (length,) = _numbers(about[0].data, order, "i", 1)
    if length < 1:
        raise ValueError("names of fields without letters")
    return count * (len(about[1].data) // length)


def _require_parts(parts: list[_Element], order: str, deepest: int) -> int:
    """Check the arrays among parts, after which no other part comes; gives their number."""
    arrays = [each for each in parts if each.type == MATRIX]
    if any(
        each.type not in SIZES and each.type not in TEXT for each in parts[: -len(arrays) or None]
    ):
        raise ValueError("a part of a type that there is not, or out of place")
    for each in arrays:
        _require_array(each, order, deepest - 1)
    return len(arrays)
