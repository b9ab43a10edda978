"""Flatten checkpoints into mappings of names to tensors."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from crowdkit_core.errors import WeightsError

_WRAPPERS = ("state_dict", "model_state_dict", "model", "weights")
_DEEPEST = 8
"""Checkpoints in one another; one that holds itself has no end."""


def unwrap_checkpoint(content: object, path: Path) -> dict[str, Tensor]:
    """The state dict inside a checkpoint, or the content itself if it is one.

    Raises:
        WeightsError: There is something else than named tensors with values of their own.
    """
    for _ in range(_DEEPEST):
        wrapper = _wrapper(content)
        if wrapper is None:
            break
        content = wrapper
    else:
        raise WeightsError(f"{path}: a checkpoint in a checkpoint, more than {_DEEPEST} deep")
    if not isinstance(content, Mapping):
        raise WeightsError(f"{path}: holds a {type(content).__name__}, expected named tensors")
    if not content:
        raise WeightsError(f"{path}: holds no tensors")
    for key, value in content.items():
        if not isinstance(key, str):
            raise WeightsError(f"{path}: entry {key!r} has no name, expected named tensors")
        if not isinstance(value, Tensor):
            raise WeightsError(
                f"{path}: entry {key!r} is a {type(value).__name__}, expected a tensor",
                hint=f"a checkpoint keeps its tensors under one of: {', '.join(_WRAPPERS)}",
            )
        if value.layout != torch.strided or value.is_quantized or value.is_meta:
            raise WeightsError(
                f"{path}: {key!r} is a sparse, quantized or empty tensor, expected one with a "
                "value at each place"
            )
    return dict(content)


def _wrapper(content: object) -> object:
    """What a checkpoint keeps its tensors in; None if the content is no checkpoint."""
    if not isinstance(content, Mapping):
        return None
    return next((content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None)


def strip_prefixes(state: Mapping[str, Tensor], *prefixes: str) -> dict[str, Tensor]:
    """Remove, again and again, any of ``prefixes`` that every key begins with.

    Example:
        >>> import torch
        >>> strip_prefixes({"CCN.module.a": torch.ones(1)}, "module.", "CCN.").keys()
        dict_keys(['a'])
    """
    stripped = dict(state)
    while prefix := next((p for p in prefixes if stripped and _all_begin(stripped, p)), None):
        stripped = {key.removeprefix(prefix): value for key, value in stripped.items()}
    return stripped


def _all_begin(state: Mapping[str, Tensor], prefix: str) -> bool:
    return all(key.startswith(prefix) for key in state)
