"""Behind the backbone: one level of a feature pyramid, and the two heads."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from crowdkit_core.networks import conv_relu_stack


class Pyramid(nn.Module):
    """Features of stride 8 that also know those of stride 16.

    Args:
        channels: Of the features of stride 8 and of stride 16.
        width: Of what comes out.
    """

    def __init__(self, channels: tuple[int, int], width: int) -> None:
        super().__init__()
        fine, coarse = channels
        self.fine = nn.Conv2d(fine, width, 1)
        self.coarse = nn.Conv2d(coarse, width, 1)
        self.smooth = nn.Conv2d(width, width, 3, padding=1)

    def forward(
        self, fine: Float[Tensor, "B C H W"], coarse: Float[Tensor, "B D H//2 W//2"]
    ) -> Float[Tensor, "B E H W"]:
        """The sum of both, smoothed."""
        doubled = F.interpolate(self.coarse(coarse), scale_factor=2, mode="nearest")
        smooth: Tensor = self.smooth(self.fine(fine) + doubled)
        return smooth


class Head(nn.Sequential):
    """Two convolutions and the one that says something of each reference point.

    Args:
        width: Of the features.
        channels: Numbers of each cell.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__(
            *conv_relu_stack([width, width, width]), nn.Conv2d(width, channels, 3, padding=1)
        )
