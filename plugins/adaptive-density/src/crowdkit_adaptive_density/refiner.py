"""The density generator `adaptive-refiner`, which learns to refine another's maps."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

import crowdkit_core
from crowdkit_adaptive_density.initialization import INITIALIZERS, Initialization
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Dataset, DensityGenerator, Size
from crowdkit_core.losses import squared_error
from crowdkit_core.networks import conv_relu_stack
from crowdkit_core.precision import at_least_float32, without_autocast

_PAPER: Mapping[str, Any] = {"name": "fixed", "sigma": 16.0}

_CHANNELS = (1, 512, 512, 256, 128, 64)


class AdaptiveRefiner(DensityGenerator):
    """Passes the map of a hand-made generator through six convolutions.

    g(Y) of Wan and Chan, "Adaptive Density Map Generation for Crowd Counting", ICCV 2019, section 3
    and table 1: C(512,3)-C(512,3)-C(256,3)-C(128,3)-C(64,3)-C(1,3) with a ReLU after each but the
    last, at the counter's stride. It is trained together with a counter, by the trainer ``joint``
    say, which adds `penalty`; afterwards it can train other counters as it is. A refined map need
    not sum to the number of points, and may hold a little where nobody is.

    Args:
        base: What is refined: a registered generator's name, a table with its ``name`` and options,
            or the generator itself. The default is the paper's fixed Gaussian.
        alpha: Weight of the penalty.
        init: The paper does not say. ``identity`` begins near Y; ``normal`` with every weight from
            N(0, 0.01) and so near an empty map.

    Raises:
        OptionsError: ``alpha`` is negative, or ``base`` names no generator.
        CrowdkitError: The base cannot be made.
    """

    preserves_count = False

    def __init__(
        self,
        *,
        base: str | Mapping[str, Any] | DensityGenerator = _PAPER,
        alpha: float = 1.0,
        init: Initialization = "identity",
    ) -> None:
        super().__init__()
        if not alpha >= 0:
            raise OptionsError(f"alpha is {alpha}, must be at least 0")
        self.base = _made(base).requires_grad_(False)
        self.alpha = alpha
        self.network = nn.Sequential(
            *conv_relu_stack(_CHANNELS), nn.Conv2d(_CHANNELS[-1], 1, 3, padding=1)
        )
        self.strides = self.base.strides
        INITIALIZERS[init](self.network)

    def forward(
        self,
        points: Sequence[Float[Tensor, "_ 2"]],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Sequence[Float[Tensor, " _"]] | None = None,
        images: Float[Tensor, "B 3 H W"] | None = None,
    ) -> Float[Tensor, "B 1 h w"]:
        """Refined maps of a batch, see `DensityGenerator.forward`."""
        # Mixed precision would round the mass of every point of a hand-made map.
        weight = next(self.network.parameters())
        with without_autocast(weight.device):
            given = self.base(points, size, stride=stride, sigmas=sigmas, images=images)
        refined: Tensor = self.network(given.to(weight.dtype))
        return at_least_float32(refined)

    def fit(self, dataset: Dataset) -> None:
        """As the base, see `DensityGenerator.fit`."""
        self.base.fit(dataset)

    def measure(self, points: Float[Tensor, "N 2"], size: Size) -> Mapping[str, Tensor]:
        """As the base, see `DensityGenerator.measure`."""
        return self.base.measure(points, size)

    def penalty(
        self,
        density: Float[Tensor, "B 1 h w"],
        points: Sequence[Float[Tensor, "_ 2"]],
        size: Size,
        *,
        stride: int,
        sigmas: Sequence[Float[Tensor, " _"]] | None = None,
    ) -> Float[Tensor, ""]:
        """The second term of eq. 3, alpha ||g(Y) - Y||^2 over the cells of an image."""
        given = self.base(points, size, stride=stride, sigmas=sigmas)
        return self.alpha * squared_error(density, given)

    def details(
        self,
        points: Float[Tensor, "N 2"],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Float[Tensor, " N"] | None = None,
        images: Float[Tensor, "1 3 H W"] | None = None,
    ) -> Mapping[str, Tensor]:
        """The map before it is refined, as ``base``."""
        widths = None if sigmas is None else [sigmas]
        return {
            "base": self.base([points], size, stride=stride, sigmas=widths, images=images)[0, 0]
        }


def _made(base: str | Mapping[str, Any] | DensityGenerator) -> DensityGenerator:
    if isinstance(base, DensityGenerator):
        return base
    options = {"name": base} if isinstance(base, str) else dict(base)
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise OptionsError(
            f"base of adaptive-refiner is {dict(base) if isinstance(base, Mapping) else base}, "
            "expected a generator's name and options",
            hint='base = { name = "fixed", sigma = 16.0 }',
        )
    return crowdkit_core.create("density_generator", name, **options)
