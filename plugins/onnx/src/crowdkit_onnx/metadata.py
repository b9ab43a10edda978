"""What an ONNX file that crowdkit exported says of itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crowdkit_onnx.errors import CountingError
from crowdkit_onnx.interval import Calibration
from crowdkit_onnx.peaks import PeakOptions
from crowdkit_onnx.sizing import Sizing

KEY = "crowdkit"

FORMAT = 1
"""The format that is read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """How a network divides and sees an image, in pixels.

    Attributes:
        stride: Side of a cell of its map; None without a map.
        size_multiple: The grid of its pooling.
        receptive_field: How far it looks to every side; None if over the whole image.
        min_size: Least (H, W).
        direct_count: Its count is not the sum of its map.
    """

    stride: int | None
    size_multiple: int
    receptive_field: int | None
    min_size: tuple[int, int]
    direct_count: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What counting with a file needs to know.

    Attributes:
        counter: Name of the counter that was exported.
        things: What is counted, in the plural.
        network: How the network divides and sees an image.
        sizing: The size in which images are shown.
        calibration: Gives counts an interval; None without one.
        localizer: Name of the localizer that was chosen for the weights; empty without one.
        peaks: Options of `local-maxima`: as chosen, or its defaults.
        terms: Terms of use; empty for none.
        sha256: Of the weights that were exported; empty if not known.
    """

    counter: str
    things: str
    network: Network
    sizing: Sizing
    calibration: Calibration | None
    localizer: str
    peaks: PeakOptions
    terms: str
    sha256: str

    @classmethod
    def read(cls, properties: Mapping[str, str], where: str) -> "Metadata":
        """From the properties of an ONNX file.

        Args:
            properties: Text by name.
            where: How messages name the file.

        Raises:
            CountingError: crowdkit did not write it, or a later one did, or it is damaged.
        """
        if KEY not in properties:
            raise CountingError(
                f"{where}: not an ONNX file that crowdkit exported: it does not say how to count "
                "with it (crowdkit export WEIGHTS --to FILE.onnx writes one that does)"
            )
        try:
            table = json.loads(properties[KEY])
            if table["format"] != FORMAT:
                raise CountingError(
                    f"{where}: its metadata are of format {table['format']}, and this "
                    f"crowdkit-onnx reads {FORMAT}: install another one"
                )
            return cls._of(table)
        except (KeyError, TypeError, ValueError) as error:
            raise CountingError(
                f"{where}: what it says of itself is damaged: {type(error).__name__}: {error}"
            ) from error

    @classmethod
    def _of(cls, table: Mapping[str, Any]) -> "Metadata":
        network, known = table["network"], table["known"]
        card = known["card"] or {}
        counts = known["calibration"]
        localizer = card.get("localizer") or {}
        name = localizer.get("name", "")
        height, width = network["min_size"]
        return cls(
            counter=table["counter"],
            things=known["things"],
            network=Network(**{**network, "min_size": (height, width)}),
            sizing=Sizing.of(known["sizing"]),
            calibration=None
            if counts is None
            else Calibration(tuple(counts["predicted"]), tuple(counts["actual"])),
            localizer=name,
            peaks=PeakOptions(**(localizer["options"] if name == "local-maxima" else {})),
            terms=card.get("terms", ""),
            sha256=known["weights"] or card.get("sha256", ""),
        )
