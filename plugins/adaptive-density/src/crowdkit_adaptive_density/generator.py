"""The density generator `adaptive-generator`, which learns to make maps from dots."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_adaptive_density.attention import (
    Attention,
    ImageAttention,
    NoAttention,
    SelfAttention,
)
from crowdkit_adaptive_density.blur import FixedBlur, LearnedBlur, dot_maps
from crowdkit_adaptive_density.fusion import LearnedFusion, Pooling, SumFusion
from crowdkit_adaptive_density.initialization import Initialization, init_identity
from crowdkit_core.density import sum_pool
from crowdkit_core.errors import OptionsError, UsageError, require_at_least_one
from crowdkit_core.interfaces import DensityGenerator, Size
from crowdkit_core.networks import init_normal, pad_to_multiple
from crowdkit_core.precision import at_least_float32, without_autocast

Constraint = Literal["global", "local", "hard"]
"""What ties the map to the true count: its sum, its sums over patches, or division by its sum."""

_LEAST_SUM = 1e-6  # persons


class Attended(NamedTuple):
    """The k maps on their way, each (B, k, H, W).

    Attributes:
        blurred: The dots blurred by each Gaussian, B of eq. 4, in persons per pixel.
        attention: The weight of each map in each pixel, A of eq. 5.
        attended: Their product, what fusion is given.
    """

    blurred: Tensor
    attention: Tensor
    attended: Tensor


class AdaptiveGenerator(DensityGenerator):
    """Blurs dots by several Gaussians, weighs them pixel by pixel, and fuses them to one map.

    M = F_f(A * B), A = F_a(B), B_j = D * k_j; Wan and Chan, "Adaptive Density Map Generation for
    Crowd Counting", ICCV 2019, section 4. It is trained together with a counter, by the trainer
    ``joint`` say, which adds `penalty`; afterwards it can train other counters as it is.

    The dot map D has the image's resolution: a point lies in its pixel, and what is left of a
    Gaussian cut off by the border makes up for the rest, so that every B_j sums to the number of
    points. M need not: it may hold too many people, too few, and where nobody is, fewer than none.

    Not in print: the widths, the initial weights, and a stride other than 8, for which the last
    poolings are left out. With ``init = "normal"`` and ``pooling = "avg"`` the network is the
    paper's to the letter.

    Args:
        sigmas: Widths of the Gaussians in pixels of the image given.
        attention: ``self`` is the paper's; table 5 also has ``image``, and ``none`` as "direct
            fusion": every map counts alike.
        fusion: ``learned`` is the paper's; ``sum`` adds the maps up, which without attention is
            table 5's "naive fusion": their mean, so that a person stays one.
        kernels: ``learned`` (table 4b) goes on from the Gaussians; ``fixed`` keeps them.
        constraint: ``global`` is the paper's eq. 7; table 4 also has ``local``, the mean over
            patches of the squared error of each patch's count, and ``hard``: the map is divided
            by its sum and multiplied by the number of points.
        beta: Weight of the penalty.
        patch: Side of a patch in pixels, a multiple of the stride; for ``local``.
        pooling: ``sum`` keeps a map's people when it gets coarser; ``avg``, as printed, divides
            them by 4 at every pooling, which the weights have to make up for.
        init: ``identity`` begins near the mean of the blurred maps; ``normal`` with every weight
            from N(0, 0.01).

    Raises:
        OptionsError: A value out of its range.
    """

    def __init__(
        self,
        *,
        sigmas: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0),
        attention: Attention = "self",
        fusion: Literal["learned", "sum"] = "learned",
        kernels: Literal["fixed", "learned"] = "fixed",
        constraint: Constraint = "global",
        beta: float = 1.0,
        patch: int = 32,
        pooling: Pooling = "sum",
        init: Initialization = "identity",
    ) -> None:
        super().__init__()
        _check(sigmas, beta, patch)
        maps = len(sigmas)
        attentions = {"self": SelfAttention, "image": ImageAttention, "none": NoAttention}
        self.blur = FixedBlur(sigmas) if kernels == "fixed" else LearnedBlur(sigmas)
        self.attention: nn.Module = attentions[attention](maps)
        self.fusion = LearnedFusion(maps, pooling) if fusion == "learned" else SumFusion()
        self.strides = self.fusion.strides
        self.constraint = constraint
        self.beta = beta
        self.patch = patch
        init_normal(self)
        if fusion == "learned" and init == "identity":
            init_identity(self.fusion)
        # With nothing to learn it is one more hand-made generator.
        self.preserves_count = next(self.parameters(), None) is None

    def forward(
        self,
        points: Sequence[Float[Tensor, "_ 2"]],
        size: Size,
        *,
        stride: int = 1,
        sigmas: Sequence[Float[Tensor, " _"]] | None = None,  # noqa: ARG002  # has its own
        images: Float[Tensor, "B 3 H W"] | None = None,
    ) -> Float[Tensor, "B 1 h w"]:
        """Density maps of a batch, see `DensityGenerator.forward`.

        Raises:
            UsageError: A stride it cannot make.
            IncompatibleError: It attends to images and there are none.
        """
        if self.strides is not None and stride not in self.strides:
            raise UsageError(
                f"{self.label} cannot make a map of stride {stride}",
                hint=f"it makes strides {sorted(self.strides)}",
            )
        attended = self.attend(points, size, images=images).attended
        density: Tensor = self.fusion(pad_to_multiple(attended, stride), stride)
        density = at_least_float32(density)
        if self.constraint == "hard":
            return _of_count(density, points)
        return density

    def attend(
        self,
        points: Sequence[Float[Tensor, "_ 2"]],
        size: Size,
        *,
        images: Float[Tensor, "B 3 H W"] | None = None,
    ) -> Attended:
        """The blurred maps of a batch, and the attention they are given.

        Args:
            points: Per image (N, 2) pixels.
            size: (H, W) of the images.
            images: As for ``forward``.

        Raises:
            IncompatibleError: It attends to images and there are none.
        """
        dots = dot_maps(points, size)
        # Half precision would round the mass of every point before anything is learned.
        with without_autocast(dots.device):
            blurred = self.blur(dots)
        blurred = blurred.to(self._dtype)
        attention = self.attention(blurred, images)
        return Attended(blurred, attention, attention * blurred)

    def penalty(
        self,
        density: Float[Tensor, "B 1 h w"],
        points: Sequence[Float[Tensor, "_ 2"]],
        size: Size,
        *,
        stride: int,
        sigmas: Sequence[Float[Tensor, " _"]] | None = None,  # noqa: ARG002  # has its own
    ) -> Float[Tensor, ""] | None:
        """``beta`` times the squared error of the map's count, in persons squared.

        (1^T M - 1^T D)^2 of eq. 7, or its mean over patches; None where the count is right anyway.

        Raises:
            OptionsError: A patch is no whole number of cells.
        """
        if self.preserves_count or self.constraint == "hard":
            return None
        if self.constraint == "global":
            return self.beta * (_sums(density) - _counts(points, density)).square().mean()
        if self.patch % stride:
            raise OptionsError(
                f"{self.label} has patch {self.patch}, must be a multiple of the stride {stride}"
            )
        counts = dot_maps(points, size, stride=self.patch)
        return self.beta * (sum_pool(density, self.patch // stride) - counts).square().mean()

    def details(
        self,
        points: Float[Tensor, "N 2"],
        size: Size,
        *,
        stride: int = 1,  # noqa: ARG002  # all of them are of the image's size
        sigmas: Float[Tensor, " N"] | None = None,  # noqa: ARG002  # has its own
        images: Float[Tensor, "1 3 H W"] | None = None,
    ) -> Mapping[str, Tensor]:
        """Attention and the blurred maps before and after it, as in fig. 7.

        Returns:
            ``attention``, ``blurred`` and ``attended``, each (k, H, W), from the narrowest
            Gaussian to the widest if ``sigmas`` are in that order.
        """
        maps = self.attend([points], size, images=images)
        return {
            "attention": maps.attention[0],
            "blurred": maps.blurred[0],
            "attended": maps.attended[0],
        }

    @property
    def _dtype(self) -> torch.dtype:
        """Of its weights; single precision where it has none."""
        return next((each.dtype for each in self.parameters()), torch.float32)


def _check(sigmas: Sequence[float], beta: float, patch: int) -> None:
    if not sigmas or not all(0 < each < float("inf") for each in sigmas):
        raise OptionsError(f"sigmas is {sigmas}, must be one or more positive widths")
    if not beta >= 0:
        raise OptionsError(f"beta is {beta}, must be at least 0")
    require_at_least_one({"patch": patch})


def _sums(density: Tensor) -> Tensor:
    """(B,)."""
    return density.flatten(1).sum(1)


def _counts(points: Sequence[Tensor], like: Tensor) -> Tensor:
    """(B,)."""
    return like.new_tensor([len(each) for each in points])


def _of_count(density: Tensor, points: Sequence[Tensor]) -> Tensor:
    """The maps, scaled to sum to the number of points.

    Where the sum is hardly positive it is no scale; that map stays short of people.
    """
    scale = _counts(points, density) / _sums(density).clamp_min(_LEAST_SUM)
    return density * scale.view(-1, 1, 1, 1)
