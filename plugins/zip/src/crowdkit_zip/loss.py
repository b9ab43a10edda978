"""The likelihood of the people in every block, and the three terms beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.density import count_cells
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.interfaces import Counter, Loss, LossTerms, MapSpec, Prediction, Target
from crowdkit_core.losses import require_weights
from crowdkit_core.precision import at_least_float32, without_autocast
from crowdkit_zip.blocks import bin_of

EPSILON = 1e-8
"""Added to what a logarithm is taken of, as in the authors' code."""

SCALES = (1, 2, 4)


def poisson_cost(
    rate: Float[Tensor, "*shape"],
    counts: Float[Tensor, "*shape"],
    possible: Float[Tensor, "*shape"] | None = None,
) -> Float[Tensor, "*shape"]:
    """Negative log-likelihood of counts, without the logarithm of their factorials.

    Args:
        rate: Of the Poisson distribution, persons per block.
        counts: Persons in each block.
        possible: Probability that a block follows it; the others are empty. None for 1.

    Example:
        >>> counts = torch.tensor([0.0, 2.0])
        >>> poisson_cost(torch.tensor([1.5, 1.5]), counts)
        tensor([1.5000, 0.6891])
        >>> half = torch.tensor([0.5, 0.5])
        >>> poisson_cost(torch.tensor([1.5, 1.5]), counts, half)
        tensor([0.4917, 1.3822])
    """
    holding = rate - counts * (rate + EPSILON).log()
    if possible is None:
        return holding
    empty = -(1 - possible + possible * (-rate).exp() + EPSILON).log()
    return torch.where(counts > 0, holding - (possible + EPSILON).log(), empty)


def multiscale_error(
    difference: Float[Tensor, "B 1 h w"], scales: Sequence[int] = SCALES
) -> Float[Tensor, " B"]:
    """Absolute error of means over squares of blocks, added up over squares and scales.

    The coarsest scale weighs 1, one of half its side half as much, and so on. A square that
    reaches beyond the map sees zeros there.

    Args:
        difference: Predicted minus annotated people.
        scales: Sides of the squares in blocks.

    Example:
        >>> multiscale_error(torch.tensor([[[[1.0, -1.0], [0.0, 0.0]]]]), (1, 2)).tolist()
        [1.0]
    """
    total = difference.new_zeros(len(difference))
    for scale in scales:
        rows, columns = (-side % scale for side in difference.shape[-2:])
        means = F.avg_pool2d(F.pad(difference, (0, columns, 0, rows)), scale)
        total = total + scale / max(scales) * means.abs().flatten(1).sum(1)
    return total


