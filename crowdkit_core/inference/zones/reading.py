"""Read zones: polygons by name, files of annotation tools, and images of labels."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.annotations.outlines import OutlinedImage, read_outlines
from crowdkit_core.data.files import IMAGE_SUFFIXES, Polygon, TextFile
from crowdkit_core.data.files.labels import read_labels
from crowdkit_core.data.files.polygons import FARTHEST
from crowdkit_core.errors import DataError, MissingFileError, shown
from crowdkit_core.inference.roi import array_in, polygons_of
from crowdkit_core.inference.zones.shapes import Labelled, Polygons
from crowdkit_core.inference.zones.zone import Zone, Zones
from crowdkit_core.interfaces import Size

ZoneShapeLike = Polygon | Sequence[Polygon] | NDArray[np.generic] | Tensor
"""One or more polygons, or an (H, W) mask."""

ZonesLike = str | Path | Mapping[str, ZoneShapeLike] | NDArray[np.generic] | Tensor | Zones
"""A file, shapes by name, or an (H, W) image of labels in which 0 is no zone."""

_EXAMPLE = '{"stage": [[0, 0], [640, 0], [640, 200]], "exclude": [[0, 400], [90, 400], [90, 480]]}'
_TEXTS = frozenset({".json", ".geojson", ".xml"})


def as_zones(zones: ZonesLike) -> Zones:
    """The zones of a file, by name, or of an image of labels.

    Raises:
        DataError: They cannot be read, are no areas, or two of them have one name.

    Example:
        >>> zones = as_zones({"left": [[0, 0], [4, 0], [4, 8], [0, 8]]})
        >>> [zone.name for zone in zones.zones]
        ['left']
    """
    if isinstance(zones, Zones):
        return zones
    if isinstance(zones, str | Path):
        return read_zones(zones)
    if isinstance(zones, Mapping):
        return _by_name(zones, "zones")
    return _of_labels(_values(zones), "zones")


def read_zones(path: str | Path) -> Zones:
    """The zones in a file.

    JSON of polygons by name, GeoJSON, CVAT for images 1.1, LabelMe, or an image of labels (grey or
    palette; ``.npy``), in which each value but 0 is a zone named by its number.

    Raises:
        DataError: As `as_zones`.
    """
    path, source = Path(path), f"zones {str(path)!r}"
    suffix = path.suffix.lower()
    if not path.exists():
        raise MissingFileError(f"{source}: no such file")
    if suffix == ".npy":
        return _of_labels(array_in(path, source), source)
    if suffix in IMAGE_SUFFIXES:
        return _of_labels(read_labels(path), source)
    if suffix not in _TEXTS:
        raise DataError(
            f"{source}: unknown kind of file",
            hint="JSON of polygons by name, GeoJSON, CVAT (.xml), LabelMe, or an image of labels",
        )
    file = TextFile(path)
    outlined = read_outlines(file)
    if outlined is not None:
        return _outlined(outlined, source)
    if not isinstance(file.json, dict):
        raise DataError(
            f"{source}: {shown(file.json)}, expected polygons by name", hint=f"such as {_EXAMPLE}"
        )
    return _by_name(file.json, source)


def _outlined(image: OutlinedImage, source: str) -> Zones:
    zones = []
    for outline in image.outlines:
        name = f"{source}: {outline.place}"
        rings = [tuple(polygons_of(rings, name)) for rings in outline.parts]
        zones.append(Zone(outline.label.strip(), _polygons(rings, name)))
    return Zones(source=source, zones=tuple(zones), size=image.size)


def _by_name(shapes: Mapping[str, Any], source: str) -> Zones:
    zones, size = [], None
    for label, shape in shapes.items():
        name = f"{source}: zone {shown(label)}"
        if isinstance(shape, Tensor) or (isinstance(shape, np.ndarray) and _is_mask(shape)):
            mask = _values(shape).astype(bool)
            size = _same_size(size, mask, name)
            zones.append(Zone(str(label).strip(), Labelled(mask, True)))
        else:
            rings = [(ring,) for ring in polygons_of(shape, name)]
            zones.append(Zone(str(label).strip(), _polygons(rings, name)))
    return Zones(source=source, zones=tuple(zones), size=size)


def _is_mask(shape: NDArray[np.generic]) -> bool:
    """Whether an array is a mask: a polygon has two columns and is no array of yes and no."""
    return shape.ndim == 2 and (shape.dtype == np.bool_ or shape.shape[1] != 2)


def _same_size(size: Size | None, mask: NDArray[np.generic], name: str) -> Size:
    rows, columns = mask.shape
    if size not in (None, (rows, columns)):
        raise DataError(f"{name}: masks of several sizes")
    return rows, columns


def _of_labels(labels: NDArray[np.generic], source: str) -> Zones:
    if labels.ndim != 2 or labels.dtype.kind not in "biu":
        raise DataError(
            f"{source}: {labels.dtype} of shape {labels.shape}, expected whole numbers (H, W)"
        )
    values = [int(value) for value in np.unique(labels) if value]
    zones = tuple(Zone(str(value), Labelled(labels, value)) for value in values)
    rows, columns = labels.shape
    return Zones(source=source, zones=zones, size=(rows, columns))


def _values(array: NDArray[np.generic] | Tensor) -> NDArray[np.generic]:
    return array.detach().cpu().numpy() if isinstance(array, Tensor) else np.asarray(array)


def _polygons(parts: Sequence[tuple[NDArray[np.float64], ...]], name: str) -> Polygons:
    if any((np.abs(ring) > FARTHEST).any() for rings in parts for ring in rings):
        raise DataError(f"{name} has a corner that is no place in an image")
    return Polygons(tuple(parts))
