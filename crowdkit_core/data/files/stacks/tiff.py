"""Read TIFF files of many planes, or of values that Pillow does not read, with tifffile."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from itertools import count
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from crowdkit_core.data.files.stacks.frames import Frame, Frames, Place, Values
from crowdkit_core.data.files.stacks.selection import Projection, Selection
from crowdkit_core.data.files.stacks.tiff_channels import channel_index, channel_names
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size

NAMED = {"T": "t", "Z": "z", "C": "channel"}
"""Axes that mean something here, by tifffile's letters."""

PAGES = frozenset("IQ")
"""Axes of planes that are numbered and no more."""

_SIGNS_OF_A_CUT = ("invalid page offset", "corrupted", "circular reference")
"""In what tifffile logs of a file whose pages end too soon."""

_COLOURED = frozenset({"MINISBLACK", "MINISWHITE", "RGB"})
"""What values mean in planes that are read as they are."""


@contextmanager
def opened_tiff(path: Path, selection: Selection) -> Iterator[Frames]:
    """The chosen frames of a TIFF file, for as long as the block lasts.

    Raises:
        DataError: The file is damaged, its axes or channels leave open what is counted, it has
            not what is chosen, or tifffile or imagecodecs is needed and not installed.
    """
    tifffile = _tifffile(path)
    with _heard() as complaints:
        try:
            file = tifffile.TiffFile(path)
        except Exception as error:  # damage shows as many kinds of error
            raise DataError(f"{path}: not an image, or its header is damaged") from error
        with file:
            try:
                parts = [
                    _Part(path, file, series, selection, channel_names(file, index))
                    for index, series in enumerate(_series_of(file, complaints))
                    if not series.keyframe.is_reduced
                ]
            except DataError:
                raise
            except Exception as error:
                raise _damaged(path, error) from error
            if not parts:
                raise DataError(f"{path}: holds no image")
            total = sum(part.frames for part in parts)
            owners = [(part, inner) for part in parts for inner in range(part.frames)]
            numbers = selection.chosen(total, path)
            yield Frames(
                path=path,
                size=parts[0].size,
                deep=any(part.deep for part in parts),
                total=total,
                chosen=[
                    Frame(
                        number=number,
                        read=partial(owners[number][0].read, owners[number][1]),
                        place=owners[number][0].place(owners[number][1]),
                    )
                    for number in numbers
                ],
                ending=_cut_short(path, total, complaints, last=total - 1 in numbers),
            )


