"""crowdkit: crowd counting from dot annotations, with parts of different papers that mix freely.

Importing this package is cheap: torch is imported when a component is.
"""

from typing import TYPE_CHECKING, Any

from crowdkit_core.registry import create, list_components, register

if TYPE_CHECKING:  # brings torch along
    from pathlib import Path

    from crowdkit_core.inference import Calibration, Model

__version__ = "0.1.0"

__all__ = ["__version__", "create", "list_components", "load", "register"]


def load(
    weights: "str | Path | None" = None,
    *,
    device: Any = None,
    calibration: "Calibration | str | Path | None" = None,
) -> "Model":
    """A model that counts: ``load(weights)("photo.jpg").count``.

    Args:
        weights: The name of installed weights (`crowdkit list weights`), a file that says which
            counter it is for, or a file of the hub (``hf://org/repo@revision/path``); None for the
            installed weights that count people by default.
        device: Where to count; None for the CPU.
        calibration: Gives counts an interval: of `inference.calibrate`, or a file of
            `crowdkit calibrate`; None for the weights' own, if they have one.

    Raises:
        UsageError: There are no such weights, they do not say their counter, or the calibration is
            for others.
        WeightsError: The weights cannot be fetched or read.
        DataError: The calibration cannot be read.
    """
    from crowdkit_core.inference import load_model, with_calibration

    model = load_model(weights, device=device)
    return model if calibration is None else with_calibration(model, calibration)
