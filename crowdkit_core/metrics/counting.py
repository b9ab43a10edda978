"""Errors of counts: MAE, RMSE and NAE, and the sums they are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from jaxtyping import Float64, Num
from torch import Tensor

from crowdkit_core.errors import ShapeError

Counts = Num[Tensor, " B"] | Num[np.ndarray, " B"] | Sequence[float]
"""One number of people per image."""


@dataclass(frozen=True, slots=True)
class CountErrors:
    """Sums over images from which MAE, RMSE and NAE follow; parts of a dataset add up.

    A metric of no images is NaN.

    Attributes:
        sums: Last axis: number of images, of images with people, and the sums of absolute,
            squared and relative errors. Leading axes hold several such sets of images.

    Example:
        >>> first, second = CountErrors.of([3.0], [5]), CountErrors.of([4.0, 1.0], [4, 0])
        >>> (first + second).mae.item()
        1.0
    """

    sums: Float64[Tensor, "*sets 5"]

    @classmethod
    def of(cls, predicted: Counts, actual: Counts) -> Self:
        """The sums over images.

        Args:
            predicted: (B,) estimated numbers of people.
            actual: (B,) annotated numbers of people.

        Raises:
            ShapeError: The two are not (B,) of one length.
        """
        return cls(cls.by_image(predicted, actual).sums.sum(0))

    @classmethod
    def by_image(cls, predicted: Counts, actual: Counts) -> Self:
        """The (B, 5) terms that `of` adds up; arguments and errors as there."""
        estimate = torch.as_tensor(predicted, dtype=torch.float64)
        truth = torch.as_tensor(actual, dtype=torch.float64, device=estimate.device)
        if estimate.ndim != 1 or estimate.shape != truth.shape:
            raise ShapeError(
                f"counts have shapes {tuple(estimate.shape)} and {tuple(truth.shape)}, "
                "expected (B,) twice"
            )
        absolute = (estimate - truth).abs()
        peopled = truth > 0
        relative = torch.where(peopled, absolute / truth.where(peopled, 1.0), 0.0)
        terms = [torch.ones_like(truth), peopled.double(), absolute, absolute.square(), relative]
        return cls(torch.stack(terms, dim=-1))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.sums + other.sums)

    @property
    def mae(self) -> Float64[Tensor, "*sets"]:
        """Mean absolute error."""
        return self.sums[..., 2] / self.sums[..., 0]

    @property
    def rmse(self) -> Float64[Tensor, "*sets"]:
        """Root of the mean squared error; papers of this field print it as "MSE"."""
        return (self.sums[..., 3] / self.sums[..., 0]).sqrt()

    @property
    def nae(self) -> Float64[Tensor, "*sets"]:
        """Mean of absolute error over count, over the images with people."""
        return self.sums[..., 4] / self.sums[..., 1]

    @property
    def images_without_people(self) -> Float64[Tensor, "*sets"]:
        """Number of images that NAE leaves out."""
        return self.sums[..., 0] - self.sums[..., 1]


def mae(predicted: Counts, actual: Counts) -> Float64[Tensor, ""]:
    """Mean absolute error, in people; NaN of no images.

    Args:
        predicted: (B,) estimated numbers of people.
        actual: (B,) annotated numbers of people.

    Raises:
        ShapeError: The two are not (B,) of one length.

    Example:
        >>> mae([3.0, 10.0], [5, 10]).item()
        1.0
    """
    return CountErrors.of(predicted, actual).mae


def rmse(predicted: Counts, actual: Counts) -> Float64[Tensor, ""]:
    """Root mean squared error, in people; papers of this field print it as "MSE".

    Args:
        predicted: (B,) estimated numbers of people.
        actual: (B,) annotated numbers of people.

    Raises:
        ShapeError: The two are not (B,) of one length.

    Example:
        >>> rmse([3.0, 8.0, 1.0, 2.0], [3, 4, 1, 2]).item()
        2.0
    """
    return CountErrors.of(predicted, actual).rmse


def nae(predicted: Counts, actual: Counts) -> Float64[Tensor, ""]:
    """Normalised absolute error: the mean of ``|predicted - actual| / actual``.

    Images without people have no such ratio and are left out, as in the NWPU benchmark;
    `CountErrors.images_without_people` says how many. NaN when none is left.

    Args:
        predicted: (B,) estimated numbers of people.
        actual: (B,) annotated numbers of people.

    Raises:
        ShapeError: The two are not (B,) of one length.

    Example:
        >>> nae([3.0, 7.0], [4, 0]).item()
        0.25
    """
    return CountErrors.of(predicted, actual).nae
