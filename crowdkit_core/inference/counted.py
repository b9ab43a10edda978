"""What counting one image gives."""

import base64
import html
import io
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.data.files.stacks import Place
from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.extras import extra_package
from crowdkit_core.files import atomic_write
from crowdkit_core.inference.images import ImageLike, Passing, load_image
from crowdkit_core.inference.interval import Interval
from crowdkit_core.inference.output import CountRow, in_zones, save_density, write_counts
from crowdkit_core.inference.zones import CountedZone, Division, ground_density
from crowdkit_core.inference.zones.ground_density import SQUARE
from crowdkit_core.interfaces import LargeImage, LocalizedPoints, Size
from crowdkit_core.moments import moment
from crowdkit_core.visual import Colormap, ShownZone, attention_panels, overlay, save

if TYPE_CHECKING:
    from matplotlib.figure import Figure


SHOWN_PIXELS = 1 << 24
"""Most pixels of the outline of a zone in a picture, which is smaller still."""

SMALL_SHARE = 0.05
"""Of a count, by which the number of points may differ without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many people an image shows, and where; everything in pixels of the image as given.

    Attributes:
        name: The file as given, or empty for an image from memory.
        size: (H, W) of the image in pixels.
        count: People inside the region, or in the whole image without one.
        whole_count: People in the whole image.
        density: (h, w) persons per cell inside the region; None from a counter without a map.
        stride: Pixels per cell side; None without a map.
        points: Where they are, inside the region; None where nothing finds points.
        attention: (h, w) in [0, 1] by name, each over the whole image: how much the counter
            heeded each place, of one that tells; see `attention_maps`.
        roi: (H, W) bool, True inside the region; None without one. Of an image that is read in
            parts (h, w): the cells that lie inside for the most part.
        approximate: Tiles were too small a view for this counter, so the count differs from the
            whole image's by more than rounding.
        interval: Where the actual count lies; None without a calibration, or with one of too few
            images for the level. Made of whole images, it is taken over to counts of a region.
        shown_size: (H, W) in which the counter saw the image; None if its own.
        notes: A line each: that the image was resized and why, that it lies outside of what the
            counter was trained on.
        source: The image as given, for `plot`; a frame of a clip until the next one is counted.
        things: What is counted, in the plural.
        frame: Place of the image in a file of many, from 0; None in a file of one.
        time: Seconds from the beginning of a clip; None where there is no time.
        zones: The people of each zone, and last those elsewhere; empty without zones.
        division: How zones and the ground divide the image; None without either.
        place: Where the image lies on the named axes of its file, such as ``{"t": 3, "z": 2}``.
    """

    name: str
    size: Size
    count: float
    whole_count: float
    density: Float[Tensor, "h w"] | None = field(default=None, repr=False)
    stride: int | None = None
    points: LocalizedPoints | None = field(default=None, repr=False)
    attention: Mapping[str, Float[Tensor, "h w"]] = field(default_factory=dict, repr=False)
    roi: Bool[Tensor, "_ _"] | None = field(default=None, repr=False)
    approximate: bool = False
    interval: Interval | None = None
    shown_size: Size | None = None
    notes: tuple[str, ...] = ()
    source: ImageLike | Passing | None = field(default=None, repr=False, compare=False)
    things: str = "people"
    frame: int | None = None
    time: float | None = None
    zones: tuple[CountedZone, ...] = ()
    division: Division | None = field(default=None, repr=False, compare=False)
    place: Place = field(default_factory=dict)

    def __str__(self) -> str:
        """``322 people (90 %: 280 to 371)``; the points too, where they are another number."""
        number = max(round(self.count), 0)
        said = f"{number} {_one_of(self.things) if number == 1 else self.things}"
        if self.points_differ:
            said = f"{said} by the {'map' if self._is_sum_of_map() else 'counter'}"
        if self.interval is not None:
            said = f"{said} ({self.interval})"
        return f"{said}, {points_found(self.found)}" if self.points_differ else said

    @property
    def title(self) -> str:
        """The file, and in one of many images which: ``stack.tif frame 3 (t=1 z=0)``.

        Of a clip it is the time: ``clip.mp4 0:12.0``.
        """
        if self.time is not None:
            return f"{self.name} {moment(self.time)}"
        place = " ".join(f"{axis}={at}" for axis, at in self.place.items())
        frame = "" if self.frame is None else f" frame {self.frame}"
        return f"{self.name}{frame}{place and f' ({place})'}"

    @property
    def found(self) -> int:
        """Number of points; 0 where nothing looks for them."""
        return 0 if self.points is None else len(self.points.score)

    @property
    def points_differ(self) -> bool:
        """Whether the points are more or fewer than the count by more than a small share."""
        return self.points is not None and differ(self.count, self.found)

    @property
    def square_metres(self) -> float | None:
        """Area of all zones, without zones of where people are counted.

        None without a ground, or where that reaches the horizon.
        """
        if self.division is None or self.division.square_metres is None:
            return None
        elsewhere, *zones = self.division.square_metres
        area = sum(zones) if zones else elsewhere
        return None if math.isnan(area) else area

    @property
    def per_square_metre(self) -> float | None:
        """People per square metre of `square_metres`; None without it."""
        people = sum(zone.count for zone in self.zones[:-1]) if self.zones else self.count
        return people / self.square_metres if self.square_metres else None

    def ground_density(self, *, square: float = SQUARE) -> Float[Tensor, "h w"]:
        """(h, w) people per square metre round each cell, as of `zones.ground_density`.

        Args:
            square: Metres, side of the squares of ground over which it is averaged.

        Raises:
            UsageError: It was counted without a ground.
            IncompatibleError: The counter gave no density map.
        """
        if self.division is None or self.division.ground is None:
            raise UsageError(f"{self.name or 'image'}: counted without a ground")
        if self.density is None or self.stride is None:
            raise IncompatibleError(f"{self.name or 'image'}: the counter gives no density map")
        density = self.density.float().numpy()
        found = ground_density(
            density, self.stride, self.division, self.division.ground, square=square
        )
        return torch.from_numpy(found)

    @property
    def shown_zones(self) -> list[ShownZone]:
        """Its zones as pictures show them."""
        return [
            ShownZone(label=str(zone), mask=zone.division.outline(zone.number, most=SHOWN_PIXELS))
            for zone in self.zones[:-1]
        ]

    def _crowding(self) -> Tensor | None:
        known = self.division is not None and self.division.ground is not None
        return self.ground_density() if known and self.density is not None else None

    def _is_sum_of_map(self) -> bool:
        if self.density is None:
            return False
        return math.isclose(float(self.density.sum(dtype=torch.float64)), self.count, rel_tol=0.01)

    def plot(self, *, colormap: Colormap = "inferno", long_side: int | None = None) -> "Figure":
        """The heat map and the points over the photo, with what `str` says; see `visual.overlay`.

        Raises:
            UsageError: The image is not known any more, or is a frame of a clip that went on.
            DataError: Its file cannot be read any more.
        """
        return overlay(
            self.pixels,
            caption=str(self),
            density=self.density,
            stride=self.stride,
            points=None if self.points is None else self.points.xy,
            roi=self.roi,
            zones=self.shown_zones,
            per_square_metre=self._crowding(),
            colormap=colormap,
            long_side=long_side,
        )

    def plot_attention(self, *, colormap: Colormap = "inferno") -> "Figure":
        """The image, its density map and the attention maps side by side.

        Raises:
            IncompatibleError: The counter tells of no attention.
            UsageError: The image is not known any more.
            DataError: Its file cannot be read any more.
        """
        if not self.attention:
            raise IncompatibleError(f"{self.name or 'image'}: its counter has no attention maps")
        return attention_panels(
            self.pixels,
            self.attention,
            caption=str(self),
            density=self.density,
            stride=self.stride or 1,
            colormap=colormap,
        )

    def save(self, path: str | Path) -> None:
        """Write what the suffix asks for: picture .png, density map .npy, row .csv, all .json.

        Raises:
            UsageError: Another suffix.
            IncompatibleError: A density map is asked for, and there is none.
        """
        suffix = Path(path).suffix.lower()
        if suffix == ".png":
            save(self.plot(), path)
        elif suffix == ".npy":
            save_density(path, self)
        elif suffix == ".csv":
            write_counts(path, [CountRow.of(self)])
        elif suffix == ".json":
            with atomic_write(path) as temporary:
                temporary.write_text(self.to_json() + "\n", encoding="utf-8")
        else:
            raise UsageError(f"{path}: expected .png, .npy, .csv or .json")

    def to_json(self) -> str:
        """Its row in a table of counts, zones, points as ``[x, y, score]``, and notes."""
        content: dict[str, Any] = {
            **asdict(CountRow.of(self)),
            **in_zones(self),
            "notes": self.notes,
        }
        if self.points is not None:
            rows = zip(self.points.xy.tolist(), self.points.score.tolist(), strict=True)
            content["points"] = [[x, y, score] for (x, y), score in rows]
        return json.dumps(content, indent=2, ensure_ascii=False)

    def to_dataframe(self) -> Any:
        """A pandas DataFrame with its row in a table of counts; ``pandas.concat`` joins many.

        Raises:
            MissingPackageError: pandas is not installed.
        """
        pandas = extra_package("pandas", extra="pandas", needed_by="a data frame needs")
        return pandas.DataFrame([asdict(CountRow.of(self))])

    def _repr_html_(self) -> str:
        """The picture, where the image is still there, and the count, for notebooks."""
        text = html.escape(f"{self.title}: {self}" if self.name else str(self))
        there = self._is_there()
        return f"<figure>{self._picture() if there else ''}<figcaption>{text}</figcaption></figure>"

    def _is_there(self) -> bool:
        if isinstance(self.source, Passing):
            return self.source.pixels is not None
        return self.source is not None and (not self.name or Path(self.name).is_file())

    @property
    def pixels(self) -> Tensor | LargeImage:
        """(3, H, W) RGB, uint8 or float in [0, 1], or what reads parts: the image counted.

        Raises:
            UsageError: The image is not known any more, or is a frame of a clip that went on.
            DataError: Its file cannot be read any more.
        """
        if isinstance(self.source, Passing):
            if self.source.pixels is None:
                raise UsageError(
                    f"{self.name}: this frame has passed, nothing to draw",
                    hint="draw each frame before the next one is counted",
                )
            return self.source.pixels
        if self.source is None:
            raise UsageError(f"{self.name or 'image'}: counted without its pixels, nothing to draw")
        return load_image(self.source).pixels

    def _picture(self) -> str:
        png = io.BytesIO()
        self.plot().savefig(png, format="png")
        data = base64.b64encode(png.getvalue()).decode("ascii")
        return f'<img src="data:image/png;base64,{data}" style="max-width: 100%">'


def differ(count: float, points: int) -> bool:
    """Whether a count and a number of points differ by more than rounding and a small share.

    Example:
        >>> differ(100.4, 96), differ(100.4, 94), differ(1.4, 1)
        (False, True, False)
    """
    return abs(points - count) > max(0.5, SMALL_SHARE * max(points, count))


def points_found(number: int) -> str:
    """``550 points found``."""
    return f"{number} point{'s' * (number != 1)} found"


def _one_of(things: str) -> str:
    return "person" if things == "people" else things.removesuffix("s")
