"""Images without anything in them."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Annotation, Dataset, Points, Sample, Size, Split

Values = NDArray[np.float32]

GRAINS = (1, 2, 4, 8)
"""Pixels per side of a grain of noise."""

_SPLITS = ("train", "validation", "test")


class Blank(Dataset):
    """Plain colours, ramps and noise: what a covered lens or a broken camera gives.

    Nobody is annotated. A counter trained on photographs alone may see a crowd in them. Each image
    depends on the seed, the split and its index alone; one in three is plain, one a ramp from one
    colour to another, one noise, fine or coarse, grey or coloured. Every other plain one is black
    or white.

    ``all`` is the three splits one after the other.

    Args:
        split: Which part.
        images: Images per part.
        size: (H, W) in pixels.
        seed: Of everything.

    Raises:
        UsageError: An option below its least value.

    Example:
        >>> blank = Blank(images=6, size=(32, 48))
        >>> blank[0].image.unique().tolist(), len(blank[0].points)
        ([0], 0)
    """

    def __init__(
        self,
        *,
        split: Split = "train",
        images: int = 30,
        size: tuple[int, int] = (384, 512),
        seed: int = 0,
    ) -> None:
        for name, value, least in [
            ("images", images, 1),
            ("size", min(size), 1),
            ("seed", seed, 0),
        ]:
            if value < least:
                raise UsageError(f"blank: {name} is {value}, must be at least {least}")
        self.split = split
        self.images = images
        self.size = size
        self.seed = seed

    def __len__(self) -> int:
        return self.images * (len(_SPLITS) if self.split == "all" else 1)

    def annotation(self, index: int) -> Annotation:
        """Annotation ``index``: a name, a size and no points."""
        part, own = self._place(index)
        name = f"{_SPLITS[part]}_{own:05d}"
        return Annotation(name=name, size=self.size, points=torch.zeros(0, 2))

    def __getitem__(self, index: int) -> Sample:
        """Image ``index``, (3, H, W) uint8."""
        part, own = self._place(index)
        draw = _DRAWN[own % len(_DRAWN)]
        values = draw(np.random.default_rng((self.seed, part, own)), self.size, own)
        return Sample(
            name=self.annotation(index).name,
            image=torch.from_numpy(values.clip(0, 255).astype(np.uint8)),
            points=Points(torch.zeros(0, 2), canvas_size=self.size),
        )

    def _place(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of a blank data set of {len(self)} images")
        first = 0 if self.split == "all" else _SPLITS.index(self.split)
        return first + index // self.images, index % self.images


def _plain(rng: np.random.Generator, size: Size, index: int) -> Values:
    drawn = _colour(rng)
    extremes = [np.zeros_like(drawn), drawn, np.full_like(drawn, 255), drawn]
    colour = extremes[index // len(_DRAWN) % len(extremes)]
    return np.full((3, *size), colour, dtype=np.float32)


def _ramp(rng: np.random.Generator, size: Size, _index: int) -> Values:
    rows, columns = np.meshgrid(*(np.linspace(0, 1, side) for side in size), indexing="ij")
    angle = rng.uniform(0, 2 * np.pi)
    along = np.cos(angle) * rows + np.sin(angle) * columns
    share = (along - along.min()) / max(np.ptp(along), 1e-6)
    first, last = _colour(rng), _colour(rng)
    return np.asarray(first + share * (last - first), dtype=np.float32)


def _noise(rng: np.random.Generator, size: Size, _index: int) -> Values:
    grain = rng.choice(GRAINS)
    height, width = (-(-side // grain) for side in size)
    grains = rng.normal(size=(rng.choice([1, 3]), height, width)).astype(np.float32)
    coarse = torch.from_numpy(grains).unsqueeze(0)
    noise = F.interpolate(coarse, scale_factor=int(grain), mode=rng.choice(["nearest", "bilinear"]))
    cut = noise[0, :, : size[0], : size[1]].numpy()
    return np.asarray(_colour(rng) + rng.uniform(2, 128) * cut, dtype=np.float32)


def _colour(rng: np.random.Generator) -> Values:
    return rng.uniform(0, 255, (3, 1, 1)).astype(np.float32)


_DRAWN: tuple[Callable[[np.random.Generator, Size, int], Values], ...] = (_plain, _ramp, _noise)
