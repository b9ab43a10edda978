"""Format tables for a terminal."""

from collections.abc import Sequence

from crowdkit_core.printable import printable


def table(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Left-aligned columns under a header; see `printable` for what a cell may not show.

    Example:
        >>> print(table([["mcnn", "0.1.0"]], ["name", "version"]))
        name  version
        mcnn  0.1.0
    """
    cells = [[printable(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)
