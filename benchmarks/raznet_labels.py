"""What a RAZNet without a fault would miss: heads found in true labels, before and after zooming.

python benchmarks/raznet_labels.py --root DIR, the folder of ShanghaiTech; needs no weights.
"""

import argparse

import torch
from crowdkit_raznet.ownership import merge_by_ownership, owners
from crowdkit_raznet.peaks import find_peaks
from crowdkit_raznet.regions import RegionSearch
from crowdkit_raznet.targets import attention_target, localization_labels
from crowdkit_raznet.zooming import ZOOM
from torch import Tensor

import crowdkit_core
from crowdkit_core.interfaces import LocalizedPoints, Size
from crowdkit_core.metrics import mae, rmse


def found(heads: Tensor, size: Size) -> LocalizedPoints:
    """Peaks of the labels of heads."""
    return find_peaks(localization_labels(heads, size).float())


def found_closer(heads: Tensor, box: tuple[int, int, int, int]) -> LocalizedPoints:
    """The same in a region, enlarged; in pixels of the image."""
    x0, y0, x1, y1 = box
    corner = heads.new_tensor([x0, y0])
    within = ((heads >= corner) & (heads < heads.new_tensor([x1, y1]))).all(1)
    near = found((heads[within] - corner) * ZOOM, ((y1 - y0) * ZOOM, (x1 - x0) * ZOOM))
    return LocalizedPoints(near.xy / ZOOM + corner, near.score)


def main() -> None:
    """Print errors of both, and how much of the images the regions hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", required=True)
    parser.add_argument("--part", default="A")
    asked = parser.parse_args()
    data = crowdkit_core.create("dataset", "shanghaitech", root=asked.root, part=asked.part)
    actual, afar, closer, inside, regions = [], [], [], 0, []
    for index in range(len(data)):
        annotation = data.annotation(index)
        heads = annotation.points.as_subclass(Tensor).float()
        first = found(heads, annotation.size)
        chosen = RegionSearch()(attention_target(heads, annotation.size))
        near = [found_closer(heads, tuple(box)) for box in chosen.boxes.tolist()]
        actual.append(len(heads))
        afar.append(len(first.xy))
        closer.append(len(merge_by_ownership(first, chosen, near).xy))
        regions.append(len(chosen.boxes))
        inside += int((owners(heads, chosen.boxes) < len(chosen.boxes)).sum())
    heads_of = torch.tensor(actual).float()
    for name, counts in (("Main-Net", afar), ("after zooming", closer)):
        predicted = torch.tensor(counts).float()
        print(f"{name}: MAE {mae(predicted, heads_of):.1f}, RMSE {rmse(predicted, heads_of):.1f}")
    print(f"{len(data)} images, {sum(actual)} heads, {inside / sum(actual):.0%} in regions")
    print(f"{sum(regions) / len(data):.1f} regions an image, {regions.count(0)} images without any")


if __name__ == "__main__":
    main()
