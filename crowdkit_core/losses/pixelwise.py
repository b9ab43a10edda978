"""The losses `mse` and `l1`, which compare density maps cell by cell."""

from collections.abc import Callable
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses.maps import maps_of_kind

Reduction = Literal["sum", "mean"]
"""Over the cells of one image; over the images of a batch it is always the mean."""


def squared_error(
    density: Float[Tensor, "B 1 h w"],
    target: Float[Tensor, "B 1 h w"],
    *,
    shares: Float[Tensor, "B 1 h w"] | None = None,
    reduction: Reduction = "sum",
) -> Float[Tensor, ""]:
    """Squared error of density maps, in persons squared.

    Args:
        density: Predicted persons per cell.
        target: Persons per cell inside the region.
        shares: Share in [0, 1] of each cell inside the region; None for everywhere. The people
            predicted in a cell count by this share.
        reduction: ``sum`` adds up the cells of an image, ``mean`` divides that sum by the image's
            cells inside the region (its sum of shares). Either way a batch is the mean of its
            images; an image whose region is empty gives 0.

    Example:
        >>> import torch
        >>> predicted = torch.tensor([[[[1.0, 3.0]]], [[[0.0, 0.0]]]])
        >>> squared_error(predicted, torch.zeros(2, 1, 1, 2)).item()
        5.0
        >>> squared_error(predicted, torch.zeros(2, 1, 1, 2), reduction="mean").item()
        2.5
    """
    return _over_cells(_difference(density, target, shares).square(), shares, reduction)


def absolute_error(
    density: Float[Tensor, "B 1 h w"],
    target: Float[Tensor, "B 1 h w"],
    *,
    shares: Float[Tensor, "B 1 h w"] | None = None,
    reduction: Reduction = "sum",
) -> Float[Tensor, ""]:
    """Absolute error of density maps, in persons; arguments as in `squared_error`.

    Example:
        >>> import torch
        >>> absolute_error(torch.tensor([[[[1.0, -3.0]]]]), torch.zeros(1, 1, 1, 2)).item()
        4.0
    """
    return _over_cells(_difference(density, target, shares).abs(), shares, reduction)


def _difference(density: Tensor, target: Tensor, shares: Tensor | None) -> Tensor:
    return (density if shares is None else density * shares) - target


def _over_cells(errors: Tensor, shares: Tensor | None, reduction: Reduction) -> Tensor:
    sums = errors.flatten(1).sum(1)
    if reduction == "sum":
        return sums.mean()
    if shares is None:
        return errors.flatten(1).mean(1).mean()
    cells = shares.flatten(1).sum(1)
    return (sums / cells.where(cells > 0, 1.0)).mean()


class _Cellwise(Loss):
    """What losses on the cells of density maps share."""

    def __init__(
        self, *, reduction: Reduction = "sum", scale: float = 1.0, auxiliary: bool = False
    ) -> None:
        super().__init__()
        if not scale > 0:
            raise OptionsError(f"scale is {scale}, must be positive")
        self.reduction: Reduction = reduction
        self.scale = scale
        self.auxiliary = auxiliary

    def _errors(
        self,
        error: Callable[..., Tensor],
        prediction: Prediction,
        target: Target,
        *,
        main: str,
        factor: float,
    ) -> LossTerms:
        """The error of the main map under the name ``main``, of others under their own."""
        maps = {main: _main_map(prediction, self)}
        if self.auxiliary:
            others = maps_of_kind(prediction, "density", self).items()
            maps |= {name: each for name, each in others if each[0] is not prediction.density}
        errors = {
            name: error(
                density,
                target.density(stride),
                shares=target.shares(stride),
                reduction=self.reduction,
            )
            for name, (density, stride) in maps.items()
        }
        return LossTerms.of(**{name: factor * each for name, each in errors.items()})


class MSE(_Cellwise):
    """Squared error between predicted and target density.

    ``reduction="sum"`` is what CSRNet (Li et al., CVPR 2018, eq. 3, without its factor 1/2) and
    the papers that follow it minimise; their learning rates of 1e-7 to 5e-6 assume it.
    ``reduction="mean"`` is what most MCNN code minimises.

    Args:
        reduction: Over the cells of an image; see `squared_error`.
        scale: The error is taken of maps multiplied by this (such as 100 in code that
            trains on hundredfold maps); the counter's output stays in persons.
        auxiliary: Add the error of every other density map of the counter, each at its own
            stride and weighing the same.

    Raises:
        OptionsError: ``scale`` is not positive.
    """

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The error as the term ``mse``; those of auxiliary maps under their names."""
        factor = self.scale**2
        return self._errors(squared_error, prediction, target, main="mse", factor=factor)


class L1(_Cellwise):
    """Absolute error between predicted and target density.

    Args:
        reduction: Over the cells of an image; see `absolute_error`.
        scale: The error is taken of maps multiplied by this; the counter's output stays in
            persons.
        auxiliary: Add the error of every other density map of the counter, each at its own
            stride and weighing the same.

    Raises:
        OptionsError: ``scale`` is not positive.
    """

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The error as the term ``l1``; those of auxiliary maps under their names."""
        return self._errors(absolute_error, prediction, target, main="l1", factor=self.scale)


def _main_map(prediction: Prediction, loss: Loss) -> tuple[Tensor, int]:
    if prediction.density is None or prediction.stride is None:
        raise IncompatibleError(f"{loss.label} needs a density map, the prediction has none")
    return prediction.density, prediction.stride
