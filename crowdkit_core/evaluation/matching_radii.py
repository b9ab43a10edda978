"""Matching radii: how far a found point may lie from a head, and scores of points within them."""

from collections.abc import Mapping, Sequence

from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.interfaces import Lengths
from crowdkit_core.metrics import LocalizationScores, localization_scores

MatchingRadius = float | str
"""Pixels, or the name of a radius that each head has: ``sigma_s`` or ``sigma_l``."""

_LEAST_RADIUS = 1e-6


def head_radii(lengths: Lengths) -> dict[str, Float[Tensor, " M"]]:
    """The radii of the NWPU benchmark, where the dataset has a box round each head.

    ``sigma_s`` is half the shorter side of the box, ``sigma_l`` half its diagonal (Wang et al.,
    TPAMI 2021). A box without area matches a point exactly on the head alone.

    Args:
        lengths: Of the sample; its ``head_width`` and ``head_height`` are used.

    Returns:
        (M,) pixels each; empty where the dataset has no boxes.

    Example:
        >>> import torch
        >>> head_radii({"head_width": torch.tensor([6.0]), "head_height": torch.tensor([8.0])})
        {'sigma_s': tensor([3.]), 'sigma_l': tensor([5.])}
    """
    width, height = lengths.get("head_width"), lengths.get("head_height")
    if width is None or height is None:
        return {}
    radii = {"sigma_s": width.minimum(height) / 2, "sigma_l": width.hypot(height) / 2}
    return {name: radius.clamp(min=_LEAST_RADIUS) for name, radius in radii.items()}


def match_within(
    found: Float[Tensor, "N 2"],
    heads: Float[Tensor, "M 2"],
    radii: Sequence[float],
    lengths: Lengths,
    inside: Bool[Tensor, " all"],
) -> dict[MatchingRadius, LocalizationScores]:
    """Scores of one image at each number of pixels and each radius of the heads' own.

    Args:
        found: Points found.
        heads: Annotated heads inside the region.
        radii: Pixels.
        lengths: Of all annotated heads.
        inside: Which of these are inside the region.
    """
    pixels: dict[MatchingRadius, float | Tensor] = {radius: radius for radius in radii}
    pixels.update(head_radii(lengths_inside(lengths, inside)).items())
    return {
        radius: localization_scores(
            [found], [heads], radius=[each] if isinstance(each, Tensor) else each
        )
        for radius, each in pixels.items()
    }


def lengths_inside(lengths: Lengths, inside: Bool[Tensor, " all"]) -> Lengths:
    """The lengths of the heads inside a region."""
    return {name: values[inside] for name, values in lengths.items()}


def pool(
    images: Sequence[Mapping[MatchingRadius, LocalizationScores]],
) -> dict[MatchingRadius, LocalizationScores]:
    """Scores over images, at each matching radius that every image with heads has.

    An image without heads has no boxes to take a radius from and needs none.
    """
    with_heads = [image for image in images if any(each.actual for each in image.values())]
    with_heads = with_heads or [*images]
    none = LocalizationScores(0, 0, 0)
    return {
        radius: sum((image.get(radius) or _without_heads(image) for image in images), none)
        for radius in with_heads[0]
        if all(radius in image for image in with_heads)
    }


def radius_label(radius: MatchingRadius) -> str:
    """Name a matching radius for tables.

    Example:
        >>> radius_label(8.0), radius_label("sigma_l")
        ('8 px', 'sigma_l')
    """
    return radius if isinstance(radius, str) else f"{radius:g} px"


def _without_heads(image: Mapping[MatchingRadius, LocalizationScores]) -> LocalizationScores:
    return next(iter(image.values()))
