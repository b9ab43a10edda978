"""What the page of crowdkit-people says of other sizes, and of images of nobody.

CROWDKIT_DATA_ROOT=DIR python benchmarks/people_sizes.py

DIR holds ShanghaiTech/part_A_final. Copies are of every other held-out photograph. Squares of 192
pixels without people, at least 40 pixels from any head, are cut from the held-out photographs, and
every eighth of those of the training photographs, which the last stage of training has seen.
"""

import os
from pathlib import Path
from statistics import mean, median

import torch
from torch import Tensor

import crowdkit_core
from crowdkit_core.data.transforms import resize_image, scaled
from crowdkit_core.interfaces import Dataset, Sample

FACTORS = (1 / 3, 1 / 2, 2.0, 3.0)
SIDE = 192


def photographs(split: str) -> list[Sample]:
    return list(crowdkit_core.create("dataset", "shanghaitech", root=_root(), split=split))


def squares_without_people(split: str) -> Dataset:
    of = {"name": "shanghaitech", "options": {"root": _root()}}
    return crowdkit_core.create("dataset", "empty-regions", of=of, split=split, window=(SIDE, SIDE))


def _root() -> Path:
    return Path(os.environ["CROWDKIT_DATA_ROOT"]) / "ShanghaiTech"


def main() -> None:
    model = crowdkit_core.load("people")
    held_out = photographs("validation")[::2]
    pixels = [sample.image.as_subclass(Tensor) for sample in held_out]
    counts = [model(image).count for image in pixels]
    for factor in FACTORS:
        copies = [model(resize_image(each, scaled(each.shape[-2:], factor))) for each in pixels]
        off = [abs(copy.count / count - 1) for copy, count in zip(copies, counts, strict=True)]
        print(f"copies of {factor:.2f} times the size: {median(off):.1%} off (median)")
    blank = {"black": torch.zeros(3, 600, 800), "white": torch.ones(3, 600, 800)}
    blank["noise"] = torch.rand(3, 600, 800, generator=torch.Generator().manual_seed(0))
    for name, image in blank.items():
        print(f"{name}: {model(image).count:.2f} people")
    for split, step in (("validation", 1), ("train", 8)):
        squares = squares_without_people(split)
        found = [
            model(squares[index].image.as_subclass(Tensor)).count
            for index in range(0, len(squares), step)
        ]
        per_megapixel = mean(found) / SIDE**2 * 1e6
        print(
            f"{len(found)} empty squares of {split} photographs: {mean(found):.2f} each, "
            f"median {median(found):.2f}, {per_megapixel:.2f} a megapixel"
        )


if __name__ == "__main__":
    main()
