"""What the browser shows: a photo or heat map as a JPEG, and over it dots and lines as SVG."""

import html
import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from matplotlib import colormaps
from PIL import Image

from crowdkit_core.data.files import read_image
from crowdkit_core.visual import overlay
from crowdkit_core.visual.canvas import muted, peak, shown_density
from crowdkit_core.visual.overlay import heat_opacity
from crowdkit_page.dots import Dot
from crowdkit_page.photos import Photo

THUMBNAIL = 160
"""Longer side of a small picture in pixels."""

DOT, RIM = "#3df5ff", "#10202a"
ZONE, GROUND = "#ffd166", "#ff6b9a"
FEWEST_PER_PIXEL = 1e-4
"""People per pixel that the brightest colour stands for at least, or nobody would glow."""


def thumbnail(photo: Photo) -> bytes:
    """The photo as a small JPEG."""
    with Image.open(photo.preview) as opened:
        opened.thumbnail((THUMBNAIL, THUMBNAIL))
        return _jpeg(opened)


def heat_map(photo: Photo) -> bytes:
    """The density map over the photo as a JPEG of its `shown_size`; without a map the photo."""
    counted = photo.counted
    if counted is None or counted.density is None or counted.stride is None:
        return photo.preview.read_bytes()
    with Image.open(photo.preview) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    intensity = shown_density(
        counted.density, stride=counted.stride, size=counted.size, shown=photo.shown_size
    )
    level = np.clip(intensity / max(peak(intensity), FEWEST_PER_PIXEL), 0, 1)
    colours = colormaps["inferno"](level)[..., :3]
    opacity = heat_opacity(level)[..., None]
    blended = muted(pixels) * (1 - opacity) + colours * opacity
    return _jpeg(Image.fromarray(np.rint(blended * 255).astype(np.uint8)))


def _jpeg(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "JPEG", quality=85)
    return written.getvalue()


def svg(photo: Photo, *, dots: bool = True) -> str:
    """Dots, zones and corners on the ground, in the pixels of the shown picture."""
    height, width = photo.shown_size
    ratio = width / photo.size[1]
    line = max(height, width) / 500
    places = photo.places
    parts = [
        _polygon(zone.corners, ratio, line, ZONE, zone.name, closed=True) for zone in places.zones
    ]
    parts.append(_polygon(places.begun, ratio, line, ZONE, "", closed=False))
    closed = len(places.ground) == 4
    parts.append(_polygon(places.ground, ratio, line, GROUND, "", closed=closed))
    if dots:
        radius = max(photo.dots.radius(photo.size) * ratio, 1.5)
        parts += [
            f'<circle cx="{x * ratio:.1f}" cy="{y * ratio:.1f}" r="{radius:.1f}" fill="{DOT}" '
            f'stroke="{RIM}" stroke-width="{radius / 4:.1f}"/>'
            for x, y in photo.dots.xy
        ]
    return "".join(parts)


def _polygon(
    corners: Sequence[Dot], ratio: float, line: float, colour: str, name: str, *, closed: bool
) -> str:
    if not corners:
        return ""
    shown = [(x * ratio, y * ratio) for x, y in corners]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in shown)
    shape = "polygon" if closed else "polyline"
    fill = f'fill="{colour}" fill-opacity="0.15"' if closed else 'fill="none"'
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2 * line:.1f}" fill="{colour}"/>' for x, y in shown
    )
    x, y = shown[0]
    label = (
        f'<text x="{x + 3 * line:.1f}" y="{y + 9 * line:.1f}" font-size="{8 * line:.1f}" '
        f'fill="white" stroke="{RIM}" stroke-width="{line / 2:.1f}" paint-order="stroke" '
        f'font-family="sans-serif">{html.escape(name)}</text>'
        if name
        else ""
    )
    drawn = f'<{shape} points="{path}" {fill} stroke="{colour}" stroke-width="{line:.1f}"/>'
    return drawn + marks + label


def counted_png(photo: Photo) -> bytes:
    """The picture to keep: heat, the dots as they are now, zones, and how many there are."""
    counted = photo.counted
    points = torch.tensor(photo.dots.xy, dtype=torch.float32).reshape(-1, 2)
    figure = overlay(
        read_image(photo.path),
        caption=caption(photo),
        density=None if counted is None else counted.density,
        stride=None if counted is None else counted.stride,
        points=points if len(points) else None,
        zones=[] if counted is None else counted.shown_zones,
    )
    written = io.BytesIO()
    figure.savefig(written, format="png")
    return written.getvalue()


def headline(photo: Photo) -> str:
    """``322 people (90 %: 280 to 371)``, whatever the dots say."""
    if photo.counted is None:
        return "not counted yet"
    return str(replace(photo.counted, points=None))


def dots_line(photo: Photo) -> str:
    """How many dots there are, and whether somebody corrected them."""
    number = len(photo.dots)
    said = f"{number} dot{'s' * (number != 1)}"
    return f"{said} after corrections" if photo.dots.is_corrected else said


def caption(photo: Photo) -> str:
    """Both in one line, for a picture to take along."""
    if photo.counted is None:
        return dots_line(photo)
    return f"{headline(photo)}, {dots_line(photo)}"
