"""Base class of modules that load their weights from a file, published layouts included."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from torch import Tensor, nn

from crowdkit_core.registry.options import checked_options
from crowdkit_core.weights import WeightsFile, load_matching, read_weights


class Weighted(nn.Module):
    """A module that loads weights from a file; base of `Counter` and `DensityGenerator`.

    A plugin overrides `translate_keys` to accept published key layouts, and
    `options_from_weights` where the file decides an option (such as grey or RGB input).

    Attributes:
        weights_options: Constructor options it was built with, when built from a weights file.
        weights_source: That file as it was named; empty otherwise.
    """

    weights_options: Mapping[str, Any] = {}
    weights_source: str = ""

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename a published layout's keys to this module's; identity by default."""
        return dict(state)

    def without_unused(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out tensors of parts this instance was built without; keeps all by default.

        Args:
            state: Under this module's own keys. What is left over must fit exactly.
        """
        return dict(state)

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Constructor options that the file fixes; those recorded in it by default.

        An option named ``pretrained`` says where training began, and is left out.
        """
        return {name: value for name, value in file.options.items() if name != "pretrained"}

    @classmethod
    def from_weights(cls, path: str | Path, **options: Any) -> Self:
        """Build the module a weights file fits and load it; ``options`` win over the file's.

        Args:
            path: What `read_weights` takes: a file, the name of a card, or a file of the hub.
            **options: Of the constructor.

        Raises:
            WeightsError: The file is unsafe, damaged, or of another architecture.
            OptionsError: Options, the file's included, do not fit the constructor.
        """
        file = read_weights(path)
        given = {**cls.options_from_weights(file), **options}
        made_for = f" (weights of {file.component!r})" if file.component else ""
        checked = checked_options(cls, given, f"{cls.__name__} from {path}{made_for}")
        module = cls(**checked)
        module.weights_options = checked
        module.weights_source = str(path)
        load_matching(module, file, module.without_unused(cls.translate_keys(file.state)))
        return module

    def load_weights(self, path: str | Path) -> None:
        """Load a weights file into this module.

        Raises:
            WeightsError: The file is unsafe, damaged, or of another architecture; the module is
                unchanged then.
        """
        file = read_weights(path)
        load_matching(self, file, self.without_unused(self.translate_keys(file.state)))
