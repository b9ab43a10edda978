"""Pair predicted and wanted maps without padding, for losses that look at neighbourhoods.

A window, a pooling or a correlation must not see a batch's padding. Here images come without it:
those of one size together, in as few groups as there are sizes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import Loss, MapKind, Prediction, Size, Target
from crowdkit_core.precision import at_least_float32, without_autocast


@dataclass(frozen=True, slots=True)
class MapPair:
    """Density maps of images of one size, without padding.

    Attributes:
        images: Their indices in the batch.
        size: (H, W) of the images in pixels.
        stride: Pixels per cell side.
        predicted: (b, 1, h, w) persons per cell, zero outside the region.
        wanted: (b, 1, h, w) persons per cell, zero outside the region.
        shares: (b, 1, h, w) share of each cell inside the region; None for everywhere.
    """

    images: Sequence[int]
    size: Size
    stride: int
    predicted: Float[Tensor, "b 1 h w"]
    wanted: Float[Tensor, "b 1 h w"]
    shares: Float[Tensor, "b 1 h w"] | None


def main_maps(prediction: Prediction, target: Target, loss: Loss) -> Iterator[MapPair]:
    """The main density map beside its target; arguments as of `map_pairs`.

    Raises:
        IncompatibleError: The prediction has no density map.
    """
    if prediction.density is None or prediction.stride is None:
        raise IncompatibleError(f"{loss.label} needs a density map, the prediction has none")
    return map_pairs(prediction.density, target, prediction.stride)


def densities_inside(
    prediction: Prediction, target: Target, loss: Loss
) -> tuple[list[Float[Tensor, "_ _"]], int]:
    """The density map of each image without padding, for losses that compare it with points.

    In single precision at least, and zero outside the region.

    Args:
        prediction: Of the batch.
        target: Of the batch; its own maps are not made.
        loss: Named where there is no density map.

    Returns:
        (h, w) persons per cell of each image, and their stride.

    Raises:
        IncompatibleError: The prediction has no density map.
    """
    density, stride = prediction.density, prediction.stride
    if density is None or stride is None:
        raise IncompatibleError(f"{loss.label} needs a density map, the prediction has none")
    shares = target.shares(stride)
    inside = at_least_float32(density) if shares is None else at_least_float32(density) * shares
    maps = [
        inside[image, 0, : -(-height // stride), : -(-width // stride)]
        for image, (height, width) in enumerate(target.sizes)
    ]
    return maps, stride


def map_pairs(density: Float[Tensor, "B 1 h w"], target: Target, stride: int) -> Iterator[MapPair]:
    """A predicted density map beside its target, group by group of equal image sizes.

    Args:
        density: (B, 1, h, w) persons per cell of the padded batch.
        target: The batch's target.
        stride: Pixels per cell side.
    """
    wanted, shares = target.density(stride), target.shares(stride)
    # Maps of mixed precision are as exact as their targets from here on.
    density = density.to(torch.promote_types(density.dtype, wanted.dtype))
    for size, images in same_size_images(target).items():
        inside = None if shares is None else cut(shares, images, size, stride)
        predicted = cut(density, images, size, stride)
        if inside is not None:
            predicted = predicted * inside
        yield MapPair(images, size, stride, predicted, cut(wanted, images, size, stride), inside)


def same_size_images(target: Target) -> Mapping[Size, Sequence[int]]:
    """The images of a batch, by their size before padding."""
    groups: dict[Size, list[int]] = {}
    for image, size in enumerate(target.sizes):
        groups.setdefault(size, []).append(image)
    return groups


def cut(
    maps: Shaped[Tensor, "B C h w"], images: Sequence[int], size: Size, stride: int
) -> Shaped[Tensor, "b C _ _"]:
    """The maps of some images of one size, without padding.

    Args:
        maps: (B, C, h, w) of the padded batch.
        images: Their indices in the batch.
        size: (H, W) of these images in pixels.
        stride: Pixels per cell side.
    """
    rows, columns = (slice(-(-side // stride)) for side in size)
    return maps[slice(None) if len(images) == len(maps) else images, :, rows, columns]


def maps_of_kind(
    prediction: Prediction, kind: MapKind, loss: Loss
) -> dict[str, tuple[Float[Tensor, "B C h w"], int]]:
    """All maps of a kind with their strides, by name.

    The main density map comes first, as ``density``, unless it is one of the named maps.

    Raises:
        IncompatibleError: The prediction does not say what one of its maps is.
    """
    unknown = [name for name in prediction.maps if name not in prediction.outputs]
    if unknown:
        raise IncompatibleError(
            f"{loss.label} cannot tell what the map {unknown[0]!r} is",
            hint="call the counter, or fill in Prediction.outputs",
        )
    maps = {
        name: (each, prediction.outputs[name].stride)
        for name, each in prediction.maps.items()
        if prediction.outputs[name].kind == kind
    }
    main, stride = prediction.density, prediction.stride
    if kind != "density" or main is None or stride is None:
        return maps
    if any(each is main for each, _ in maps.values()):
        return maps
    return {"density": (main, stride), **maps}


def mean_over_images(
    pairs: Iterable[MapPair], loss_of_images: Callable[[MapPair], Float[Tensor, " b"]]
) -> Float[Tensor, ""]:
    """Mean over a batch of what ``loss_of_images`` gives for each image of a group."""
    return torch.cat([loss_of_images(pair) for pair in pairs]).mean()


def mean_over_cells(
    maps: Float[Tensor, "B C h w"],
    target: Target,
    stride: int,
    cost: Callable[[Tensor, Sequence[int], Size], Tensor],
) -> Float[Tensor, ""]:
    """Mean over a batch of the mean of a cost over the cells inside each image and its region.

    Computed in float32 at least: logarithms of probabilities are not exact, and cross entropies of
    them not allowed, in half precision.

    Args:
        maps: (B, C, h, w) of the padded batch.
        target: Of the batch.
        stride: Pixels per cell side of the maps.
        cost: Takes maps of some images of one size, without padding, the images' indices and
            their (H, W); gives (b, 1, h, w).
    """
    shares = target.shares(stride)
    means = []
    with without_autocast(maps.device):
        maps = at_least_float32(maps)
        for size, images in same_size_images(target).items():
            inside = None if shares is None else cut(shares, images, size, stride)
            means.append(mean_inside(cost(cut(maps, images, size, stride), images, size), inside))
    return torch.cat(means).mean()


def mean_inside(
    values: Float[Tensor, "b 1 h w"], shares: Float[Tensor, "b 1 h w"] | None
) -> Float[Tensor, " b"]:
    """(b,) mean of each image's cells, weighted by their shares; 0 where the region is empty."""
    if shares is None:
        return values.flatten(1).mean(1)
    cells = shares.flatten(1).sum(1)
    return (values * shares).flatten(1).sum(1) / cells.where(cells > 0, 1.0)
