"""A counter that counts red pixels, and images of red pixels: every count is known."""

import pytest
import torch
from torch import nn

from crowdkit_core.interfaces import (
    Annotation,
    Counter,
    Dataset,
    MapSpec,
    Points,
    Prediction,
    Sample,
)


class RedPixels(Counter):
    """Density is the red channel, one person per fully red pixel."""

    size_multiple = 4
    receptive_field = 4

    def __init__(self, *, factor: float = 1.0, density: bool = True) -> None:
        super().__init__()
        self.outputs = {"density": MapSpec("density", 4)} if density else {}
        self.factor = factor
        self.frozen = nn.BatchNorm2d(1)

    def forward(self, images):
        assert not self.training
        assert not torch.is_grad_enabled()
        assert len(images) == 1
        density = 16 * nn.functional.avg_pool2d(
            nn.functional.pad(images[:, :1], (0, -images.shape[3] % 4, 0, -images.shape[2] % 4)), 4
        )
        count = self.factor * density.flatten(1).sum(1)
        return Prediction(
            count=count,
            density=self.factor * density if self.outputs else None,
            stride=4 if self.outputs else None,
            counts={"double": 2 * count},
        )


class RedImages(Dataset):
    """Images given as (red points, annotated points, region or None), all of 20 x 30 pixels."""

    def __init__(self, *images) -> None:
        self.split = "test"
        self.images = images

    def __len__(self):
        return len(self.images)

    def annotation(self, index):
        _, points, roi = self.images[index]
        return Annotation(name=f"image-{index}", size=(20, 30), points=_points(points), roi=roi)

    def __getitem__(self, index):
        red, points, roi = self.images[index]
        image = torch.zeros(3, 20, 30, dtype=torch.uint8)
        for x, y in red:
            image[0, y, x] = 255
        points = Points(_points(points), canvas_size=(20, 30))
        return Sample(name=f"image-{index}", image=image, points=points, roi=roi)


def _points(points):
    return torch.tensor(points, dtype=torch.float32).reshape(-1, 2)


@pytest.fixture
def red_pixels():
    return RedPixels


@pytest.fixture
def red_images():
    return RedImages


@pytest.fixture
def three_images():
    """Predicted 2, 1, 0 people where 1, 3, 0 are annotated."""
    return RedImages(
        ([(1, 1), (28, 18)], [(1.5, 1.5)], None),
        ([(5, 5)], [(5.5, 5.5), (14.0, 3.0), (20.0, 15.0)], None),
        ([], [], None),
    )