class _Part:
    """Planes of one size and type in a TIFF file, with the axes they lie on."""

    def __init__(
        self, path: Path, file: Any, series: Any, selection: Selection, names: Sequence[str]
    ) -> None:
        self.path = path
        self._file = file
        self._series = series
        page = series.keyframe
        inner = len(page.axes)
        self._outer = series.axes[:-inner]  # those of whole pages
        self._lengths: tuple[int, ...] = series.shape[:-inner]
        if set(page.axes) - {"S"} != {"Y", "X"}:
            raise _unnamed(path, page.axes.replace("Y", "").replace("X", "")[0], page.shape[0])
        _require_known(path, self._outer, self._lengths)
        self._page_axes: str = page.axes
        self._samples = page.shape[page.axes.index("S")] if "S" in page.axes else 1
        self._channel = channel_index(
            path,
            selection.channel,
            outer=self._lengths[self._outer.index("C")] if "C" in self._outer else 1,
            samples=self._samples,
            coloured=_is_coloured(page),
            names=names,
        )
        self._projection = _projected(path, selection.projection, self._outer)
        apart = {"C", self._projection.axis.upper() if self._projection else ""}
        self._free = [
            (axis, length)
            for axis, length in zip(self._outer, self._lengths, strict=True)
            if axis not in apart
        ]
        self.frames = prod(length for _, length in self._free)
        height, width = page.shape[page.axes.index("Y")], page.shape[page.axes.index("X")]
        _require_moderate(path, height, width)
        self._turn = _turn_of(page)
        self.size: Size = (width, height) if self._turn in _SWAPPED else (height, width)
        self.deep = series.dtype.str[1:] != "u1" and series.dtype != np.bool_
        self._name = names[self._channel] if 0 <= self._channel < len(names) else ""

    def place(self, frame: int) -> Place:
        """Where a frame lies on the named axes."""
        found: dict[str, int | str] = {
            NAMED[axis]: position
            for (axis, _), position in zip(self._free, self._positions(frame), strict=True)
            if axis in NAMED
        }
        return found | ({"channel": self._name} if self._name else {})

    def read(self, frame: int) -> Values:
        """The values of a frame, its planes projected.

        Raises:
            DataError: They cannot be read.
        """
        at = dict(zip((axis for axis, _ in self._free), self._positions(frame), strict=True))
        if "C" in self._outer:
            at["C"] = self._channel
        if self._projection is None:
            return self._plane(at)
        axis = self._projection.axis.upper()
        planes = (
            self._plane({**at, axis: position})
            for position in range(self._lengths[self._outer.index(axis)])
        )
        return _combined(planes, self._projection)

    def _positions(self, frame: int) -> tuple[int, ...]:
        lengths = tuple(length for _, length in self._free)
        return tuple(map(int, np.unravel_index(frame, lengths))) if lengths else ()

    def _plane(self, at: dict[str, int]) -> Values:
        index = tuple(at[axis] for axis in self._outer)
        page = int(np.ravel_multi_index(index, self._lengths)) if index else 0
        try:
            return self._as_shown(self._page(page), page)
        except MemoryError:
            raise
        except Exception as error:
            raise _damaged(self.path, error, page) from error

    def _page(self, number: int) -> Values:
        series, shape = self._series, self._series.keyframe.shape
        if series.dataoffset is None:
            page = series.pages[number]
            if page is None:
                raise ValueError("it is not in the file")
            values: Values = page.asarray()
            return values
        code = self._file.byteorder + series.dtype.char
        size = prod(shape)
        offset = series.dataoffset + number * size * series.dtype.itemsize
        found: Values = self._file.filehandle.read_array(code, size, offset=offset)
        shaped: Values = found.reshape(shape)
        return shaped

    def _as_shown(self, values: Values, number: int) -> Values:
        """(H, W) or (H, W, 3), upright, bright where much light was."""
        page = self._series.keyframe
        if self._page_axes.startswith("S"):
            values = np.moveaxis(values, 0, -1)
        if page.photometric.name == "PALETTE":
            colours = self._series.pages[number].aspage().colormap  # each page has its own
            values = (colours.T[values] >> 8).astype(np.uint8)
        elif page.photometric.name not in _COLOURED | {"YCBCR"}:  # YCbCr comes decoded
            raise ValueError(f"its colours are {page.photometric.name}, expected grey or RGB")
        if page.photometric.name == "MINISWHITE":
            values = _inverted(values)
        if values.dtype == np.bool_:
            values = values.astype(np.uint8) * np.uint8(255)
        if values.ndim == 3 and ("C" not in self._outer) and self._channel >= 0:
            values = values[..., self._channel]
        elif values.ndim == 3:
            values = values[..., :3] if values.shape[-1] >= 3 else values[..., 0]
        upright: Values = _TURNS[self._turn](values)
        return upright


def _series_of(file: Any, complaints: list[str]) -> Sequence[Any]:
    """The series of a file; of one cut short within a page, the whole pages before it."""
    try:
        series: Sequence[Any] = file.series
    except Exception as error:
        pages = list(_whole_pages(file))
        if file.is_ome or file.is_imagej or not pages:  # their axes are those of all pages
            raise
        complaints.append(f"corrupted: {error}")
        first = pages[0]
        alike = [page for page in pages if page.shape == first.shape]
        shape, axes = (len(alike), *first.shape), f"I{first.axes}"
        return [import_module("tifffile").TiffPageSeries(alike, shape, first.dtype, axes)]
    return series


def _whole_pages(file: Any) -> Iterator[Any]:
    with suppress(Exception):  # damage shows as many kinds of error
        for number in count():
            yield file.pages[number]


