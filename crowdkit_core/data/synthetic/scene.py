"""Lay out a scene: a camera over a ground plane, with people and things on it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from crowdkit_core.data.synthetic import people as figures
from crowdkit_core.data.synthetic import things as clutter
from crowdkit_core.data.synthetic.stencil import Array
from crowdkit_core.interfaces import Size

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

HEAD_ABOVE_GROUND = 1.62
"""Metres from the ground to the centre of a grown-up's head."""

MIN_HEAD = 3.0
"""Pixels of the smallest head that a camera is set up for."""

_APART = 0.62
"""Least distance of two heads, in head heights: the farther one stays mostly visible."""

_SQUASHES = (1.0, 0.8)

_LEVEL = float(np.log(1.12))
"""Sprites are kept in sizes 12 % apart; what stands in a scene has one of these."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera with its sensor upright, so verticals stay vertical.

    Attributes:
        horizon: Row of the horizon in pixels; negative above the frame, a view from above.
        centre: Column of the vanishing point.
        focal: Focal length in pixels.
        height: Metres above the ground.
    """

    horizon: float
    centre: float
    focal: float
    height: float

    def project(
        self, across: Floats, above: Floats | float, depth: Floats
    ) -> tuple[Floats, Floats]:
        """Column and row of places ``across``, ``above`` the ground and ``depth`` in metres."""
        column = self.centre + self.focal * across / depth
        row = self.horizon + self.focal * (self.height - above) / depth
        return column, row

    def depth_at(self, row: float, above: float) -> float:
        """Depth at which something ``above`` metres over the ground is seen in ``row``."""
        return self.focal * (self.height - above) / (row - self.horizon)


@dataclass(frozen=True, kw_only=True)
class People:
    """Everybody in a scene, farthest first.

    Attributes:
        points: (N, 2) head centres in pixels, on pixel centres.
        heads: (N,) head heights in pixels.
        depths: (N,) metres from the camera.
        head_kinds: (N,) indices into `people.HEADS`.
        body_kinds: (N,) indices into `people.BODIES`.
        looks_right: (N,) whether the head is mirrored.
        colours: (N, 5, 3) RGB in [0, 255].
    """

    points: Floats
    heads: Floats
    depths: Floats
    head_kinds: Ints
    body_kinds: Ints
    looks_right: npt.NDArray[np.bool_]
    colours: Array


