"""Draw things that are not people, many of them round, which a counter must not count.

The drawing unit is one metre and the anchor stands on the ground; y points down, so a thing
reaches up into negative y.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from crowdkit_core.data.synthetic.stencil import Array, Sprite, Stencil

MAIN, SECOND, DARK, LIGHT, GLASS = range(5)

Box = tuple[float, float, float, float]


class Kind(NamedTuple):
    """One kind of thing.

    Attributes:
        draw: Draws it on a stencil.
        box: Drawing board in metres, (left, top, right, bottom).
        hides: The parts of it behind which nobody may stand unseen.
        odds: How often it turns up, relative to the others.
        raised: Metres its anchor may float above the ground, (least, most).
    """

    draw: Callable[[Stencil], None]
    box: Box
    hides: tuple[Box, ...]
    odds: float = 1.0
    raised: tuple[float, float] = (0.0, 0.0)


def _lamp(board: Stencil) -> None:
    board.paint(DARK, *board.profile([-4.2, -0.6, -0.5, 0], [0.05, 0.06, 0.12, 0.14]))
    for x, y in ((-0.55, -4.1), (0.55, -4.1), (0, -4.5)):
        board.paint(DARK, *board.limb((0, -3.9), (x, y + 0.15), 0.04, 0.03))
        board.paint(LIGHT, *board.ball(x, y, 0.2, 0.2))


def _sign(board: Stencil) -> None:
    board.paint(DARK, *board.profile([-2.6, 0], [0.035, 0.035]))
    board.paint(MAIN, board.ellipse(0, -2.5, 0.36, 0.36))
    board.paint(LIGHT, board.ellipse(0, -2.5, 0.27, 0.27))
    bar = board.within(0.05 - np.abs(board.y + 2.5)) * board.within(0.2 - np.abs(board.x))
    board.paint(DARK, bar)


def _bin(board: Stencil) -> None:
    _shade_below(board, 0.4)
    board.paint(MAIN, *board.profile([-0.95, -0.9, 0], [0.28, 0.3, 0.24]))
    board.paint(DARK, board.ellipse(0, -0.95, 0.3, 0.09))


def _bollard(board: Stencil) -> None:
    _shade_below(board, 0.25)
    board.paint(SECOND, *board.profile([-0.95, 0], [0.09, 0.1]))
    board.paint(MAIN, *board.ball(0, -1.02, 0.15, 0.15))


def _ball(board: Stencil) -> None:
    _shade_below(board, 0.15)
    board.paint(MAIN, *board.ball(0, -0.13, 0.13, 0.13))
    board.paint(DARK, board.ellipse(-0.02, -0.14, 0.045, 0.045))
    board.paint(DARK, board.ellipse(0.07, -0.07, 0.03, 0.03))


def _balloons(board: Stencil) -> None:
    spots = ((0.0, -1.5), (-0.3, -1.2), (0.32, -1.25), (0.05, -1.0))
    for paint, (x, y) in zip((MAIN, SECOND, LIGHT, GLASS), spots, strict=True):
        board.paint(DARK, *board.limb((x, y + 0.2), (0, 0), 0.008, 0.008))
        board.paint(paint, *board.ball(x, y, 0.18, 0.22))
        board.paint(LIGHT, board.ellipse(x - 0.06, y - 0.09, 0.035, 0.05) * 0.8, 1.3)


def _tree(board: Stencil) -> None:
    _shade_below(board, 2.0)
    board.paint(SECOND, *board.profile([-3, -0.3, 0], [0.13, 0.17, 0.28]))
    _foliage(board, (0, -4.2), (1.7, 1.9), 0.5)


def _car(board: Stencil) -> None:
    _shade_below(board, 2.4)
    roof = board.profile([-1.45, -1.38, -0.85], [0.85, 1.0, 1.45])
    board.paint(MAIN, roof[0], 0.95)
    window = board.profile([-1.36, -0.9], [0.9, 1.28])
    board.paint(GLASS, window[0], 0.7 + 0.2 * np.sin(board.x * 3))
    board.paint(MAIN, board.within(0.05 - np.abs(board.x)) * roof[0])
    hull = board.profile([-0.92, -0.8, -0.5, -0.25], [1.9, 2.1, 2.2, 2.1])
    board.paint(MAIN, hull[0], 0.8 - 0.3 * board.y[:, :1] - 0.35 * (board.y > -0.45))
    for x in (-1.3, 1.3):
        board.paint(DARK, board.ellipse(x, -0.32, 0.34, 0.34), 0.6)
        board.paint(LIGHT, board.ellipse(x, -0.32, 0.18, 0.18), 0.6)
    for x in (-2.05, 2.05):
        board.paint(LIGHT, board.ellipse(x, -0.68, 0.12, 0.08))


def _parasol(board: Stencil) -> None:
    _shade_below(board, 1.3)
    board.paint(LIGHT, *board.profile([-2.5, 0], [0.03, 0.03]))
    dome = board.ball(0, -2.1, 1.4, 0.75)
    roof = dome[0] * board.within(-2.1 - board.y)
    board.paint(MAIN, roof, dome[1])
    board.paint(SECOND, roof * (np.sin(np.arcsin(np.clip(board.x / 1.4, -1, 1)) * 7) > 0), dome[1])


def _bush(board: Stencil) -> None:
    _shade_below(board, 0.7)
    board.paint(SECOND, *board.profile([-0.45, 0], [0.42, 0.32]))
    _foliage(board, (0, -0.8), (0.45, 0.45), 0.15)


def _placard(board: Stencil) -> None:
    board.paint(SECOND, *board.profile([-2.4, -1.4], [0.025, 0.025]))
    panel = board.within(0.42 - np.abs(board.x)) * board.within(0.28 - np.abs(board.y + 2.55))
    board.paint(LIGHT, panel)
    for row, half in ((-2.66, 0.32), (-2.55, 0.22), (-2.44, 0.3)):
        line = board.within(half - np.abs(board.x)) * board.within(0.03 - np.abs(board.y - row))
        board.paint(MAIN, line * (np.sin(board.x * 43 + row * 30) > -0.5))


def _flag(board: Stencil) -> None:
    board.paint(SECOND, *board.limb((0, -1.4), (0.25, -3.9), 0.025, 0.02))
    wave = board.y + 0.07 * np.sin(board.x * 5)
    inside = board.within(0.65 - np.abs(board.x - 0.9)) * board.within(0.42 - np.abs(wave + 3.4))
    shade = 0.85 + 0.2 * np.cos(board.x * 5)
    board.paint(MAIN, inside, shade)
    board.paint(LIGHT, inside * board.within(0.14 - np.abs(wave + 3.4)), shade)


def _foliage(
    board: Stencil, centre: tuple[float, float], radii: tuple[float, float], clump: float
) -> None:
    """Ragged clumps of leaves within an ellipse, the upper ones in front and lighter."""
    rng = np.random.default_rng(5)
    leaf = rng.random((97, 89), np.float32)
    for depth in np.linspace(0, 1, 40):
        angle, away = rng.uniform(0, 2 * np.pi), np.sqrt(rng.random()) * (1 - 0.2 * depth)
        x = centre[0] + radii[0] * away * np.cos(angle)
        y = centre[1] + radii[1] * away * np.sin(angle)
        part = board.part((x - clump, y - clump, x + clump, y + clump))
        rows, columns = ((v * 6 / clump).astype(np.int32) for v in (part.y, part.x))
        leaves = leaf[rows % 97, columns % 89]
        radius = np.hypot(part.x - x, part.y - y) / clump
        _, shade = part.ball(x, y, clump, clump)
        lit = (0.5 + 0.35 * depth - 0.15 * np.sin(angle)) * (0.7 + 0.5 * leaves)
        part.paint(MAIN, part.within((1 - radius - 0.45 * leaves) * clump), shade * lit)


def _shade_below(board: Stencil, radius: float) -> None:
    away = np.hypot(board.x - 0.1 * radius, board.y * 4.5) / radius
    board.shadow((0.55 * np.clip(1.15 - away, 0, 1)).astype(np.float32))


KINDS: tuple[Kind, ...] = (
    Kind(_lamp, (-0.9, -4.8, 0.9, 0.2), ((-0.8, -4.75, 0.8, -3.8), (-0.15, -3.8, 0.15, 0))),
    Kind(_sign, (-0.5, -3.0, 0.5, 0.1), ((-0.4, -2.9, 0.4, -2.1), (-0.05, -2.1, 0.05, 0))),
    Kind(_bin, (-0.6, -1.15, 0.6, 0.2), ((-0.35, -1.1, 0.35, 0.05),)),
    Kind(_bollard, (-0.4, -1.3, 0.4, 0.15), ((-0.17, -1.2, 0.17, 0.05),), 1.5),
    Kind(_ball, (-0.3, -0.4, 0.3, 0.1), ((-0.15, -0.3, 0.15, 0.05),), 1.5),
    Kind(_balloons, (-0.7, -1.9, 0.7, 0.1), ((-0.55, -1.8, 0.55, -0.7),), 2.0, (1.8, 4.5)),
    Kind(_tree, (-2.6, -6.6, 2.6, 0.7), ((-2.1, -6.4, 2.1, -2.2), (-0.3, -2.2, 0.3, 0)), 1.2),
    Kind(_car, (-2.7, -1.7, 2.7, 0.8), ((-2.3, -1.5, 2.3, 0.1),), 0.8),
    Kind(_parasol, (-1.6, -3.0, 1.6, 0.5), ((-1.5, -2.95, 1.5, -2.0), (-0.05, -2, 0.05, 0)), 0.8),
    Kind(_bush, (-0.9, -1.5, 0.9, 0.3), ((-0.6, -1.4, 0.6, 0.05),), 1.5),
    Kind(
        _placard,
        (-0.6, -3.0, 0.6, -1.2),
        ((-0.5, -2.9, 0.5, -2.2), (-0.05, -2.2, 0.05, -1.4)),
        1.5,
    ),
    Kind(_flag, (-0.3, -4.3, 1.8, -1.2), ((0.1, -4.1, 1.7, -2.8), (-0.05, -2.8, 0.2, -1.4)), 0.8),
)

_GREENS = ((64, 110, 52), (92, 128, 58), (48, 88, 56), (120, 140, 60), (150, 110, 50))
_VIVID = (
    (206, 40, 44), (236, 190, 50), (44, 90, 180), (60, 150, 80), (230, 120, 40), (190, 60, 140),
    (236, 236, 232), (222, 176, 140), (150, 104, 74), (40, 42, 48), (120, 126, 134),
)  # fmt: skip


def draw_colours(rng: np.random.Generator, kind: int) -> Array:
    """Colours of one thing, (5, 3) RGB in [0, 255]."""
    leafy = KINDS[kind].draw in (_tree, _bush)
    main = _GREENS[rng.integers(len(_GREENS))] if leafy else _VIVID[rng.integers(len(_VIVID))]
    second = (98, 78, 60) if leafy else _VIVID[rng.integers(len(_VIVID))]
    light = (240, 236, 222)
    colours = np.array([main, second, (44, 46, 50), light, (108, 128, 140)], np.float32)
    return np.clip(colours * rng.normal(1, 0.06, (5, 3)), 8, 250).astype(np.float32)


@lru_cache(maxsize=256)
def thing_sprite(kind: int, scale: float) -> Sprite:
    """``KINDS[kind]`` at ``scale`` pixels per metre."""
    return _thing_stencil(kind, int(2 ** np.ceil(np.log2(max(scale, 32))))).sprite(scale)


@lru_cache(maxsize=64)
def _thing_stencil(kind: int, scale: int) -> Stencil:
    board = Stencil(KINDS[kind].box, scale)
    KINDS[kind].draw(board)
    return board
