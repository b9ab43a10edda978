"""The value that describes a run: components by name, with their options."""

from dataclasses import dataclass, field
from typing import Any

from crowdkit_core.errors import UsageError
from crowdkit_core.registry import create
from crowdkit_core.settings.component import ComponentSettings
from crowdkit_core.settings.run import RunSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What to train on what, and how.

    Attributes:
        counter: The counter.
        dataset: The dataset; its ``split`` is chosen by whoever creates it.
        density_generator: What makes the target maps.
        loss: The loss.
        trainer: The trainer.
        localizer: What finds points in evaluation; None for counts alone.
        run: How and where it runs.
    """

    counter: ComponentSettings
    dataset: ComponentSettings = ComponentSettings(name="synthetic")
    density_generator: ComponentSettings = ComponentSettings(name="fixed")
    loss: ComponentSettings = ComponentSettings(name="mse")
    trainer: ComponentSettings = ComponentSettings(name="supervised")
    localizer: ComponentSettings | None = None
    run: RunSettings = field(default_factory=RunSettings)

    def create(self, kind: str, **more: Any) -> Any:
        """Make the recipe's component of a kind.

        Args:
            kind: ``counter``, ``dataset``, ...
            **more: Options that the recipe leaves open, such as a dataset's ``split``; they win.

        Raises:
            UsageError: The recipe has no component of this kind.
        """
        settings: ComponentSettings | None = getattr(self, kind)
        if settings is None:
            raise UsageError(f"the recipe names no {kind}", hint=f"set {kind}.name")
        return create(kind, settings.name, **{**settings.options, **more})