@dataclass(frozen=True, kw_only=True)
class Thing:
    """One distractor.

    Attributes:
        kind: Index into `things.KINDS`.
        column: Pixel column of its anchor.
        row: Pixel row of its anchor.
        scale: Pixels per metre.
        depth: Metres from the camera.
        colours: (5, 3) RGB in [0, 255].
    """

    kind: int
    column: float
    row: float
    scale: float
    depth: float
    colours: Array


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A scene, from which a picture is rendered.

    Attributes:
        size: (H, W) in pixels.
        camera: Where it is seen from.
        far: Metres to the end of the ground.
        people: Everybody.
        things: Distractors.
        squash: How much of an upright body's length the viewing angle leaves.
        light_from_right: Which side the light comes from.
        seed: For what is drawn in pixels only: backdrop, noise, colour cast.
    """

    size: Size
    camera: Camera
    far: float
    people: People
    things: tuple[Thing, ...]
    squash: float
    light_from_right: bool
    seed: tuple[int, ...]


def compose(seed: tuple[int, ...], size: Size, count: int) -> Scene:
    """Lay out a scene with exactly ``count`` people.

    If they do not fit in front of the camera, it is raised until they do.
    """
    rng = np.random.default_rng([*seed, 0])
    nearest_head = float(rng.uniform(0.05, 0.15)) * size[0]
    camera, far = _place_camera(rng, size, count, nearest_head)
    while True:
        things = _place_things(rng, camera, far, size, count)
        places = _place_people(rng, camera, far, size, count, things)
        if len(places) == count:
            break
        camera = _raise(camera, 1.25)
    middle = (size[0] / 2 - camera.horizon) / camera.focal
    squash = min(_SQUASHES, key=lambda s: abs(s - float(np.cos(np.arctan(middle)))))
    return Scene(
        size=size,
        camera=camera,
        far=far,
        people=_dress(rng, places),
        things=things,
        squash=squash,
        light_from_right=bool(rng.random() < 0.5),
        seed=(*seed, 1),
    )


def _place_camera(
    rng: np.random.Generator, size: Size, count: int, nearest_head: float
) -> tuple[Camera, float]:
    """A camera high enough for the crowd, but no higher than its tightness asks for."""
    height, width = size
    from_above = rng.random() < 0.25
    horizon = float(rng.uniform(-0.7, -0.05) if from_above else rng.uniform(0.1, 0.32)) * height
    below = height - horizon
    start = max(float(rng.uniform(0.1, 0.3)), (0.02 * height - horizon) / below)
    tightness = max(float(rng.uniform(0.15, 1.0)), min(60 * count / (height * width), 0.95))
    while True:
        room = width * (1 / start - 1) / below * tightness
        slope = min(nearest_head / below, float(np.sqrt(room / max(count, 1))))
        if slope * start * below >= MIN_HEAD or start >= 0.7:
            break
        start *= 1.1
    camera = Camera(
        horizon=horizon,
        centre=width * float(rng.uniform(0.3, 0.7)),
        focal=width * float(rng.uniform(0.8, 1.3)),
        height=HEAD_ABOVE_GROUND + figures.HEAD_HEIGHT / slope,
    )
    return camera, camera.depth_at(horizon + start * below, HEAD_ABOVE_GROUND)


def _raise(camera: Camera, factor: float) -> Camera:
    """The same view of the same rows from higher up: everything in it is smaller."""
    above = (camera.height - HEAD_ABOVE_GROUND) * factor
    return Camera(
        horizon=camera.horizon,
        centre=camera.centre,
        focal=camera.focal / factor,
        height=above + HEAD_ABOVE_GROUND,
    )


def _place_people(
    rng: np.random.Generator,
    camera: Camera,
    far: float,
    size: Size,
    count: int,
    things: tuple[Thing, ...],
) -> Floats:
    """Places of ``count`` people, or of fewer if no more fit: (N, 4) column, row, head, depth."""
    height, width = size
    crowd = _Crowd(rng, camera, far, size, count)
    taken = _Taken(size)
    found: list[list[float]] = []
    for _ in range(12):
        if len(found) == count:
            break
        across, depth = crowd.draw(2 * count + 40)
        above = HEAD_ABOVE_GROUND * np.clip(rng.normal(1, 0.045, len(depth)), 0.85, 1.15)
        column, row = (np.floor(p) + 0.5 for p in camera.project(across, above, depth))
        head = _level(camera.focal * figures.HEAD_HEIGHT / depth)
        margin = 0.4 * head
        seen = (column > margin) & (column < width - margin)
        seen &= (row > margin) & (row < height - margin)
        seen &= ~_hidden(column, row, head, depth, things)
        candidates = np.stack([column, row, head, depth], axis=1)[seen]
        for place in candidates.tolist():
            if len(found) < count and taken.take(place[0], place[1], place[2]):
                found.append(place)
    places = np.array(found, float).reshape(-1, 4)
    return places[np.argsort(-places[:, 3], kind="stable")]


def _level(head: Floats) -> Floats:
    """Sizes rounded to those in which sprites are kept."""
    return np.asarray(np.exp(np.rint(np.log(head) / _LEVEL) * _LEVEL))


class _Taken:
    """Places of heads, none of which is too near another; the first one placed keeps its place."""

    def __init__(self, size: Size) -> None:
        self.centres = np.zeros(size, bool)
        self.surroundings = np.zeros(size, bool)

    def take(self, column: float, row: float, head: float) -> bool:
        """Place a head unless it or one that is there would cover the other's centre."""
        x, y = int(column), int(row)
        if self.surroundings[y, x]:
            return False
        disc = _disc(head)
        r = len(disc) // 2
        top, left = max(y - r, 0), max(x - r, 0)
        window = np.s_[top : y + r + 1, left : x + r + 1]
        surroundings = self.surroundings[window]
        inside = disc[top - y + r :, left - x + r :]
        inside = inside[: surroundings.shape[0], : surroundings.shape[1]]
        if (inside & self.centres[window]).any():
            return False
        self.centres[y, x] = True
        surroundings |= inside
        return True


@lru_cache(maxsize=256)
def _disc(head: float) -> npt.NDArray[np.bool_]:
    """The pixels around a head centre where no other may be."""
    r = int(_APART * head)
    offset = np.arange(-r, r + 1)
    return np.asarray(np.hypot(offset[:, None], offset[None, :]) <= _APART * head)


