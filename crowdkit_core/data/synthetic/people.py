"""Draw people: heads and bodies as stencils, and their colours.

The drawing unit is one head height and the anchor is the centre of the head.
"""

from functools import lru_cache

import numpy as np

from crowdkit_core.data.synthetic.stencil import Array, Sprite, Stencil

HEAD_HEIGHT = 0.25
"""Metres from chin to crown."""

SKIN, HAIR, TOP, BOTTOM, EXTRA = range(5)

VIEWS = ("front", "side", "back")
STYLES = (
    "short",
    "long",
    "bald",
    "curly",
    "bun",
    "beard",
    "cap",
    "hat",
    "beanie",
    "scarf",
)
HEADS = tuple((view, style) for view in VIEWS for style in STYLES)

POSES = ("still", "folded", "wave", "cheer", "walk", "phone")
GARMENTS = ("shirt", "sleeves", "jacket", "stripes", "dress", "coat", "backpack")
BODIES = tuple((pose, garment) for pose in POSES for garment in GARMENTS)

_SKINS = np.array(
    [[244, 208, 180], [233, 190, 158], [219, 172, 136], [198, 146, 108], [168, 118, 82],
     [133, 90, 62], [98, 65, 46], [72, 48, 36]], np.float32,
)  # fmt: skip
_HAIRS = np.array(
    [[24, 20, 20], [32, 24, 20], [48, 32, 24], [74, 50, 34], [104, 74, 46], [168, 130, 78],
     [206, 172, 112], [120, 56, 30], [150, 148, 146], [214, 212, 208]], np.float32,
)  # fmt: skip
_HAIR_ODDS = np.array([20, 18, 16, 12, 9, 6, 4, 3, 7, 4]) / 99
_CLOTHES = np.array(
    [[28, 28, 32], [46, 48, 56], [30, 38, 66], [78, 82, 90], [138, 140, 144], [228, 228, 226],
     [240, 238, 228], [186, 36, 40], [126, 26, 38], [40, 74, 150], [92, 140, 200],
     [44, 104, 68], [120, 128, 74], [230, 188, 56], [226, 120, 44], [214, 120, 150],
     [112, 70, 130], [196, 172, 136], [120, 88, 62], [60, 150, 156]], np.float32,
)  # fmt: skip
_CLOTHES_ODDS = np.array([10, 8, 9, 7, 6, 10, 6, 6, 3, 6, 5, 3, 3, 3, 3, 4, 2, 4, 4, 2]) / 104
_TROUSERS = np.array(
    [[30, 30, 36], [42, 52, 80], [66, 86, 122], [58, 56, 56], [168, 150, 120], [204, 200, 190],
     [86, 68, 54]], np.float32,
)  # fmt: skip


def draw_colours(rng: np.random.Generator, people: int) -> Array:
    """Colours of skin, hair, top, bottom and extra for each person.

    A crowd has a leaning: some crowds are mostly dark, some wear one team's colour.

    Returns:
        (N, 5, 3) RGB in [0, 255].
    """
    skin_leaning = rng.dirichlet(np.full(len(_SKINS), 0.9))
    skin = _SKINS[rng.choice(len(_SKINS), people, p=skin_leaning)]
    hair = _HAIRS[rng.choice(len(_HAIRS), people, p=_HAIR_ODDS)]
    tops, extras = (_CLOTHES[rng.choice(len(_CLOTHES), people, p=_CLOTHES_ODDS)] for _ in range(2))
    in_team = rng.random(people) < rng.choice([0.0, 0.0, 0.15, 0.6])
    tops[in_team] = _CLOTHES[rng.integers(len(_CLOTHES))]
    trousers = _TROUSERS[rng.integers(len(_TROUSERS), size=people)]
    colours = np.stack([skin, hair, tops, trousers, extras], axis=1)
    tint = rng.normal(1, 0.05, (people, 5, 3)) * rng.normal(1, 0.1, (people, 5, 1))
    return np.clip(colours * tint, 8, 250).astype(np.float32)


@lru_cache(maxsize=4096)
def head_sprite(index: int, height: float) -> Sprite:
    """Head ``HEADS[index]`` that is ``height`` pixels high."""
    return _head_stencil(index, _drawn_at(height)).sprite(height)


