"""Rendered crowds: endless annotated images with nothing to download."""

import math

import numpy as np
import torch

from crowdkit_core.data.synthetic.rendering import render
from crowdkit_core.data.synthetic.scene import Scene, compose
from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Annotation, Dataset, Points, Sample, Split

__all__ = ["Scene", "Synthetic", "compose", "render"]

_SPLITS = ("train", "validation", "test")
_PIXELS_PER_PERSON = 48
_LEAST_SIDE = 64


class Synthetic(Dataset):
    """Rendered crowd scenes with exact head centres.

    Streets, parks, stadiums and concerts seen by cameras of different height; people in groups
    or packed, nearer ones before farther ones; balloons, lamps, signs, seats and other round
    things that are not heads. Each scene depends on the seed, the split, its index and the
    options below, and on nothing else; the same machine renders the same bits.

    Every head is in the frame and annotated. Nobody stands where a nearer head or thing would
    hide the centre of theirs; heads may overlap at their rims, and bodies hide each other freely.
    Points lie on pixel centres, where the head is drawn. ``lengths["head"]`` is each head's
    height from chin to crown in pixels.

    ``train``, ``validation`` and ``test`` are drawn from separate seeds, so they share no scene;
    ``all`` is the three one after the other.

    Args:
        split: Which part.
        images: Scenes per part.
        size: (H, W) in pixels.
        people: Least and most people in a scene; the number is log-uniform between them.
        empty: Share of scenes without people, if the least is 0.
        seed: Of everything.

    Raises:
        UsageError: Impossible options, or more people than the size has room for.

    Example:
        >>> scenes = Synthetic(images=4, size=(96, 128), people=(5, 5))
        >>> scenes[0].image.shape, scenes[0].points.shape
        (torch.Size([3, 96, 128]), torch.Size([5, 2]))
    """

    def __init__(
        self,
        *,
        split: Split = "train",
        images: int = 300,
        size: tuple[int, int] = (384, 512),
        people: tuple[int, int] = (0, 1500),
        empty: float = 0.05,
        seed: int = 0,
    ) -> None:
        _check_options(split, images, size, people, empty, seed)
        self.split = split
        self.images = images
        self.size = size
        self.people = people
        self.empty = empty
        self.seed = seed

    def __len__(self) -> int:
        return self.images * (len(_SPLITS) if self.split == "all" else 1)

    def scene(self, index: int) -> Scene:
        """Lay out scene ``index`` without rendering it."""
        seed = self._seed(index)
        rng = np.random.default_rng(seed)
        return compose(seed, self.size, self._count(rng))

    def annotation(self, index: int) -> Annotation:
        """Points, size and head heights of image ``index``; renders nothing."""
        return self._annotation(index, self.scene(index))

    def __getitem__(self, index: int) -> Sample:
        """Image ``index``, (3, H, W) uint8, with its annotation."""
        scene = self.scene(index)
        known = self._annotation(index, scene)
        return Sample(
            name=known.name,
            image=torch.from_numpy(render(scene).copy()).permute(2, 0, 1).contiguous(),
            points=Points(known.points, canvas_size=self.size),
            lengths=known.lengths,
        )

    def _seed(self, index: int) -> tuple[int, int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of a synthetic dataset of {len(self)} images")
        first = 0 if self.split == "all" else _SPLITS.index(self.split)
        return self.seed, first + index // self.images, index % self.images

    def _count(self, rng: np.random.Generator) -> int:
        least, most = self.people
        if most == 0 or (least == 0 and rng.random() < self.empty):
            return 0
        exponent = rng.uniform(math.log(max(least, 1)), math.log(most + 1))
        return min(int(math.exp(exponent)), most)

    def _annotation(self, index: int, scene: Scene) -> Annotation:
        _, part, number = self._seed(index)
        return Annotation(
            name=f"{_SPLITS[part]}_{number:05d}",
            size=self.size,
            points=torch.from_numpy(scene.people.points.astype(np.float32)),
            lengths={"head": torch.from_numpy(scene.people.heads.astype(np.float32))},
        )


def _check_options(
    split: str,
    images: int,
    size: tuple[int, int],
    people: tuple[int, int],
    empty: float,
    seed: int,
) -> None:
    if split not in (*_SPLITS, "all"):
        raise UsageError(f"synthetic: split={split!r}, expected train, validation, test or all")
    if images < 1:
        raise UsageError(f"synthetic: images={images}, expected at least 1")
    if seed < 0:
        raise UsageError(f"synthetic: seed={seed}, expected 0 or more")
    if min(size) < _LEAST_SIDE:
        raise UsageError(f"synthetic: size={size}, expected sides of at least {_LEAST_SIDE} pixels")
    if not 0 <= people[0] <= people[1]:
        raise UsageError(f"synthetic: people={people}, expected 0 <= least <= most")
    if not 0 <= empty <= 1:
        raise UsageError(f"synthetic: empty={empty}, expected a share between 0 and 1")
    room = size[0] * size[1] // _PIXELS_PER_PERSON
    if people[1] > room:
        raise UsageError(
            f"synthetic: people={people} do not fit into size={size}",
            hint=f"{room} people at most, one per {_PIXELS_PER_PERSON} pixels, or a larger size",
        )