class ZIPLoss(Loss):
    """Likelihood, classification, multi-scale error and count error of blocks.

    Ma, Sanchez and Guha, "ZIP: Scalable Crowd Counting via Zero-Inflated Poisson Modeling", 2025.
    Blocks are the cells of the counter's density map; the people in them are the points
    themselves, added up. Each term is the sum over an image's blocks, and a batch the mean of its
    images:

    - ``likelihood``: `poisson_cost` of ``rate``, zero-inflated by ``attention``.
    - ``classification``: cross entropy of ``bins`` in blocks with people.
    - ``multiscale``: `multiscale_error` of ``density``.
    - ``count``: absolute error of the image's count.

    With ``zero_inflated=False`` it is that of plain blockwise counters: the likelihood is
    ``density``'s, and blocks without people are classified too. In a region of interest a block
    that lies partly inside has the share of its rate there; its classification weighs that share.

    Args:
        likelihood: Weight of the term; 0 leaves it out.
        classification: Likewise.
        multiscale: Likewise.
        count: Likewise.
        scales: Sides of the squares of the multi-scale error in blocks.
        zero_inflated: As of the counter.

    Raises:
        OptionsError: A negative weight, no positive one, or scales that are no sides.
    """

    def __init__(
        self,
        *,
        likelihood: float = 1.0,
        classification: float = 1.0,
        multiscale: float = 1.0,
        count: float = 1.0,
        scales: tuple[int, ...] = SCALES,
        zero_inflated: bool = True,
    ) -> None:
        super().__init__()
        self.weights = {
            "likelihood": likelihood,
            "classification": classification,
            "multiscale": multiscale,
            "count": count,
        }
        require_weights(self, self.weights)
        if not scales or min(scales) < 1:
            raise OptionsError(f"{self.label}: scales is {list(scales)}, expected 1 or more each")
        self.scales = scales
        self.zero_inflated = zero_inflated
        self.needs = (
            "density",
            *(("bins",) if classification else ()),
            *(("rate", "attention") if likelihood and zero_inflated else ()),
        )

    def missing(self, counter: Counter) -> list[str]:
        """The maps it needs, all of the same blocks, and bins that begin where it classifies."""
        return super().missing(counter) or self._misfits(counter.outputs)

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The weighted terms, in the order of the options.

        Raises:
            IncompatibleError: A map is missing, or the prediction does not say what it is.
        """
        with without_autocast(target.count.device):  # logarithms are not exact in half precision
            blocks = self._blocks(prediction, target)
            costs = {
                "likelihood": self._likelihood,
                "classification": _cross_entropy,
                "multiscale": self._multiscale_error,
                "count": _count_error,
            }
            return LossTerms.of(
                **{
                    name: weight * costs[name](blocks).mean()
                    for name, weight in self.weights.items()
                    if weight
                }
            )

    def _blocks(self, prediction: Prediction, target: Target) -> "_Blocks":
        if prediction.density is None or prediction.stride is None:
            raise IncompatibleError(f"{self.label} needs a density map, the prediction has none")
        maps = self._maps(prediction, prediction.density, prediction.stride)
        counts = blocks_of(target, prediction.stride).to(maps["density"])
        shares = target.shares(prediction.stride)
        return _Blocks(
            maps=maps,
            bins=prediction.outputs["bins"].bins if "bins" in maps else (),
            counts=counts,
            inside=torch.ones_like(counts) if shares is None else shares.to(counts),
        )

    def _likelihood(self, blocks: "_Blocks") -> Tensor:
        rate, attention = blocks.maps["density"], None
        if self.zero_inflated:
            rate, attention = blocks.maps["rate"], blocks.maps["attention"]
        return _over_blocks(poisson_cost(rate * blocks.inside, blocks.counts, attention))

    def _multiscale_error(self, blocks: "_Blocks") -> Tensor:
        return multiscale_error(blocks.error, self.scales)

    def _misfits(self, outputs: Mapping[str, MapSpec]) -> list[str]:
        """What is wrong with maps that are there, in words."""
        strides = {name: outputs[name].stride for name in self.needs}
        if len(set(strides.values())) > 1:
            return [f"maps of one stride (they have {strides})"]
        first = 1 if self.zero_inflated else 0
        bins = outputs["bins"].bins if "bins" in self.needs else (first,)
        return [] if bins[:1] == (first,) else [f"a map 'bins' from {first} on (it has {bins})"]

    def _maps(self, prediction: Prediction, density: Tensor, stride: int) -> dict[str, Tensor]:
        """The maps it needs, in single precision at least."""
        outputs = {**prediction.outputs, "density": MapSpec("density", stride)}
        given = {**prediction.maps, "density": density}
        for name in self.needs:
            if name not in given or name not in outputs:
                raise IncompatibleError(
                    f"{self.label} needs a map named {name!r} and what it means",
                    hint="call the counter, or fill in Prediction.outputs",
                )
        for problem in self._misfits(outputs):
            raise IncompatibleError(f"{self.label} needs {problem}")
        return {name: at_least_float32(given[name]) for name in self.needs}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """A batch: what is predicted of its blocks, and who is in them.

    Attributes:
        maps: Those the loss needs, by name.
        bins: Least count of each class of the map ``bins``.
        counts: (B, 1, h, w) people.
        inside: (B, 1, h, w) share of each block inside the region.
    """

    maps: Mapping[str, Tensor]
    bins: Sequence[int]
    counts: Tensor
    inside: Tensor

    @property
    def error(self) -> Tensor:
        """(B, 1, h, w) predicted minus annotated people."""
        return self.maps["density"] * self.inside - self.counts


def blocks_of(target: Target, block_size: int) -> Float[Tensor, "B 1 h w"]:
    """Number of people in every block of a batch; 0 on padding.

    Args:
        target: Whose points.
        block_size: Pixels per block side.
    """
    rows, columns = (-(-side // block_size) for side in target.size)
    counts = [
        count_cells(points, size, block_size)
        for points, size in zip(target.points, target.sizes, strict=True)
    ]
    padded = [F.pad(each, (0, columns - each.shape[1], 0, rows - each.shape[0])) for each in counts]
    return torch.stack(padded)[:, None].float()


def _cross_entropy(blocks: _Blocks) -> Tensor:
    """(B,) of the blocks that any of the bins is for."""
    wanted = bin_of(blocks.counts[:, 0], blocks.bins)
    each = F.cross_entropy(blocks.maps["bins"], wanted, ignore_index=-1, reduction="none")
    return _over_blocks(each[:, None] * blocks.inside)


def _count_error(blocks: _Blocks) -> Tensor:
    return _over_blocks(blocks.error).abs()


def _over_blocks(values: Tensor) -> Tensor:
    return values.flatten(1).sum(1)