@lru_cache(maxsize=4096)
def body_sprite(index: int, squash: float, height: float) -> Sprite:
    """Body ``BODIES[index]`` of a person whose head is ``height`` pixels high.

    Args:
        index: Into `BODIES`.
        squash: How much of its length is left when looked at from above, up to 1.
        height: Pixels from chin to crown.
    """
    return _body_stencil(index, squash, _drawn_at(height)).sprite(height)


def _drawn_at(height: float) -> int:
    """Stencils are drawn at powers of two and reduced to the size they are needed in."""
    return int(2 ** np.ceil(np.log2(max(height, 24))))


@lru_cache(maxsize=512)
def _head_stencil(index: int, scale: int) -> Stencil:
    view, style = HEADS[index]
    board = Stencil((-1.0, -0.95, 1.0, 1.05), scale)
    if style == "long":
        board.paint(HAIR, *_soft(board, 0.03, 0.22, 0.46, 0.66))
    if style == "bun" and view != "front":
        board.paint(HAIR, *board.ball(0.42 if view == "side" else 0, -0.3, 0.2, 0.2))
    if style == "scarf":
        board.paint(EXTRA, *_soft(board, 0, 0.16, 0.48, 0.66))
    {"front": _front, "side": _side, "back": _back}[view](board, style)
    _COVERS.get(style, _bare)(board, view)
    return board


def _soft(board: Stencil, x: float, y: float, rx: float, ry: float) -> tuple[Array, Array]:
    coverage, shade = board.ball(x, y, rx, ry)
    strands = 0.06 * np.sin((board.x - x) * 46 + 3 * np.sin(board.y * 7))
    return coverage, shade + strands


def _front(board: Stencil, style: str) -> None:
    for side in (-1, 1):
        board.paint(SKIN, board.ellipse(side * 0.37, 0.06, 0.07, 0.11), 0.75)
    board.paint(SKIN, *board.ball(0, 0.03, 0.37, 0.47))
    for side in (-1, 1):
        board.paint(HAIR, board.ellipse(side * 0.15, -0.07, 0.09, 0.022), 0.9)
        board.paint(SKIN, board.ellipse(side * 0.15, 0.01, 0.06, 0.035), 0.55)
        board.paint(SKIN, board.ellipse(side * 0.15, 0.015, 0.028, 0.03), 0.18)
    board.paint(SKIN, board.ellipse(0.03, 0.15, 0.05, 0.05) * 0.5, 0.62)
    if style == "beard":
        chin = board.ellipse(0, 0.06, 0.36, 0.45) * board.within(board.y - 0.17)
        board.paint(HAIR, chin, 0.9)
    board.paint(SKIN, board.ellipse(0, 0.28, 0.12, 0.025), 0.5)
    if style not in ("bald", "scarf"):
        coverage, shade = _soft(board, 0, -0.06, 0.43, 0.46)
        hairline = -0.17 - 0.12 * np.cos(board.x * 5) + 0.35 * np.abs(board.x) ** 1.5
        board.paint(HAIR, coverage * board.within(hairline - board.y), shade)


def _side(board: Stencil, style: str) -> None:
    board.paint(SKIN, *board.ball(0.02, 0.0, 0.42, 0.44))
    board.paint(SKIN, *board.ball(-0.16, 0.2, 0.24, 0.28))
    board.paint(SKIN, board.ellipse(-0.41, 0.1, 0.07, 0.06), 0.95)
    board.paint(SKIN, board.ellipse(-0.26, 0.0, 0.06, 0.04), 0.25)
    board.paint(HAIR, board.ellipse(-0.27, -0.08, 0.08, 0.022), 0.9)
    if style == "beard":
        board.paint(HAIR, board.ellipse(-0.14, 0.3, 0.24, 0.17), 0.85)
    board.paint(SKIN, board.ellipse(-0.32, 0.27, 0.06, 0.02), 0.5)
    if style not in ("bald", "scarf"):
        coverage, shade = _soft(board, 0.05, -0.06, 0.44, 0.44)
        back = np.maximum(board.x - 0.06 - 0.3 * board.y, -0.2 - 0.2 * board.x - board.y)
        board.paint(HAIR, coverage * board.within(back), shade)
    board.paint(SKIN, board.ellipse(0.08, 0.07, 0.06, 0.1), 0.8)


