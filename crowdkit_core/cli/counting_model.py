"""The model that `crowdkit count` counts with, by its options."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from crowdkit_core.cli.components import chosen_device, named_localizer, tile_side
from crowdkit_core.cli.output import say_once
from crowdkit_core.cli.sizing import chosen_sizing
from crowdkit_core.cli.stack_options import chosen_reading, reading_files
from crowdkit_core.errors import UsageError
from crowdkit_core.inference import Model, load_model, with_calibration, with_sizing
from crowdkit_core.inference.sources import Source, Span
from crowdkit_core.inference.ways import BF16, PLAIN, Way
from crowdkit_core.interfaces import Localizer
from crowdkit_core.precision import warn_of_emulation

WAYS: Mapping[str, Way | Literal["auto"]] = {"auto": "auto", "float32": PLAIN, "bf16": BF16}
"""By what ``--precision`` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOptions:
    """What the options say of it, by their names.

    Attributes:
        need_points: Whether it has to find points.
        stacks: Arguments of `chosen_reading`.
        every: From one counted frame of a clip to the next.
        components: Options of ``counter`` and ``localizer``.
    """

    weights: str | None
    counter: str | None
    localizer: str | None
    need_points: bool
    scale: float | None
    long_side: int | None
    calibration: Path | None
    level: float | None
    tile: str
    halo: int | None
    device: str | None
    precision: str
    stacks: Mapping[str, str | None]
    every: Span | None
    components: Mapping[str, Mapping[str, Any]]

    def made(self, sources: Sequence[Source]) -> Model:
        """The model, with the range of values that suits what it is to count.

        Raises:
            UsageError: Options contradict each other or the weights.
            WeightsError: The weights cannot be read.
            DataError: The calibration cannot be read.
        """
        device = chosen_device(self.device)
        if self.precision == "bf16":
            warn_of_emulation(device, "--precision auto")
        model = load_model(
            self.weights,
            counter=self.counter,
            options=self.components["counter"],
            device=device,
        )
        model = self._calibrated(model)
        model = replace(
            model,
            localizer=self._localizer(model),
            tile=tile_side(self.tile),
            halo=self.halo,
            way=WAYS[self.precision],
            level=model.level if self.level is None else self.level,
            reading=replace(chosen_reading(model.reading, **self.stacks), every=self.every),
        )
        return reading_files(model, sources)

    def _localizer(self, model: Model) -> Localizer | None:
        """The named one; where points are needed, the one chosen for the weights, or any."""
        own, options = model.localizer, self.components["localizer"]
        if self.localizer is not None or not self.need_points:
            return named_localizer(self.localizer, options)
        if own is not None and own.origin is not None:
            return named_localizer(own.origin.name, {**own.origin.options, **options})
        return named_localizer(None if model.counter.finds_points else "local-maxima", options)

    def _calibrated(self, model: Model) -> Model:
        """The model in the sizes asked for, with intervals that hold there."""
        own = model.calibration
        sizing = chosen_sizing(model.sizing, scale=self.scale, long_side=self.long_side)
        model = with_sizing(model, sizing)
        if self.calibration is not None:
            model = with_calibration(model, self.calibration)
        elif own is not model.calibration:
            say_once(
                "crowdkit: no intervals: those of the weights are for the size they were trained in"
            )
        if self.level is not None and model.calibration is None:
            raise UsageError(
                "--level without --calibration", hint="`crowdkit calibrate` makes a calibration"
            )
        return model
