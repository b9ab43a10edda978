"""One Gaussian width for everyone."""

from math import inf
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.density.gaussians import Convention
from crowdkit_core.density.generator import GaussianGenerator
from crowdkit_core.errors import UsageError
from crowdkit_core.interfaces import Size

FixedPreset = Literal[
    "mcnn",
    "deepcount",
    "deepcount-code",
    "csrnet",
    "adaptive-density",
    "recurrent-distillation-prior",
    "recurrent-distillation-ucsd-7",
    "recurrent-distillation-ucsd-5",
    "recurrent-distillation-ucsd-3",
]

_PRESETS: dict[FixedPreset, tuple[float, int | None]] = {
    "mcnn": (4.0, 15),
    "deepcount": (5.0, None),
    "deepcount-code": (10.0, 49),
    "csrnet": (15.0, None),
    "adaptive-density": (16.0, None),
    "recurrent-distillation-prior": (25.0, None),
    "recurrent-distillation-ucsd-7": (7.0, None),
    "recurrent-distillation-ucsd-5": (5.0, None),
    "recurrent-distillation-ucsd-3": (3.0, None),
}


class Fixed(GaussianGenerator):
    """A Gaussian of one width for every point.

    The width is in the pixels the network sees: resizing an image does not change it.

    Presets, as sigma in pixels and the window it was published with:
    ``mcnn`` 4 in 15 x 15, the public implementations of MCNN and the C-3-Framework;
    ``deepcount`` 5, its text, and ``deepcount-code`` 10 in 49 x 49;
    ``csrnet`` 15, for ShanghaiTech B, which MARUNet uses too;
    ``adaptive-density`` 16; ``recurrent-distillation-prior`` 25, and the three widths of the
    stages on UCSD, 7, 5 and 3.

    Args:
        preset: Published values for ``sigma`` and ``window``.
        sigma: Width in pixels; 4 without a preset. Wins over the preset's.
        window: Side in pixels of the square outside which the Gaussian is cut off. Wins over the
            preset's; without either it is cut off after ``truncate`` standard deviations.
        truncate: Used without a window.
        convention: What sigma means, see `place_gaussians`.

    Raises:
        UsageError: ``sigma`` is negative or not finite.

    Example:
        >>> import torch
        >>> Fixed(preset="mcnn")([torch.tensor([[3.0, 2.0]])], (8, 8), stride=8).tolist()
        [[[[1.0]]]]
    """

    def __init__(
        self,
        *,
        preset: FixedPreset | None = None,
        sigma: float | None = None,
        window: int | None = None,
        truncate: float = 4.0,
        convention: Convention = "standard",
    ) -> None:
        preset_sigma, preset_window = _PRESETS[preset] if preset else (4.0, None)
        super().__init__(
            convention=convention,
            truncate=truncate,
            window=preset_window if window is None else window,
        )
        self.sigma = preset_sigma if sigma is None else sigma
        if not 0 <= self.sigma < inf:
            raise UsageError(f"fixed has sigma {self.sigma}, expected a finite width of at least 0")

    def sigmas(self, points: Float[Tensor, "N 2"], size: Size) -> Float[Tensor, " N"]:  # noqa: ARG002
        """The same width for every point, see `GaussianGenerator.sigmas`."""
        return torch.full_like(points[:, 0], self.sigma)
