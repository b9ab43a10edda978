"""Points on the planes of a stack: those of one plane are points of an image, others may not be."""

from collections import Counter
from collections.abc import Sequence

from crowdkit_core.data.annotations.formats.format import Planes
from crowdkit_core.errors import DataError

Plane = tuple[float, ...]
"""Position along z, time, or both."""

_HINT = (
    "where those of all planes are points of the image, as of a projection: `--planes all`, of a "
    "dataset `--set dataset.planes=all`; otherwise write a file for each plane"
)


def of_planes(
    where: object, planes: Sequence[Plane], allowed: Planes, *, first: float
) -> Counter[str]:
    """Count the points whose plane is lost when they become points of one image.

    Args:
        where: The file and the image, for errors.
        planes: Of each point; empty tuples where there are no planes.
        allowed: Whether they may be several.
        first: What the tool calls the first plane.

    Raises:
        DataError: They are several, and may not be.

    Example:
        >>> of_planes("a.csv", [(3.0,), (3.0,)], "one", first=0.0)
        Counter({'planes': 2})
    """
    found = sorted(set(planes))
    if len(found) > 1 and allowed == "one":
        least, most = (_written(found[index]) for index in (0, -1))
        raise DataError(
            f"{where}: points on {len(found)} planes (z or time), from {least} to {most}; they are "
            "of several pictures",
            hint=_HINT,
        )
    alone = len(found) <= 1 and all(number == first for plane in found for number in plane)
    return Counter() if alone else Counter({"planes": sum(plane != () for plane in planes)})


def _written(plane: Plane) -> str:
    return ", ".join(f"{number:g}" for number in plane) or "none"
