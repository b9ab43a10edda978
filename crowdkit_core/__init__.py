"""crowdkit: crowd counting from dot annotations, with parts of different papers that mix freely.

Importing this package is cheap: torch is imported when a component is.
"""

from typing import TYPE_CHECKING, Any

from crowdkit_core.registry import create, list_components, register

if TYPE_CHECKING:  # brings torch along
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from crowdkit_core.data.corrections import Corrections
    from crowdkit_core.finetuning import Finetuned
    from crowdkit_core.inference import Calibration, Model

__version__ = "0.1.0"

__all__ = ["__version__", "create", "finetune", "list_components", "load", "register"]


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


def finetune(
    weights: "str | Path | Model",
    folder: "str | Path | Corrections",
    *,
    name: str | None = None,
    output: "str | Path | None" = None,
    epochs: int | None = None,
    held_out: int | None = None,
    settings: "Sequence[str]" = (),
    counter: str | None = None,
    device: Any = None,
    resume: bool = False,
    stop: "Callable[[], bool] | None" = None,
    listeners: "Sequence[object]" = (),
) -> "Finetuned":
    """Train on from weights with a few images: ``finetune("people", "corrections").name``.

    Arguments and errors as of `crowdkit_core.finetuning.finetune`.
    """
    from crowdkit_core.finetuning import finetune

    return finetune(
        weights,
        folder,
        name=name,
        output=output,
        epochs=epochs,
        held_out=held_out,
        settings=settings,
        counter=counter,
        device=device,
        resume=resume,
        stop=stop,
        listeners=listeners,
    )
