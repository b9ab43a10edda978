"""Save pictures at one size, in small files."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from crowdkit_core.files import atomic_write
from crowdkit_core.visual import Panel

DPI = 45
"""Leaves four panels in a row 1188 pixels."""
TITLE = 15
"""Height of titles in pixels."""
MOST_IN_A_ROW = 4


def write(figure: Figure, path: str | Path) -> None:
    """Write rows of panels as a PNG of 256 colours, with titles that a page's width leaves legible.

    Args:
        figure: As `crowdkit_core.visual.panel_rows` draws it, twice as large.
        path: Where it goes.
    """
    for axes in figure.axes:
        axes.title.set_fontsize(TITLE * 72 / DPI)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI)
    with Image.open(buffer) as picture, atomic_write(path) as temporary:
        colours = picture.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=8)
        colours.save(temporary, format="png", optimize=True)


def balanced_rows(panels: Sequence[Panel]) -> list[Sequence[Panel]]:
    """Rows of at most four panels, as equally long as can be."""
    rows = -(-len(panels) // MOST_IN_A_ROW)
    columns = -(-len(panels) // rows)
    return [panels[start : start + columns] for start in range(0, len(panels), columns)]