class _Crowd:
    """Where people stand: in groups, in one or a few blobs, or spread over the ground."""

    def __init__(
        self, rng: np.random.Generator, camera: Camera, far: float, size: Size, count: int
    ) -> None:
        self.rng, self.camera, self.far, self.size = rng, camera, far, size
        self.near = camera.depth_at(size[0], HEAD_ABOVE_GROUND)
        self.scattered = float(rng.uniform(0.1, 0.5))
        groups = int(rng.integers(1, 5)) if rng.random() < 0.5 else 1 + count // 5
        self.centres = np.stack(self._anywhere(groups), axis=1)
        per_group = np.maximum(count / groups, 2)
        self.spread = 0.55 * np.sqrt(per_group) * rng.uniform(0.5, 1.2, (groups, 1))
        self.weights = rng.dirichlet(np.full(groups, 2.0))

    def _anywhere(self, n: int) -> tuple[Floats, Floats]:
        """Over the ground that the camera sees, so that heads fill the picture evenly."""
        depth = self.rng.uniform(self.near, self.far, n)
        column = self.rng.uniform(0, self.size[1], n)
        return (column - self.camera.centre) * depth / self.camera.focal, depth

    def draw(self, n: int) -> tuple[Floats, Floats]:
        """Candidate places, metres across and in depth, fewer in groups each time."""
        across, depth = self._anywhere(n)
        group = self.rng.choice(len(self.weights), n, p=self.weights)
        offset = self.rng.normal(0, 1, (n, 2)) * self.spread[group]
        grouped = self.rng.random(n) > self.scattered
        grouped &= (
            np.abs(self.centres[group, 1] + offset[:, 1] - (self.near + self.far) / 2)
            < (self.far - self.near) / 2
        )
        across = np.where(grouped, self.centres[group, 0] + offset[:, 0], across)
        depth = np.where(grouped, self.centres[group, 1] + offset[:, 1], depth)
        self.scattered += 0.3 * (1 - self.scattered)
        return across, depth


def _place_things(
    rng: np.random.Generator, camera: Camera, far: float, size: Size, count: int
) -> tuple[Thing, ...]:
    """Some things in every scene, more where there are few people."""
    odds = np.array([kind.odds for kind in clutter.KINDS])
    number = rng.poisson(9 if count < 20 else 6)
    near = camera.depth_at(size[0], 0) * 1.25
    things = []
    for kind in rng.choice(len(odds), number, p=odds / odds.sum()):
        least, most = clutter.KINDS[kind].raised
        depth = float(np.exp(rng.uniform(np.log(min(near, far * 0.8)), np.log(far))))
        column = float(rng.uniform(0, size[1]))
        raised = float(rng.uniform(least, most))
        row = camera.horizon + camera.focal * (camera.height - raised) / depth
        scale = float(_level(np.array(camera.focal / depth)))
        colours = clutter.draw_colours(rng, int(kind))
        things.append(
            Thing(kind=int(kind), column=column, row=row, scale=scale, depth=depth, colours=colours)
        )
    return tuple(sorted(things, key=lambda thing: -thing.depth))


def _hidden(
    column: Floats, row: Floats, head: Floats, depth: Floats, things: tuple[Thing, ...]
) -> npt.NDArray[np.bool_]:
    """Whose head centre a nearer thing would cover."""
    hidden = np.zeros(len(column), bool)
    for thing in things:
        behind = depth >= thing.depth
        for left, top, right, bottom in clutter.KINDS[thing.kind].hides:
            beside = np.abs(column - thing.column - (left + right) / 2 * thing.scale)
            level = np.abs(row - thing.row - (top + bottom) / 2 * thing.scale)
            hidden |= (
                behind
                & (beside < (right - left) / 2 * thing.scale + 0.3 * head)
                & (level < (bottom - top) / 2 * thing.scale + 0.3 * head)
            )
    return hidden


def _dress(rng: np.random.Generator, places: Floats) -> People:
    """Faces, clothes and poses for people at their places; a crowd tends to look one way."""
    count = len(places)
    facing = rng.dirichlet([1.0, 0.7, 1.0])
    view = rng.choice(len(figures.VIEWS), count, p=facing)
    styles = np.array([8, 5, 1.5, 2, 1.5, 1.5, 1.5, 0.8, 1, 1])
    style = rng.choice(len(styles), count, p=styles / styles.sum())
    poses = np.array([8, 2, 0.3, 0.2, 3, 1])
    pose = rng.choice(len(poses), count, p=poses / poses.sum())
    garment = rng.integers(len(figures.GARMENTS), size=count)
    return People(
        points=places[:, :2],
        heads=places[:, 2],
        depths=places[:, 3],
        head_kinds=view * len(figures.STYLES) + style,
        body_kinds=pose * len(figures.GARMENTS) + garment,
        looks_right=rng.random(count) < 0.5,
        colours=figures.draw_colours(rng, count),
    )
