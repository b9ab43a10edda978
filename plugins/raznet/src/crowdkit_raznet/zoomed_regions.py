"""The data set RAZ-Net learns from: regions that Main-Net proposes, enlarged."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.data.transforms import crop, resize
from crowdkit_core.errors import DataError
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import Annotation, Dataset, Points, Sample
from crowdkit_raznet.regions import Regions
from crowdkit_raznet.zooming import ZOOM

Box = tuple[int, int, int, int]
"""Columns [x0, x1) and rows [y0, y1) as x0, y0, x1, y1."""


class ZoomedRegions(Dataset):
    """Regions of another dataset's images, each an image of its own and enlarged.

    Points, lengths and the region of interest are enlarged with it, by `ZOOM`.

    Args:
        dataset: The whole images.
        regions: Index of an image and a box in it, one for each new image.

    Raises:
        DataError: There is no region.
    """

    def __init__(self, dataset: Dataset, regions: Sequence[tuple[int, Box]]) -> None:
        if not regions:
            raise DataError(
                f"no region of the {len(dataset)} {dataset.split} images is worth zooming into",
                hint="train the proposal branch longer, or lower counter.search.threshold",
            )
        self.split = dataset.split
        self.dataset = dataset
        self.regions = tuple(regions)

    @classmethod
    def proposed(
        cls,
        dataset: Dataset,
        propose: Callable[[Float[Tensor, "1 3 H W"]], Regions],
        *,
        device: torch.device | str = "cpu",
    ) -> "ZoomedRegions":
        """The regions that a network proposes, found once for every image.

        Args:
            dataset: The whole images.
            propose: Takes an image on ``device``.
            device: Where the network is.
        """
        regions = [
            (index, (x0, y0, x1, y1))
            for index in range(len(dataset))
            for x0, y0, x1, y1 in propose(to_batch(dataset[index].image, device)).boxes.tolist()
        ]
        return cls(dataset, regions)

    def __len__(self) -> int:
        return len(self.regions)

    def annotation(self, index: int) -> Annotation:
        """Points in the pixels of the enlarged region."""
        image, box = self.regions[index]
        whole = self.dataset.annotation(image)
        view = _window(_without_pixels(whole), box)
        roi = view.roi
        if roi is not None:
            roi = roi.repeat_interleave(ZOOM, 0).repeat_interleave(ZOOM, 1)
        return Annotation(
            name=_name(view, box),
            size=(view.size[0] * ZOOM, view.size[1] * ZOOM),
            points=view.points.as_subclass(Tensor) * ZOOM,
            roi=roi,
            lengths={name: values * ZOOM for name, values in view.lengths.items()},
            group=view.group,
        )

    def __getitem__(self, index: int) -> Sample:
        image, box = self.regions[index]
        view = _window(self.dataset[image], box)
        height, width = view.size
        larger = resize(view, (height * ZOOM, width * ZOOM))
        return replace(larger, name=_name(view, box))


def _window(sample: Sample, box: Box) -> Sample:
    x0, y0, x1, y1 = box
    return crop(sample, y0, x0, (y1 - y0, x1 - x0))


def _name(sample: Sample, box: Box) -> str:
    x0, y0, x1, y1 = box
    return f"{sample.name} ({x0}, {y0}) to ({x1}, {y1})"


def _without_pixels(annotation: Annotation) -> Sample:
    """A sample whose image takes no memory."""
    return Sample(
        name=annotation.name,
        image=torch.zeros(3, 1, 1, dtype=torch.uint8).expand(3, *annotation.size),
        points=Points(annotation.points, canvas_size=annotation.size),
        roi=annotation.roi,
        lengths=annotation.lengths,
        group=annotation.group,
    )
