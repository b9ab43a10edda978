"""Paint counts over the frames of a clip, quicker than a figure is drawn."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import Bool, Float, Num, UInt8
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_erosion
from torch import Tensor

from crowdkit_core.interfaces import LargeImage, Size
from crowdkit_core.visual.canvas import (
    INK,
    POINT,
    Colormap,
    display_size,
    muted,
    peak,
    shown_density,
    shown_photo,
)
from crowdkit_core.visual.legend import square_side, wrapped
from crowdkit_core.visual.outlines import COLOURS, ShownZone, shown_inside
from crowdkit_core.visual.overlay import SHOWN_SIDES, heat_opacity, shade

FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans-Bold.ttf"


class Painter:
    """Paints the frames of one clip alike: all in one size, and one colour for one density.

    Sides are even, as encoders of videos want them. The top of the colour scale is that of the
    densest frame so far, so that colours do not flicker.

    Args:
        colormap: Colours from low to high density.
    """

    def __init__(self, colormap: Colormap = "inferno") -> None:
        self._shown: Size | None = None
        self._top = 0.0
        levels = np.linspace(0, 1, 256, dtype=np.float32)
        self._colors = colormaps[colormap](levels)[:, :3].astype(np.float32)
        self._opacity = heat_opacity(levels)[:, None]

    def paint(
        self,
        image: Num[Tensor, "3 H W"] | LargeImage,
        *,
        caption: str,
        density: Float[Tensor, "h w"] | None = None,
        stride: int | None = None,
        points: Float[Tensor, "N 2"] | None = None,
        roi: Bool[Tensor, "H W"] | None = None,
        zones: Sequence[ShownZone] = (),
    ) -> UInt8[np.ndarray, "h w 3"]:
        """The frame with what `visual.overlay` draws over a photo."""
        size = (image.shape[-2], image.shape[-1])
        shown = self._shown = self._shown or _even(size)
        photo = shown_photo(image, shown)
        picture = muted(photo) if density is not None or points is not None else photo / 255
        if density is not None and stride is not None:
            intensity = shown_density(density, stride=stride, size=size, shown=shown)
            self._top = max(self._top, peak(intensity), 1 / square_side(size) ** 2)
            level = (np.clip(intensity / self._top, 0, 1) * 255).astype(np.uint8)
            opacity = self._opacity[level]
            picture = picture * (1 - opacity) + self._colors[level] * opacity
        if roi is not None:
            picture = picture * (1 - shade(roi, shown)[..., 3:])
        edges = [_edge(zone, shown) for zone in zones]
        for number, edge in enumerate(edges):
            picture[edge] = to_rgb(COLOURS[number % len(COLOURS)])
        drawn = Image.fromarray((picture * 255).astype(np.uint8))
        if points is not None:
            _dot(drawn, points, size)
        for zone, edge in zip(zones, edges, strict=True):
            _label(drawn, zone.label, edge)
        _write(drawn, caption)
        return np.asarray(drawn)


def _even(size: Size) -> Size:
    height, width = display_size(size, int(np.clip(max(size), *SHOWN_SIDES)))
    return max(2, height // 2 * 2), max(2, width // 2 * 2)


def _dot(drawn: Image.Image, points: Tensor, size: Size) -> None:
    ratio = np.array([drawn.width / size[1], drawn.height / size[0]])
    xy = points.detach().cpu().double().numpy() * ratio
    spacing = (drawn.width * drawn.height / max(len(xy), 1)) ** 0.5
    radius = float(np.clip(spacing / 10, 1.75, 4.5))
    pencil = ImageDraw.Draw(drawn)
    for x, y in xy.tolist():
        pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=POINT, outline=INK)


def _edge(zone: ShownZone, shown: Size) -> NDArray[np.bool_]:
    """The pixels of a zone that are near others."""
    inside = np.pad(shown_inside(zone, shown) > 0.5, 1)
    width = max(1, round(min(shown) / 300))
    edge: NDArray[np.bool_] = inside & ~binary_erosion(inside, iterations=width)
    return edge[1:-1, 1:-1]


def _label(drawn: Image.Image, label: str, edge: NDArray[np.bool_]) -> None:
    """The zone's label at its upper left end."""
    if not edge.any():
        return
    letters = max(0.03 * min(drawn.size), 12)
    row, column = np.argwhere(edge)[0].tolist()
    font = ImageFont.truetype(FONT, round(letters))
    place = (column + 0.4 * letters, row + 0.3 * letters)
    pencil = ImageDraw.Draw(drawn)
    pencil.text(place, label, font=font, fill="white", stroke_width=2, stroke_fill=INK)


def _write(drawn: Image.Image, caption: str) -> None:
    letters = max(0.043 * min(drawn.size), 16)
    font = ImageFont.truetype(FONT, round(letters))
    place = (0.7 * letters, 0.5 * letters)
    pencil = ImageDraw.Draw(drawn)
    lines = "\n".join(wrapped(caption, drawn.width, letters))
    left, top, right, bottom = pencil.textbbox(place, lines, font=font)
    pad = 0.35 * letters
    pencil.rounded_rectangle((left - pad, top - pad, right + pad, bottom + pad), pad, fill=INK)
    pencil.text(place, lines, font=font, fill="white")
