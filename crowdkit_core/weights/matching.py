"""Load named tensors into a module, or say exactly why they do not fit."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from crowdkit_core.errors import WeightsError
from crowdkit_core.weights.files import WeightsFile

_SHOWN = 4


def load_matching(module: nn.Module, file: WeightsFile, state: Mapping[str, Tensor]) -> None:
    """Copy ``state`` into ``module``, whole or not at all; values take the module's dtype.

    Args:
        module: Changed in place.
        file: Where the tensors came from; named in errors.
        state: Tensors under the module's own keys.

    Raises:
        WeightsError: Keys, shapes or kinds of numbers differ, or values are not finite; names the
            first few of each kind and their number.
    """
    own = module.state_dict()
    missing = [key for key in own if key not in state]
    unexpected = [key for key in state if key not in own]
    misshaped = [
        f"{key} {tuple(state[key].shape)} instead of {tuple(own[key].shape)}"
        for key in own
        if key in state and state[key].shape != own[key].shape
    ]
    of_another_kind = [
        f"{key} {_kind(state[key])} instead of {_kind(own[key])}"
        for key in own
        if key in state and _kind(state[key]) != _kind(own[key])
    ]
    differences = [
        f"{len(names)} {what} ({_some(names)})"
        for what, names in [
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", misshaped),
            ("of another kind", of_another_kind),
        ]
        if names
    ]
    if differences:
        label = getattr(module, "label", type(module).__name__)
        raise WeightsError(
            f"{file.path}: the weights do not fit {label}: {', '.join(differences)}",
            hint=_hint(file, len(own) - len(missing)),
        )
    _require_numbers(module, file, state)
    module.load_state_dict(state)


def _kind(tensor: Tensor) -> str:
    if tensor.is_floating_point():
        return "floating"
    if tensor.is_complex():
        return "complex"
    return "boolean" if tensor.dtype == torch.bool else "integer"


def _bad(values: Tensor, *, finite: bool) -> Tensor:
    values = values.float() if values.element_size() < 4 else values  # torch cannot ask float8
    return ~values.isfinite() if finite else values.isnan()


def _require_numbers(module: nn.Module, file: WeightsFile, state: Mapping[str, Tensor]) -> None:
    """Refuse what no count can come of; a buffer may be infinite, as masks are."""
    learned = dict(module.named_parameters(remove_duplicate=False))
    wrong = [
        f"{key} in {int(bad.sum())} of {bad.numel()} places"
        for key, value in state.items()
        if value.is_floating_point() and (bad := _bad(value, finite=key in learned)).any()
    ]
    if wrong:
        raise WeightsError(
            f"{file.path}: weights are NaN or infinite ({_some(wrong)})",
            hint="they come of training that failed, or of a damaged file",
        )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f", and {more} more" if more > 0 else "")


def _hint(file: WeightsFile, found: int) -> str:
    if file.component:
        return f"the file says it belongs to {file.component!r} with options {dict(file.options)}"
    if found == 0:
        return "no key is the same: these are weights of another architecture"
    return "the weights belong to another variant of this architecture; check its options"
