"""The settings of a run: its folder, seed, devices, precision."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Lt

from crowdkit_core.settings.component import ComponentSettings

Precision = Literal["32-true", "16-mixed", "bf16-mixed", "16-true", "bf16-true", "64-true"]
"""Number format of the forward pass and of the weights, as lightning-fabric names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """How and where a run runs; only seed and precision change what is learned beyond rounding.

    Attributes:
        directory: Folder of the run; None lets the caller choose one.
        seed: Everything random follows from it.
        accelerator: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        devices: Processes on each machine; None for as many as ``torchrun`` started, or one.
        num_nodes: Machines; None for as many as ``torchrun`` runs on, or one.
        strategy: How processes work together: ``auto``, ``ddp``, ...
        precision: Number format.
        workers: Processes that load data beside each that trains; 0 loads in that one. By ``auto``
            none for networks on the CPU, else as many as cores are left for, 8 at most.
        resume: Go on with the run in ``directory``.
        validate_on: Images the best weights are chosen on. ``test`` marks every result.
        channels_last: Keep the channels of a pixel together in memory, which makes convolutions
            faster on many CPUs and GPUs.
        deterministic: Only use algorithms that give the same bits each time; slower on a GPU.
        trackers: Told of the run while it trains; names, or tables of a name with options beside
            it.
        tracked_images: Held-out images of which trackers get pictures at each validation.
    """

    directory: Path | None = None
    seed: Annotated[int, Ge(0), Lt(2**32)] = 0
    accelerator: str = "auto"
    devices: Annotated[int, Ge(1)] | None = None
    num_nodes: Annotated[int, Ge(1)] | None = None
    strategy: str = "auto"
    precision: Precision = "32-true"
    workers: Annotated[int, Ge(0)] | Literal["auto"] = "auto"
    resume: bool = False
    validate_on: Literal["validation", "test"] = "validation"
    channels_last: bool = False
    deterministic: bool = False
    trackers: tuple[str | ComponentSettings, ...] = ()
    tracked_images: Annotated[int, Ge(0)] = 4
