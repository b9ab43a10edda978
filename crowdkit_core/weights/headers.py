"""What a weights file says of itself, in the metadata of its safetensors header."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import torch
from pydantic_core import PydanticSerializationError, to_jsonable_python
from torch import Tensor

import crowdkit_core
from crowdkit_core.errors import WeightsError
from crowdkit_core.parsing import parse_json

Header = dict[str, Any]
"""What a file says of itself."""

CHECKSUM = "crc32"

METADATA_KEY = "crowdkit"
"""The one key of the safetensors header that crowdkit writes: a JSON object."""

VALUE_RANGE = "value_range"
"""The fact that says what was black and white in training files of more than 8 bits."""

SAID: Mapping[str, type] = {"component": str, "distribution": str, "options": dict, "facts": dict}
"""What a header says of the weights, and as what."""


def written_header(
    path: Path,
    *,
    component: str = "",
    distribution: str = "",
    options: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> Header:
    """What `save_weights` would record beside the tensors, as plain values.

    Raises:
        WeightsError: A value cannot be recorded as JSON.
    """
    content = {
        "version": crowdkit_core.__version__,
        "component": component,
        "distribution": distribution,
        "options": _ordered(options or {}),
        "facts": _ordered(facts or {}),
    }
    try:
        plain: Header = json.loads(json.dumps(to_jsonable_python(content, fallback=_as_settings)))
    except (PydanticSerializationError, TypeError, ValueError, RecursionError) as error:
        raise WeightsError(
            f"{path}: options and facts must be plain values to be recorded: {error}"
        ) from error
    return plain


def _ordered(value: Any) -> Any:
    """The value with sets, which have another order in each process, as sorted lists."""
    if isinstance(value, Mapping):
        return {key: _ordered(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    return [_ordered(each) for each in value] if isinstance(value, list | tuple) else value


def _as_settings(value: object) -> dict[str, Any]:
    """A component that is an option of another, as the table a recipe would have for it."""
    origin = getattr(value, "origin", None)
    if origin is None:
        raise TypeError(f"{type(value).__name__} was not made by its registered name")
    return {"name": origin.name, **origin.options}


def parse_header(path: Path, text: str) -> Header:
    """Read what `written_header` made, with the checksum if there is one.

    Raises:
        WeightsError: It is damaged.
    """
    try:
        header = parse_json(text)
        if not isinstance(header, dict):
            raise TypeError("expected a JSON object")
        for name, kind in SAID.items():
            if not isinstance(header.get(name, kind()), kind):
                raise TypeError(f"{name} is a {type(header[name]).__name__}")
    except (ValueError, TypeError) as error:
        raise WeightsError(f"{path}: damaged {METADATA_KEY!r} header: {error}") from error
    return header


def checksum(header: Mapping[str, Any], state: Mapping[str, Tensor]) -> str:
    """The CRC-32 of everything in a weights file, which safetensors has none of."""
    value = crc32(json.dumps(header, sort_keys=True).encode())
    for key in sorted(state):
        tensor = state[key]
        value = crc32(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode(), value)
        value = crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, value)
    return f"{value:08x}"
