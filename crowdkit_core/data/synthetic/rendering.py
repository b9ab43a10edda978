"""Render a scene: the backdrop, people and things from far to near, then the camera's flaws."""

import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageEnhance, ImageFilter

from crowdkit_core.data.synthetic import people as figures
from crowdkit_core.data.synthetic import things as clutter
from crowdkit_core.data.synthetic.backdrop import paint_backdrop
from crowdkit_core.data.synthetic.scene import Scene, Thing
from crowdkit_core.data.synthetic.stencil import PAINTS, Array, Sprite

_HAZE = np.array([0.78, 0.8, 0.82], np.float32)

_SATURATIONS = (0.0, *[0.75] * 4, *[0.9] * 6, *[1.0] * 6)
"""One picture in 17 is grey, as in the collected photographs of the field."""


def render(scene: Scene) -> npt.NDArray[np.uint8]:
    """The scene as a photograph, (H, W, 3) RGB."""
    rng = np.random.default_rng(scene.seed)
    canvas = paint_backdrop(rng, scene.camera, scene.far, scene.size)
    haze = float(rng.choice([0.0, 0.1, 0.25]))
    _populate(canvas, scene, haze)
    return _photograph(rng, canvas)


def _populate(canvas: Array, scene: Scene, haze: float) -> None:
    people, mirrored = scene.people, scene.light_from_right
    mixes = _mixes(people.colours, people.depths, scene.far, haze)
    things = list(scene.things)
    for i, depth in enumerate(people.depths.tolist()):
        while things and things[0].depth > depth:
            _paste_thing(canvas, scene, things.pop(0), haze)
        column, row = (int(v) for v in people.points[i])
        height = float(people.heads[i])
        body = figures.body_sprite(int(people.body_kinds[i]), scene.squash, height)
        _paste(canvas, body, column, row, mixes[i], mirrored)
        head = figures.head_sprite(int(people.head_kinds[i]), height)
        _paste(canvas, head, column, row, mixes[i], bool(people.looks_right[i]))
    for thing in things:
        _paste_thing(canvas, scene, thing, haze)


def _paste_thing(canvas: Array, scene: Scene, thing: Thing, haze: float) -> None:
    sprite = clutter.thing_sprite(thing.kind, thing.scale)
    mix = _mixes(thing.colours[None], np.array([thing.depth]), scene.far, haze)[0]
    _paste(canvas, sprite, int(thing.column), int(thing.row), mix, scene.light_from_right)


def _mixes(colours: Array, depths: npt.NDArray[np.float64], far: float, haze: float) -> Array:
    """Matrices from a sprite's layers to premultiplied RGB and opacity, (N, 4, PAINTS + 1)."""
    veil = (haze * np.clip(depths / far, 0, 1))[:, None, None]
    mixes = np.zeros((len(colours), 4, PAINTS + 1), np.float32)
    mixes[:, :3, :PAINTS] = (colours / 255 * (1 - veil)).transpose(0, 2, 1)
    mixes[:, :3, PAINTS] = veil[:, 0] * _HAZE
    mixes[:, 3, PAINTS] = 1
    return np.asarray(mixes / 255, np.float32)


def _paste(
    canvas: Array, sprite: Sprite, column: int, row: int, mix: Array, mirrored: bool
) -> None:
    """Lay a sprite over the canvas, its anchor on pixel (column, row)."""
    layers, left, top = sprite
    height, width = layers.shape[1:]
    if mirrored:
        layers, left = layers[..., ::-1], width - 1 - left
    x, y = column - left, row - top
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + width, canvas.shape[2]), min(y + height, canvas.shape[1])
    if x0 >= x1 or y0 >= y1:
        return
    seen = layers[:, y0 - y : y1 - y, x0 - x : x1 - x].astype(np.float32, order="C")
    colour = (mix @ seen.reshape(PAINTS + 1, -1)).reshape(4, y1 - y0, x1 - x0)
    patch = canvas[:, y0:y1, x0:x1]
    patch *= 1 - colour[3]
    patch += colour[:3]


def _photograph(rng: np.random.Generator, canvas: Array) -> npt.NDArray[np.uint8]:
    """Vignette, sensor noise, exposure, colour cast, faded colours, blur and JPEG."""
    height, width = canvas.shape[1:]
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    canvas *= (1 - rng.uniform(0, 0.1) * (x * x + y * y)).astype(np.float32)
    noise = 0.025 * rng.uniform() ** 2
    canvas += rng.standard_normal((height, width), np.float32) * np.float32(noise)
    np.clip(canvas, 0, 1, out=canvas)
    picture = Image.merge("RGB", [Image.fromarray(c) for c in (canvas * 255).astype(np.uint8)])
    picture = picture.point(_exposure(rng))
    picture = ImageEnhance.Color(picture).enhance(float(rng.choice(_SATURATIONS)))
    picture = picture.filter(ImageFilter.BoxBlur(float(rng.uniform(0, 0.5))))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(rng.integers(60, 96)))
    return np.asarray(Image.open(file))


def _exposure(rng: np.random.Generator) -> list[int]:
    """Tables of 256 values for red, green and blue: a gamma curve and a gain for each."""
    curve = np.linspace(0, 1, 256) ** rng.uniform(0.7, 1.1) * rng.uniform(0.85, 1.1)
    gains = rng.normal(1, 0.05, 3)
    return [int(v) for v in np.clip(np.outer(gains, curve) * 255, 0, 255).ravel()]
