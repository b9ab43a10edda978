"""What the page of crowdkit-people says of other sizes, and of images of nobody.

CROWDKIT_DATA_ROOT=DIR python benchmarks/people_sizes.py

DIR holds ShanghaiTech/part_A_final. Copies are of every other held-out photograph; squares without
people are cut from training photographs, at most 40, at least 40 pixels from any head.
"""

import os
from itertools import islice, product
from pathlib import Path
from statistics import mean, median

import torch
from torch import Tensor

import crowdkit_core
from crowdkit_core.data.transforms import crop, resize_image, scaled
from crowdkit_core.interfaces import Sample

FACTORS = (1 / 3, 1 / 2, 2.0, 3.0)
SIDE, MARGIN, SQUARES = 256, 40, 40


def photographs(split: str) -> list[Sample]:
    root = Path(os.environ["CROWDKIT_DATA_ROOT"]) / "ShanghaiTech"
    return list(crowdkit_core.create("dataset", "shanghaitech", root=root, split=split))


def squares_without_people(samples: list[Sample]):
    for sample in samples:
        xy, (height, width) = sample.points.as_subclass(Tensor), sample.size
        rows, columns = (range(0, side - SIDE + 1, SIDE // 2) for side in (height, width))
        for top, left in product(rows, columns):
            offset = xy - torch.tensor([left, top])
            if not ((offset > -MARGIN) & (offset < SIDE + MARGIN)).all(1).any():
                yield crop(sample, top, left, (SIDE, SIDE)).image


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
    squares = islice(squares_without_people(photographs("train")), SQUARES)
    found = [model(square.as_subclass(Tensor)).count for square in squares]
    per_megapixel = mean(found) / SIDE**2 * 1e6
    print(f"{len(found)} empty squares: {mean(found):.1f} each, {per_megapixel:.1f} a megapixel")


if __name__ == "__main__":
    main()
