"""Draw the backdrop of a scene: sky, buildings, trees, stands or a stage, and the ground."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from crowdkit_core.data.synthetic.scene import Camera
from crowdkit_core.data.synthetic.stencil import Array
from crowdkit_core.interfaces import Size

Colour = tuple[int, int, int]

_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((96, 148, 210), (200, 220, 236)),
    ((178, 186, 196), (218, 220, 222)),
    ((120, 150, 190), (240, 214, 180)),
    ((150, 176, 204), (226, 232, 236)),
)
_FACADES: tuple[Colour, ...] = (
    (176, 160, 140), (150, 96, 78), (198, 188, 172), (120, 124, 130), (206, 180, 140),
    (142, 130, 118), (168, 176, 184), (224, 216, 204), (96, 88, 86),
)  # fmt: skip
_GROUNDS: tuple[Colour, ...] = (
    (104, 104, 106), (168, 160, 148), (150, 142, 132), (98, 122, 66), (182, 160, 126),
)  # fmt: skip
_GRASS = 3
_BRIGHT: tuple[Colour, ...] = (
    (200, 44, 48), (40, 88, 176), (236, 192, 60), (240, 240, 236), (50, 140, 84), (230, 124, 44),
)  # fmt: skip


def paint_backdrop(rng: np.random.Generator, camera: Camera, far: float, size: Size) -> Array:
    """The empty place, (3, H, W) in [0, 1]."""
    height, width = size
    wall = far * float(rng.uniform(1.05, 1.5))
    edge = camera.horizon + camera.focal * camera.height / wall
    picture = _sky(rng, size, max(edge, 1.0))
    if edge > 2:
        draw = ImageDraw.Draw(picture)
        kind = rng.choice(4, p=[0.45, 0.25, 0.18, 0.12])
        (_street, _park, _stands, _stage)[kind](rng, draw, camera, wall, edge, width)
    canvas = np.stack([np.asarray(band) for band in picture.split()]) * np.float32(1 / 255)
    top = int(np.clip(np.ceil(edge), 0, height))
    canvas[:, top:] = _ground(rng, camera, size, top)
    return canvas


def _sky(rng: np.random.Generator, size: Size, edge: float) -> Image.Image:
    zenith, low = _SKIES[rng.integers(len(_SKIES))]
    rows, columns = np.linspace(0, size[0] / edge, 12), 8
    mix = np.clip(rows, 0, 1)[:, None, None]
    cover = np.clip(rng.random((12, columns, 1)) - 0.45, 0, 1)
    sky = np.array(zenith) * (1 - mix) + np.array(low) * mix
    coarse = Image.fromarray((sky + (250 - sky) * cover).astype(np.uint8))
    return coarse.resize((size[1], size[0]), Image.Resampling.BICUBIC)


def _shaded(colour: Colour, factor: float) -> Colour:
    red, green, blue = (int(min(channel * factor, 255)) for channel in colour)
    return red, green, blue


def _pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    return _shaded(colours[rng.integers(len(colours))], float(rng.uniform(0.8, 1.1)))


def _box(
    draw: ImageDraw.ImageDraw, box: tuple[float, float, float, float], *, fill: Colour
) -> None:
    """A filled rectangle, or nothing where the view leaves nothing of it."""
    left, top, right, bottom = box
    if left <= right and top <= bottom:
        draw.rectangle(box, fill=fill)


def _street(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    camera: Camera,
    wall: float,
    edge: float,
    width: int,
) -> None:
    """House fronts with windows, doors, shop awnings; a second row looks over the first."""
    for depth, haze, tall in ((wall * 1.8, 0.35, 30), (wall, 0.0, 18)):
        scale = camera.focal / depth
        base = camera.horizon + camera.height * scale
        x = float(rng.uniform(-8, 0)) * scale
        while x < width:
            front = float(rng.uniform(6, 16)) * scale
            roof = base - float(rng.uniform(0.45, 1)) * tall * scale
            colour = _pick(rng, _FACADES)
            faded = _mix(colour, (205, 212, 220), haze)
            _box(draw, (x, roof, x + front, edge), fill=faded)
            _box(draw, (x, roof, x + front, roof + 0.5 * scale), fill=_shaded(faded, 0.8))
            _windows(rng, draw, (x, roof, x + front, base), scale, faded)
            x += front
    _trees(rng, draw, camera, wall * 0.98, width, every=16)


def _mix(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (
        int(a * (1 - share) + b * share) for a, b in zip(colour, other, strict=True)
    )
    return red, green, blue


def _windows(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    front: tuple[float, float, float, float],
    scale: float,
    colour: Colour,
) -> None:
    left, top, right, base = front
    pitch, storey = float(rng.uniform(1.8, 3.2)) * scale, 3.3 * scale
    glass = _shaded((80, 92, 108), float(rng.uniform(0.6, 1.4)))
    row = base - 4.2 * scale
    while row > max(top + 2.2 * scale, -storey):
        for column in np.arange(left + 0.5 * pitch, right - 0.6 * pitch, pitch):
            pane = (column, row - 1.6 * scale, column + 0.55 * pitch, row)
            lit = (226, 206, 150) if rng.random() < 0.08 else glass
            _box(draw, pane, fill=lit)
            if scale > 5:
                draw.line((pane[0], pane[3] + 1, pane[2], pane[3] + 1), fill=_shaded(colour, 1.2))
        row -= storey
    _box(draw, (left, base - 3.2 * scale, right, base), fill=_shaded(colour, 0.55))
    awning = _pick(rng, _BRIGHT)
    inset = 0.1 * (right - left)
    sunblind = (left + inset, base - 3.5 * scale, right - 1.5 * inset, base - 2.9 * scale)
    _box(draw, sunblind, fill=_shaded(awning, 0.8))


def _trees(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    camera: Camera,
    depth: float,
    width: int,
    every: float,
) -> None:
    scale = camera.focal / depth
    base = camera.horizon + camera.height * scale
    for _ in range(int(min(rng.poisson(width / scale / every), 24))):
        x = float(rng.uniform(0, width))
        tall, wide = (float(v) * scale for v in rng.uniform((4, 1.5), (9, 3)))
        green = _shaded((62, 96, 52), float(rng.uniform(0.6, 1.3)))
        trunk = (x - 0.15 * scale, base - 0.5 * tall, x + 0.15 * scale, base)
        _box(draw, trunk, fill=(70, 56, 44))
        leaves = 45
        angles = rng.uniform(0, 2 * np.pi, leaves)
        reach = np.sqrt(rng.random(leaves))
        for step, (angle, away) in enumerate(zip(angles, reach, strict=True)):
            cx = x + wide * away * np.cos(angle)
            cy = base - tall * (0.65 + 0.33 * away * np.sin(angle))
            r = 0.22 * wide
            shade = 0.7 + 0.5 * step / leaves - 0.2 * float(np.sin(angle))
            draw.ellipse((cx - r, cy - 0.8 * r, cx + r, cy + 0.8 * r), fill=_shaded(green, shade))


def _park(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    camera: Camera,
    wall: float,
    edge: float,
    width: int,
) -> None:
    hills = np.interp(np.linspace(0, 7, width), np.arange(8), rng.uniform(0.25, 0.5, 8))
    top = edge - hills * max(edge - camera.horizon, 12) * 1.5
    outline = [(0, edge), *zip(range(width), top.tolist(), strict=True), (width, edge)]
    draw.polygon(outline, fill=(112, 132, 116))
    for depth in (wall * 1.6, wall * 1.25, wall):
        _trees(rng, draw, camera, depth, width, every=3.5)


def _stands(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    camera: Camera,
    wall: float,
    edge: float,
    width: int,
) -> None:
    """Empty tiers of round-backed seats, a roof and a line of advertising boards."""
    scale = camera.focal / wall
    seat, step = _pick(rng, _BRIGHT), max(0.8 * scale, 3.0)
    concrete = _shaded((150, 150, 150), float(rng.uniform(0.6, 1.1)))
    top = edge - 14 * step
    _box(draw, (0, top, width, edge), fill=concrete)
    r = 0.3 * step
    for row in np.arange(edge - 2.2 * step, top, -step):
        _box(draw, (0, row, width, row + 0.25 * step), fill=_shaded(concrete, 0.7))
        for x in np.arange(float(rng.uniform(0, step)), width, step * 0.9):
            worn = _shaded(seat, float(rng.uniform(0.7, 1.1)))
            draw.ellipse((x - r, row - 2 * r, x + r, row), fill=worn)
    for x in np.arange(0, width, 12 * step):
        _box(draw, (x, top, x + 0.9 * step, edge), fill=_shaded(concrete, 0.85))
    _box(draw, (0, top - 1.5 * step, width, top), fill=(60, 62, 66))
    for x in np.arange(0, width, 6 * scale):
        _box(draw, (x, edge - 1.1 * scale, x + 5.8 * scale, edge), fill=_pick(rng, _BRIGHT))


def _stage(
    rng: np.random.Generator,
    draw: ImageDraw.ImageDraw,
    camera: Camera,
    wall: float,
    edge: float,
    width: int,
) -> None:
    """A concert stage: dark drapes, a bright screen, trusses with round spotlights."""
    scale = camera.focal / wall
    _box(draw, (0, 0, width, edge), fill=(30, 30, 40))
    left, right = 0.2 * width, 0.8 * width
    bottom = edge - 1.6 * scale
    top = min(max(edge - 11 * scale, 4.0), bottom)
    glow = _pick(rng, _BRIGHT)
    _box(draw, (left, top, right, bottom), fill=_mix(glow, (30, 30, 60), 0.5))
    for _ in range(14):
        x, y = float(rng.uniform(left, right)), float(rng.uniform(top, bottom))
        r = float(rng.uniform(0.2, 1.2)) * scale
        draw.ellipse((x - r, y - r, x + r, y + r), fill=_mix(_pick(rng, _BRIGHT), glow, 0.6))
    _box(draw, (0.1 * width, bottom, 0.9 * width, edge), fill=(18, 18, 22))
    _box(draw, (left, top - 0.5 * scale, right, top), fill=(90, 90, 96))
    r = max(0.3 * scale, 1.5)
    for x in np.linspace(left, right, 12):
        light = _mix(_pick(rng, _BRIGHT), (255, 255, 255), 0.6)
        draw.ellipse((x - r, top - r, x + r, top + r), fill=light)


def _ground(rng: np.random.Generator, camera: Camera, size: Size, top: int) -> Array:
    """Rows from ``top`` down: asphalt, slabs, cobbles, grass or sand in true perspective."""
    height, width = size
    rows = np.arange(top, height) + 0.5
    metre = ((rows - camera.horizon) / camera.height)[:, None].astype(np.float32)
    depth = camera.focal / metre
    across = (np.arange(width, dtype=np.float32)[None, :] + 0.5 - camera.centre) / metre
    kind = int(rng.integers(len(_GROUNDS)))
    shade = 1 + 0.5 * _grain(across, depth, 40) * np.clip(metre / 25, 0.1, 1)
    shade += 0.35 * _grain(across, depth, 4)
    if kind == _GRASS:
        stripes = np.sin(depth * float(rng.uniform(0.8, 1.5)))
        shade += 0.05 * np.sign(stripes)
    else:
        tile = (3.5, 1.2, 0.35, 0.0, 2.4)[kind] * float(rng.uniform(0.8, 1.4))
        shade *= 1 - 0.3 * _joints(across, depth, tile, metre)
    far = np.clip((rows - top) / max(height - top, 1), 0, 1)[:, None]
    ground = np.array(_pick(rng, (_GROUNDS[kind],)), np.float32) / 255
    return np.asarray(shade * (0.9 + 0.12 * far) * ground[:, None, None], np.float32)


def _joints(across: Array, depth: Array, tile: float, metre: Array) -> Array:
    """Dark joints between square slabs, fading where a slab is too small to see."""
    line = np.maximum(0.03, 1.2 / (metre * tile))
    columns = np.abs(across / tile - np.rint(across / tile)) < line / 2
    flatter = 1.2 / (metre * tile) * np.clip(depth * metre / (metre * 8), 1, 4)
    rows = np.abs(depth / tile - np.rint(depth / tile)) < np.maximum(0.03, flatter) / 2
    visible = np.clip(metre * tile / 10 - 0.3, 0, 1)
    return np.asarray(np.maximum(columns, rows) * visible, np.float32)


@lru_cache(maxsize=1)
def _noise() -> Array:
    """A repeating patch of cloudy noise, about zero."""
    white = np.fft.fft2(np.random.default_rng(11).normal(0, 1, (256, 256)))
    cycles = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(256, 1 / 256)]))
    clouds = np.fft.ifft2(white / np.maximum(cycles, 1) ** 0.8).real
    return np.asarray(0.25 * clouds / clouds.std(), np.float32)


def _grain(across: Array, depth: Array, per_metre: float) -> Array:
    columns = (across * per_metre).astype(np.int32) & 255
    rows = (depth * per_metre).astype(np.int32) & 255
    return np.asarray(_noise()[rows, columns])