def _tifffile(path: Path) -> Any:
    try:
        return import_module("tifffile")
    except ImportError as error:
        raise DataError(
            f"{path}: TIFF files of several images, or of such values, need the package tifffile",
            hint="pip install 'crowdkit-core[tiff]'",
        ) from error


class _Complaints(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@contextmanager
def _heard() -> Iterator[list[str]]:
    """What tifffile logs of a file, instead of printing it."""
    logger, handler = logging.getLogger("tifffile"), _Complaints()
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler.said
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _cut_short(path: Path, total: int, complaints: Sequence[str], *, last: bool) -> str:
    lost = any(sign in said for said in complaints for sign in _SIGNS_OF_A_CUT)
    return f"{path}: cut short or damaged after frame {total - 1}" if lost and last else ""


def _damaged(path: Path, error: Exception, page: int | None = None) -> DataError:
    cause = (str(error) or type(error).__name__).splitlines()[0]
    if "imagecodecs" in cause:
        return DataError(
            f"{path}: is compressed, which needs the package imagecodecs: {cause}",
            hint="pip install 'crowdkit-core[tiff]'",
        )
    where = "" if page is None else f" at plane {page}"
    return DataError(f"{path}: cut short or damaged{where}: {cause}")


def _require_known(path: Path, axes: str, lengths: Sequence[int]) -> None:
    pages = 0
    for axis, length in zip(axes, lengths, strict=True):
        pages += axis in PAGES
        if (axis not in NAMED and axis not in PAGES) or pages > 1:
            raise _unnamed(path, axis, length)


def _require_moderate(path: Path, height: int, width: int) -> None:
    """Refuse what Pillow would, so that a damaged header asks for no memory."""
    limit = Image.MAX_IMAGE_PIXELS
    if limit is not None and height * width > 2 * limit:
        raise DataError(
            f"{path}: too large, refused before decoding: {height * width} pixels",
            hint="raise PIL.Image.MAX_IMAGE_PIXELS if you trust this file",
        )


def _unnamed(path: Path, axis: str, length: int) -> DataError:
    return DataError(
        f"{path}: its axis {axis} of {length} planes is neither time, depth nor channel",
        hint="save it as OME-TIFF or from ImageJ with its axes named T, Z and C",
    )


def _projected(path: Path, projection: Projection | None, axes: str) -> Projection | None:
    if projection is not None and projection.axis.upper() not in axes:
        raise DataError(
            f"{path}: has no {projection.axis} axis to project over (axes: {axes or 'none'} YX)",
            hint="the metadata of OME or ImageJ names axes (ImageJ: Image > Properties)",
        )
    return projection


def _is_coloured(page: Any) -> bool:
    """Whether the samples of a pixel are its colours, with transparency perhaps."""
    unspecified = any(extra == 0 for extra in page.extrasamples)
    plain = 1 if page.photometric.name.startswith("MIN") else 3
    return page.samplesperpixel - len(page.extrasamples) == plain and not unspecified


def _inverted(values: Values) -> Values:
    if values.dtype == np.bool_:
        return ~values
    if values.dtype.kind == "u":
        greatest = np.iinfo(values.dtype).max
        inverted: Values = greatest - values
        return inverted
    return np.negative(values)


def _combined(planes: Iterator[Values], projection: Projection) -> Values:
    first = next(planes)
    if projection.rule == "max":
        for plane in planes:
            first = np.maximum(first, plane)
        return first
    total, number = first.astype(np.float64), 1
    for plane in planes:
        total += plane
        number += 1
    mean: Values = total / number
    return np.rint(mean).astype(first.dtype) if first.dtype.kind in "ui" else mean


def _turn_of(page: Any) -> int:
    tag = page.tags.get(274)
    return int(tag.value) if tag is not None and int(tag.value) in _TURNS else 1


_SWAPPED = frozenset({5, 6, 7, 8})
_TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image, 1),
}
"""What makes an image upright, by TIFF's tag Orientation."""
