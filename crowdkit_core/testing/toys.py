"""Tiny components for checks that need a partner.

A counter with every kind of map, one of points, a density generator that learns, a dataset.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from crowdkit_core.density import Fixed
from crowdkit_core.interfaces import (
    Annotation,
    Counter,
    Dataset,
    DensityGenerator,
    MapSpec,
    Points,
    Prediction,
    Sample,
    Size,
    Split,
    predict_points,
)


class ToyCounter(Counter):
    """Two convolutions; density at stride 4 and one auxiliary map of every kind.

    Args:
        width: Hidden channels.
    """

    size_multiple = 4
    receptive_field = 6

    def __init__(self, *, width: int = 4) -> None:
        super().__init__()
        self.outputs = {
            "density": MapSpec("density", 4),
            "coarse": MapSpec("density", 8),
            "localization": MapSpec("localization", 4),
            "attention": MapSpec("attention", 4),
            "classes": MapSpec("classes", 4, channels=3),
            "bins": MapSpec("bins", 4, channels=3, bins=(1, 2, 4)),
            "rate": MapSpec("rate", 4),
            "offsets": MapSpec(
                "offsets", 4, 4, references=((1.0, 2.0), (3.0, 2.0)), scored_by="proposals"
            ),
            "proposals": MapSpec("proposals", 4, channels=4),
        }
        self.body = nn.Conv2d(3, width, 8, stride=4, padding=2)
        self.head = nn.Conv2d(width, 18, 3, padding=1)

    def forward(self, images: Tensor) -> Prediction:
        """Density at stride 4 and the auxiliary maps."""
        height, width = images.shape[-2:]
        padded = nn.functional.pad(images, (0, -width % 4, 0, -height % 4))
        maps = self.head(torch.relu(self.body(padded)))
        density = nn.functional.softplus(maps[:, :1]) * 0.1
        coarse = nn.functional.avg_pool2d(
            nn.functional.pad(density, (0, density.shape[-1] % 2, 0, density.shape[-2] % 2)), 2
        )
        return Prediction.from_density(
            density,
            4,
            maps={
                "coarse": 4 * coarse,
                "localization": torch.sigmoid(maps[:, 1:2]),
                "attention": torch.sigmoid(maps[:, 2:3]),
                "classes": maps[:, 3:6],
                "bins": maps[:, 6:9],
                "rate": nn.functional.softplus(maps[:, 9:10]),
                "offsets": maps[:, 10:14],
                "proposals": maps[:, 14:],
            },
        )


class ToyPointCounter(Counter):
    """Two convolutions that propose and score two points in each cell of 4 pixels.

    Args:
        width: Hidden channels.
    """

    size_multiple = 4
    receptive_field = 6
    min_size = (3, 2)
    finds_points = True

    def __init__(self, *, width: int = 4) -> None:
        super().__init__()
        self.outputs = {
            "offsets": MapSpec(
                "offsets", 4, 4, references=((1.0, 2.0), (3.0, 2.0)), scored_by="proposals"
            ),
            "proposals": MapSpec("proposals", 4, channels=4),
        }
        self.body = nn.Conv2d(3, width, 8, stride=4, padding=2)
        self.head = nn.Conv2d(width, 8, 3, padding=1)

    def forward(self, images: Tensor) -> Prediction:
        """Proposals, and the points among them that count."""
        height, width = images.shape[-2:]
        padded = nn.functional.pad(images, (0, -width % 4, 0, -height % 4))
        maps = self.head(torch.relu(self.body(padded)))
        return self.read_maps({"offsets": maps[:, :4], "proposals": maps[:, 4:]}, (height, width))

    def read_maps(self, maps: Mapping[str, Tensor], size: Size) -> Prediction:
        """Count the points that score more than a half."""
        return predict_points(maps, self.outputs, size, threshold=0.5)


class ToyGenerator(DensityGenerator):
    """Gaussians through one learnable convolution, which begins as the identity.

    It pays ``weight`` times the squared error of each map's count.

    Args:
        sigma: Width of the Gaussians in pixels.
        weight: Of the penalty.
    """

    preserves_count = False

    def __init__(self, *, sigma: float = 4.0, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight
        self.gaussians = Fixed(sigma=sigma)
        self.body = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.dirac_(self.body.weight)

    def forward(
        self,
        points: Sequence[Tensor],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Sequence[Tensor] | None = None,  # noqa: ARG002  # one width for everyone
        images: Tensor | None = None,  # noqa: ARG002  # looks at points only
    ) -> Tensor:
        """The convolved Gaussians."""
        density: Tensor = self.gaussians(points, size, stride=stride)
        convolved: Tensor = self.body(density.to(self.body.weight.dtype))
        return convolved

    def penalty(
        self,
        density: Tensor,
        points: Sequence[Tensor],
        size: Size,  # noqa: ARG002
        *,
        stride: int,  # noqa: ARG002
        sigmas: Sequence[Tensor] | None = None,  # noqa: ARG002
    ) -> Tensor:
        """The squared error of the count."""
        people = density.new_tensor([len(xy) for xy in points])
        return self.weight * (density.sum((1, 2, 3)) - people).square().mean()


class ToyDataset(Dataset):
    """Random images of one size with random dots; image 0 has nobody.

    Args:
        length: Number of images.
        size: (H, W) in pixels.
        split: Recorded only.
    """

    def __init__(self, *, length: int = 4, size: Size = (32, 48), split: Split = "train") -> None:
        self.split = split
        self.length = length
        self.size = size

    def __len__(self) -> int:
        return self.length

    def annotation(self, index: int) -> Annotation:
        """Random dots, a few more for each index."""
        if not 0 <= index < self.length:
            raise IndexError(index)
        random = torch.Generator().manual_seed(index)
        points = torch.rand(3 * index, 2, generator=random)
        scaled = points * torch.tensor([self.size[1], self.size[0]])
        return Annotation(name=f"toy-{index}", size=self.size, points=scaled)

    def __getitem__(self, index: int) -> Sample:
        annotation = self.annotation(index)
        random = torch.Generator().manual_seed(index)
        image = torch.randint(0, 256, (3, *self.size), generator=random, dtype=torch.uint8)
        points = Points(annotation.points, canvas_size=self.size)
        return Sample(name=annotation.name, image=image, points=points)
