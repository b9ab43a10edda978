"""Make localizers and devices from what commands are given."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from crowdkit_core.errors import UsageError
from crowdkit_core.inference import TileSide
from crowdkit_core.interfaces import Localizer
from crowdkit_core.processes import is_launched, rank_on_machine
from crowdkit_core.registry import create
from crowdkit_core.settings import parse_overrides, resolve_component


def named_localizer(name: str | None, options: Mapping[str, Any]) -> Localizer | None:
    """A localizer by name, or None."""
    if name is None:
        return None
    settings = resolve_component("localizer", {"name": name, **options})
    localizer: Localizer = create("localizer", settings.name, **settings.options)
    return localizer


def chosen_device(name: str | None) -> torch.device:
    """The device a user asked for, or the best there is.

    Where a machine has several, each process of ``torchrun`` gets its own.

    Raises:
        UsageError: There is no such device.
    """
    if name is None:
        best = torch.accelerator.current_accelerator(check_available=True)
        return torch.device("cpu") if best is None else _own(best)
    try:
        device = _own(torch.device(name))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        cause = str(error).splitlines()[0]
        raise UsageError(f"device {name!r} cannot be used: {cause}") from error
    return device


def _own(device: torch.device) -> torch.device:
    if device.type in ("cpu", "mps") or ":" in str(device) or not is_launched():
        return device
    return torch.device(device.type, rank_on_machine() % torch.accelerator.device_count())


def tile_side(text: str) -> TileSide:
    """``auto``, a number of pixels, or 0 for no tiles.

    Raises:
        UsageError: Neither.
    """
    if text == "auto":
        return "auto"
    if not text.isdigit():
        raise UsageError(f"--tile {text!r}: expected auto or a number of pixels")
    return int(text) or None


def refuse_split(overrides: Sequence[str]) -> None:
    """Refuse ``--set dataset.split=...`` where ``--split`` chooses it.

    Raises:
        UsageError: It was given.
    """
    if "split" in parse_overrides(overrides).get("dataset", {}):
        raise UsageError("dataset.split cannot be set here", hint="choose it by --split")


def only_sections(table: Mapping[str, Any], *allowed: str) -> dict[str, dict[str, Any]]:
    """Parsed ``--set`` options by component, each of which the command knows.

    Raises:
        UsageError: A setting for something else.
    """
    for section, options in table.items():
        if section not in allowed or not isinstance(options, Mapping):
            raise UsageError(
                f"--set {section}: this command sets options of {', '.join(allowed)}",
                hint=f"write it as {allowed[0]}.OPTION=VALUE",
            )
    return {section: dict(table.get(section, {})) for section in allowed}
