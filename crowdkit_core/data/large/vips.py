"""Read TIFF, BigTIFF, JPEG and PNG of any size with pyvips.

It reads parts of all of these without decoding the whole, 600 megapixels in 0.1 to 0.3 GB.
tifffile reads TIFF alone; Pillow decodes whole files.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from crowdkit_core.data.files.value_ranges import range_of, thinning
from crowdkit_core.data.large.banded import Banded
from crowdkit_core.data.large.levels import Levels, is_smaller_copy
from crowdkit_core.data.large.resizing import Resized
from crowdkit_core.data.large.turning import Upright
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import LargeImage, Size, ValueRange

Picture = Any
"""A `pyvips.Image`, which computes a part of itself when that is fetched."""

Convert = Callable[[Picture], Picture]
"""Makes 8-bit RGB of what a file holds."""


def open_with_vips(path: Path, value_range: ValueRange | None) -> LargeImage:
    """Open a file; of a pyramid all levels.

    Args:
        path: The file.
        value_range: What becomes black and white of grey values of more than 8 bits. None for
            their own range, as of `read_image`, for which the file is read once.

    Raises:
        DataError: pyvips is missing or cannot read the file, or it is no single grey or RGB image.
    """
    with _errors_named(path):
        whole = _opened(path)
        to_rgb = _conversion(path, whole, value_range)
        levels = [_level(path, which, to_rgb) for which in ({}, *_smaller_copies(path, whole))]
    image = levels[0] if len(levels) == 1 else Levels(levels)
    orientation = _number(whole, "orientation")
    return image if orientation <= 1 else Upright(image, orientation)


class _Page(LargeImage):
    """One page of a file.

    Args:
        path: Names it in errors.
        reopen: Opens it at its top.
        any_order: Any part can be read at any time; else one further up makes it begin again.
    """

    def __init__(self, path: Path, reopen: Callable[[], Picture], *, any_order: bool) -> None:
        self._path, self._reopen, self._any_order = path, reopen, any_order
        self._picture = reopen()
        self._size = (self._picture.height, self._picture.width)
        self._region: Any = None
        self._next_row = 0

    @property
    def size(self) -> Size:
        return self._size

    def read(self, rows: range, columns: range) -> UInt8[Tensor, "3 h w"]:
        with _errors_named(self._path):
            if rows.start < self._next_row and not self._any_order:
                self._picture, self._region = self._reopen(), None
            if self._region is None:
                self._region = _imported(self._path).Region.new(self._picture)
            self._next_row = rows.stop
            values = self._region.fetch(columns.start, rows.start, len(columns), len(rows))
        pixels = np.frombuffer(values, dtype=np.uint8).reshape(len(rows), len(columns), 3)
        return torch.from_numpy(pixels).permute(2, 0, 1)

    def resized(self, size: Size) -> LargeImage:
        return self if size == self.size else Resized(self, size)


def _level(path: Path, which: Mapping[str, int], to_rgb: Convert) -> LargeImage:
    tiled = _number(_opened(path, **which), "tile-width") > 0
    access = "random" if tiled else "sequential"
    page = _Page(path, lambda: to_rgb(_opened(path, access=access, **which)), any_order=tiled)
    return page if tiled else Banded(page)


def _smaller_copies(path: Path, whole: Picture) -> Iterator[Mapping[str, int]]:
    """The pages and subimages of a pyramid; refuses pages that are something else."""
    pages = max(_number(whole, "n-pages"), 1)
    choices = [{"page": page} for page in range(1, pages)]
    choices += [{"subifd": place} for place in range(_number(whole, "n-subifds"))]
    for which in choices:
        copy = _opened(path, **which)
        if is_smaller_copy((copy.height, copy.width), (whole.height, whole.width)):
            yield which
        elif "page" in which:
            raise DataError(
                f"{path}: {pages} pages, of which number {which['page'] + 1} is no smaller copy of "
                "the first; expected one image",
                hint="save the one to count as a file of its own",
            )


def _conversion(path: Path, whole: Picture, value_range: ValueRange | None) -> Convert:
    if whole.bands <= 2 and whole.format in _COMPLEX:
        raise DataError(f"{path}: holds complex numbers, expected grey or RGB")
    if whole.bands <= 2:
        return _from_grey if whole.format == "uchar" else _shown(value_range or _own_range(path))
    if whole.bands > 4 or whole.format not in {"uchar", "ushort"}:
        raise DataError(
            f"{path}: {whole.bands} channels of {whole.format}, expected grey or 8 or 16-bit RGB",
            hint="save the channels to count in as a file of their own",
        )
    return _from_colours


_COMPLEX = {"complex", "dpcomplex"}


def _from_grey(picture: Picture) -> Picture:
    grey = picture.extract_band(0)  # the other one is transparency
    return grey.bandjoin([grey, grey])


def _own_range(path: Path) -> ValueRange:
    grey = _opened(path, access="sequential").extract_band(0)
    step = thinning(grey.height, grey.width)
    try:
        return range_of([grey.subsample(step, step).numpy()])
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error


def _shown(values: ValueRange) -> Convert:
    factor = 255 / (values.high - values.low)

    def shown(picture: Picture) -> Picture:
        grey = (picture.extract_band(0).cast("double") - values.low) * factor
        return _from_grey(grey.rint().cast("uchar"))  # which cuts off what is beyond 0 and 255

    return shown


def _from_colours(picture: Picture) -> Picture:
    if picture.format == "ushort":
        picture = (picture >> 8).cast("uchar")  # as Pillow does
    if picture.interpretation == "cmyk":  # as Pillow does: inks take light away
        light = 255 - picture
        return (light.extract_band(0, n=3) * light.extract_band(3) / 255).rint().cast("uchar")
    return picture.extract_band(0, n=3)  # without transparency


def _opened(path: Path, **options: object) -> Picture:
    open_file = _imported(path).Image.new_from_file
    picture = open_file(str(path), fail_on="truncated", **options)
    if picture.get("vips-loader") != "tiffload":
        return picture
    # Only this makes missing tiles an error; in a JPEG it would be one to have stray bytes.
    return open_file(str(path), fail_on="warning", **options)


def _number(picture: Picture, name: str) -> int:
    """A whole number that a file may say of itself; 0 if it does not."""
    return int(picture.get(name)) if picture.get_typeof(name) else 0


def _imported(path: Path) -> Any:
    logging.getLogger("pyvips").setLevel(logging.ERROR)  # its errors are raised
    try:
        return import_module("pyvips")
    except (ImportError, OSError) as error:  # the latter without libvips
        raise DataError(
            f"{path}: too large to be read at once, and reading it in parts needs pyvips",
            hint="pip install 'crowdkit-core[large]'",
        ) from error


@contextmanager
def _errors_named(path: Path) -> Iterator[None]:
    try:
        yield
    except _imported(path).Error as error:
        _, *causes = str(error).strip().splitlines()
        said = causes[0].strip() if causes else str(error)
        if "memory" in said:
            raise MemoryError(said) from error
        raise DataError(f"{path}: cannot be read as an image: {said}") from error