def _back(board: Stencil, style: str) -> None:
    board.paint(SKIN, *board.ball(0, 0.05, 0.36, 0.45))
    for side in (-1, 1):
        board.paint(SKIN, board.ellipse(side * 0.37, 0.06, 0.07, 0.11), 0.7)
    if style == "bald":
        board.paint(HAIR, board.ellipse(0, 0.18, 0.36, 0.2) * 0.7, 0.8)
    elif style != "scarf":
        board.paint(HAIR, *_soft(board, 0, -0.03, 0.41, 0.45 if style != "short" else 0.41))


def _bare(_board: Stencil, _view: str) -> None:
    """Nothing on the head."""


def _curly(board: Stencil, view: str) -> None:
    angles = np.linspace(np.pi * 0.95, np.pi * 2.05, 11)
    for angle in angles:
        x, y = 0.36 * np.cos(angle), -0.08 + 0.4 * np.sin(angle)
        board.paint(HAIR, *board.ball(x, y, 0.17, 0.17))
    if view == "back":
        for x, y in ((-0.2, 0), (0.2, 0), (0, 0.12), (0, -0.2), (-0.2, 0.2), (0.2, 0.2)):
            board.paint(HAIR, *board.ball(x, y, 0.18, 0.18))


def _dome(board: Stencil, low: float, rx: float = 0.44, ry: float = 0.5) -> None:
    coverage, shade = board.ball(0, -0.04, rx, ry)
    board.paint(EXTRA, coverage * board.within(low - board.y), shade)


def _cap(board: Stencil, view: str) -> None:
    _dome(board, -0.14)
    if view == "front":
        board.paint(EXTRA, board.ellipse(0, -0.12, 0.36, 0.09), 0.6)
    elif view == "side":
        board.paint(EXTRA, board.ellipse(-0.46, -0.15, 0.26, 0.05), 0.7)


def _hat(board: Stencil, _view: str) -> None:
    board.paint(EXTRA, board.ellipse(0, -0.16, 0.6, 0.15), 0.75)
    _dome(board, -0.18, 0.42, 0.52)
    band = board.ellipse(0, -0.04, 0.42, 0.52) * board.within(0.05 - np.abs(board.y + 0.24))
    board.paint(TOP, band, 0.55)


def _beanie(board: Stencil, view: str) -> None:
    _dome(board, -0.06 if view == "front" else 0.05, 0.43, 0.53)
    if view == "back":
        board.paint(EXTRA, board.ellipse(0, -0.54, 0.1, 0.1), 1.0)


def _scarf(board: Stencil, view: str) -> None:
    coverage, shade = board.ball(0, 0, 0.45, 0.53)
    face = {
        "front": board.ellipse(0, 0.07, 0.28, 0.36),
        "side": board.ellipse(-0.3, 0.08, 0.26, 0.36),
    }
    board.paint(EXTRA, coverage * (1 - face.get(view, 0 * coverage)), shade)


_COVERS = {"curly": _curly, "cap": _cap, "hat": _hat, "beanie": _beanie, "scarf": _scarf}


@lru_cache(maxsize=512)
def _body_stencil(index: int, squash: float, scale: int) -> Stencil:
    pose, garment = BODIES[index]
    board = Stencil((-1.9, -1.5, 1.9, 0.6 + 6.6 * squash), scale)
    board.y = np.where(board.y < 0.6, board.y, 0.6 + (board.y - 0.6) / squash)
    _ground_shadow(board)
    _legs(board, pose, garment)
    _torso(board, garment)
    _arms(board, pose, garment)
    return board


def _ground_shadow(board: Stencil) -> None:
    radius = np.hypot((board.x - 0.35) / 1.3, (board.y - 6.75) / 0.42)
    board.shadow((0.5 * np.clip(1.2 - radius, 0, 1)).astype(np.float32))


