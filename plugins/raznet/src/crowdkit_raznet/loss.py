"""The loss `raz`: a term for each branch of RAZNet."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Size, Target
from crowdkit_core.losses import (
    MapPair,
    main_maps,
    mean_over_cells,
    mean_over_images,
    require_weights,
)
from crowdkit_raznet.targets import attention_target, localization_labels

_EPSILON = 1e-12  # persons squared per cell: keeps the root's slope finite where the map is perfect


class RazLoss(Loss):
    """A term for each branch: density, localization and attention.

    Liu, Weng and Mu, CVPR 2019. Each term reads the map of its own name, and one of weight 0 is
    left out and needs no map:

    - ``density``, eq. 1: the root of the mean squared error over the cells of an image. The
      printed factor 8 and sum over an eighth of each side are that mean.
    - ``localization``, eq. 3: cross entropy with `localization_labels`, a head's cells weighing
      ``gamma`` times as much as others, the mean over the cells.
    - ``attention``: squared error from `attention_target`, the mean over the cells; the paper does
      not name this loss.

    A batch is the mean of its images. The paper trains branch after branch and so has no weights.

    Args:
        density: Weight of the density term.
        localization: Weight of the localization term.
        attention: Weight of the attention term.
        gamma: Of a head's cells in the cross entropy.
        sigma: Of the attention target, in pixels.

    Raises:
        OptionsError: A negative weight, none that is positive, or ``gamma`` or ``sigma`` that is
            not positive.
    """

    def __init__(
        self,
        *,
        density: float = 1.0,
        localization: float = 1.0,
        attention: float = 1.0,
        gamma: float = 100.0,
        sigma: float = 3.0,
    ) -> None:
        super().__init__()
        self.weights = {"density": density, "localization": localization, "attention": attention}
        require_weights(self, self.weights)
        for name, value in (("gamma", gamma), ("sigma", sigma)):
            if not value > 0:
                raise OptionsError(f"{self.label}: {name} is {value}, must be positive")
        self.needs = tuple(name for name, weight in self.weights.items() if weight > 0)
        self.gamma = gamma
        self.sigma = sigma

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The weighted terms ``density``, ``localization`` and ``attention``.

        Raises:
            IncompatibleError: A map is missing, or the prediction does not say its stride.
        """
        terms = {
            "density": self._density,
            "localization": self._localization,
            "attention": self._attention,
        }
        return LossTerms.of(
            **{name: self.weights[name] * terms[name](prediction, target) for name in self.needs}
        )

    def _density(self, prediction: Prediction, target: Target) -> Tensor:
        return mean_over_images(main_maps(prediction, target, self), root_mean_squared_errors)

    def _localization(self, prediction: Prediction, target: Target) -> Tensor:
        maps, stride = self._map(prediction, "localization")

        def cross_entropy(predicted: Tensor, images: Sequence[int], size: Size) -> Tensor:
            made = [localization_labels(target.points[i], size, stride=stride) for i in images]
            labels = torch.stack(made)[:, None].to(predicted)
            weight = 1 + (self.gamma - 1) * labels
            return F.binary_cross_entropy(predicted, labels, weight=weight, reduction="none")

        return mean_over_cells(maps, target, stride, cross_entropy)

    def _attention(self, prediction: Prediction, target: Target) -> Tensor:
        maps, stride = self._map(prediction, "attention")

        def squared_error(predicted: Tensor, images: Sequence[int], size: Size) -> Tensor:
            made = [
                attention_target(target.points[i], size, stride=stride, sigma=self.sigma)
                for i in images
            ]
            return (predicted - torch.stack(made)[:, None].to(predicted)).square()

        return mean_over_cells(maps, target, stride, squared_error)

    def _map(self, prediction: Prediction, name: str) -> tuple[Tensor, int]:
        """The map of a name and its stride."""
        if name not in prediction.maps or name not in prediction.outputs:
            raise IncompatibleError(
                f"{self.label} needs a map named {name!r} and its stride",
                hint="call the counter, or fill in Prediction.outputs",
            )
        return prediction.maps[name], prediction.outputs[name].stride


def root_mean_squared_errors(pair: MapPair) -> Float[Tensor, " b"]:
    """Of each image, over its cells, in persons; 0 where the region is empty."""
    squares = (pair.predicted - pair.wanted).square()
    if pair.shares is None:
        return (squares.flatten(1).mean(1) + _EPSILON).sqrt()
    cells = pair.shares.flatten(1).sum(1)
    return (squares.flatten(1).sum(1) / cells.where(cells > 0, 1.0) + _EPSILON).sqrt()
