"""How far a found point may lie from a head: a number of pixels, or a radius of the head's own."""

from collections.abc import Mapping, Sequence

from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.interfaces import Lengths
from crowdkit_core.metrics import LocalizationScores, localization_scores

Reach = float | str
"""Pixels, or the name of a radius per head: ``sigma_s`` or ``sigma_l``."""

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
) -> dict[Reach, LocalizationScores]:
    """Scores of one image at each number of pixels and each radius of the heads' own.

    Args:
        found: Points found.
        heads: Annotated heads inside the region.
        radii: Pixels.
        lengths: Of all annotated heads.
        inside: Which of these are inside the region.
    """
    reaches: dict[Reach, float | Tensor] = {radius: radius for radius in radii}
    reaches |= {name: radius[inside] for name, radius in head_radii(lengths).items()}
    return {
        reach: localization_scores(
            [found], [heads], radius=[radius] if isinstance(radius, Tensor) else radius
        )
        for reach, radius in reaches.items()
    }


def pool(
    images: Sequence[Mapping[Reach, LocalizationScores]],
) -> dict[Reach, LocalizationScores]:
    """Scores over images, at each reach that every image with heads has.

    An image without heads has no boxes to take a radius from and needs none.
    """
    telling = [image for image in images if any(each.actual for each in image.values())] or images
    none = LocalizationScores(0, 0, 0)
    return {
        reach: sum((image.get(reach) or _without_heads(image) for image in images), none)
        for reach in telling[0]
        if all(reach in image for image in telling)
    }


def label(reach: Reach) -> str:
    """How tables name it.

    Example:
        >>> label(8.0), label("sigma_l")
        ('8 px', 'sigma_l')
    """
    return reach if isinstance(reach, str) else f"{reach:g} px"


def _without_heads(image: Mapping[Reach, LocalizationScores]) -> LocalizationScores:
    return next(iter(image.values()))