def _legs(board: Stencil, pose: str, garment: str) -> None:
    spread = 0.55 if pose == "walk" else 0.3
    paint = SKIN if garment == "dress" else BOTTOM
    for side in (-1, 1):
        knee, foot = (side * 0.34, 5.1), (side * spread, 6.7)
        board.paint(EXTRA, board.ellipse(side * (spread + 0.08), 6.72, 0.24, 0.13), 0.25)
        board.paint(paint, *board.limb(knee, foot, 0.26, 0.17))
        board.paint(paint, *board.limb((side * 0.3, 3.5), knee, 0.37, 0.26))


_OUTLINES = {
    "dress": ([0.52, 0.7, 0.86, 1.1, 2.4, 3.0, 4.9], [0.18, 0.35, 0.7, 0.82, 0.58, 0.7, 0.95]),
    "coat": ([0.52, 0.7, 0.86, 1.15, 2.4, 3.4, 4.6], [0.2, 0.4, 0.82, 1.0, 0.82, 0.9, 0.95]),
}
_OUTLINE = ([0.52, 0.7, 0.86, 1.15, 2.4, 3.5, 3.7], [0.19, 0.38, 0.78, 0.95, 0.74, 0.76, 0.7])


def _torso(board: Stencil, garment: str) -> None:
    heights, halves = _OUTLINES.get(garment, _OUTLINE)
    coverage, shade = board.profile(heights, halves)
    shade = shade + 0.04 * np.sin(board.x * 9 + board.y * 5) - 0.03 * np.clip(board.y - 1, 0, 3)
    board.paint(TOP, coverage, shade)
    if garment == "stripes":
        board.paint(EXTRA, coverage * (np.sin(board.y * 14) > 0.2), shade)
    if garment in ("jacket", "coat"):
        opening = board.within(0.1 + 0.08 * np.clip(board.y, 0, 3) - np.abs(board.x))
        board.paint(EXTRA, coverage * opening * (garment == "jacket"), shade)
        board.paint(TOP, coverage * board.within(0.03 - np.abs(board.x)), 0.35)
    if garment == "backpack":
        strap = board.within(0.11 - np.abs(np.abs(board.x) - 0.52))
        board.paint(EXTRA, coverage * strap * board.within(2.4 - board.y), 0.8)
    if garment == "shirt":
        belt = board.within(0.07 - np.abs(board.y - 3.55))
        board.paint(EXTRA, coverage * belt, 0.3)
    neckline = 0.3 if garment in ("dress", "shirt") else 0.2
    board.paint(SKIN, board.ellipse(0, 0.66, neckline, 0.26), 0.72)
    board.paint(SKIN, *board.limb((0, 0.3), (0, 0.62), 0.2, 0.2))
    board.shadow(board.ellipse(0.04, 0.58, 0.3, 0.16) * 0.35)


_ARMS = {
    "still": (((1.06, 2.1), (1.0, 3.3)), ((1.06, 2.1), (1.0, 3.3))),
    "walk": (((1.12, 2.0), (1.25, 3.0)), ((1.05, 2.1), (0.9, 3.2))),
    "folded": (((1.05, 2.0), (-0.2, 2.05)), ((1.05, 2.05), (-0.25, 1.85))),
    "wave": (((1.3, 0.35), (1.2, -0.85)), ((1.06, 2.1), (1.0, 3.3))),
    "cheer": (((1.35, 0.35), (1.15, -0.95)), ((1.35, 0.3), (1.25, -0.9))),
    "phone": (((1.15, 1.9), (0.35, 1.2)), ((1.06, 2.1), (0.95, 3.3))),
}


def _arms(board: Stencil, pose: str, garment: str) -> None:
    bare = garment in ("shirt", "dress", "stripes")
    for side, (elbow, hand) in zip((-1, 1), _ARMS[pose], strict=True):
        shoulder = (side * 0.8, 1.1)
        elbow, hand = (side * elbow[0], elbow[1]), (side * hand[0], hand[1])
        board.paint(SKIN, *board.ball(*hand, 0.17, 0.19))
        upper = board.limb(shoulder, elbow, 0.25, 0.2)
        board.paint(SKIN if bare else TOP, *board.limb(elbow, hand, 0.19, 0.14))
        board.paint(TOP, upper[0], upper[1] * 0.94)
