"""Weights files of the authors: which network they are of, and their names here."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from crowdkit_core.networks import Backbone
from crowdkit_zip.blocks import BINS

_ENCODER = "backbone.encoder."
_PARTS = {"backbone.refiner.": "refiner.", "backbone.decoder.": "decoder."}
_NETWORKS = {
    "mobilenetv4_conv_small_050": 1,
    "mobilenetv4_conv_small": 1,
    "mobilenetv4_conv_medium": 2,
}
"""Convolutions of a residual block by backbone: Pico, Nano and Tiny."""


def is_published(state: Mapping[str, Tensor]) -> bool:
    """Whether a file's keys are those of the authors' code."""
    return any(key.startswith(_ENCODER) for key in state)


def translate(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A published state under the names here, but for what is inside refiner and decoder."""
    return {_renamed(key): _reshaped(key, value) for key, value in state.items()}


def in_order(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Give the tensors inside refiner and decoder the names of the module's own, in their order.

    The authors' names for them are not known here. Their order and shapes are, so a part is
    renamed if each of its tensors has the shape and the last name of the module's.

    Args:
        state: A file's tensors, translated.
        own: The module's state.
    """
    renamed = dict(state)
    for part in _PARTS.values():
        theirs, ours = ([key for key in each if key.startswith(part)] for each in (state, own))
        alike = len(theirs) == len(ours) and all(
            _kind(their, state) == _kind(our, own) for their, our in zip(theirs, ours, strict=True)
        )
        if alike and theirs != ours:
            tensors = [renamed.pop(key) for key in theirs]
            renamed |= dict(zip(ours, tensors, strict=True))
    return renamed


def published_options(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """What a published state's shapes tell of the network.

    Its bins are told by their number alone: those of `BINS`, and otherwise the caller's to say.
    """
    options: dict[str, Any] = {"zero_inflated": "pi_head.weight" in state}
    bins = state["bin_centers"].numel() if "bin_centers" in state else 0
    for block_size, known in BINS.items():
        if len(known) == bins:
            options["block_size"] = block_size
    encoder = {
        key.removeprefix(_ENCODER): value.shape
        for key, value in state.items()
        if key.startswith(_ENCODER)
    }
    for name, convolutions in _NETWORKS.items():
        if encoder == _shapes(name):
            options |= {"backbone": name, "convolutions": convolutions}
    return options


def _renamed(key: str) -> str:
    names = {
        _ENCODER: "backbone.net.",
        "pi_head.": "attention_head.",
        "bin_centers": "centres",
        **_PARTS,
    }
    prefix = next((each for each in names if key.startswith(each)), "")
    return names.get(prefix, "") + key.removeprefix(prefix)


def _reshaped(key: str, value: Tensor) -> Tensor:
    return value.flatten() if key == "bin_centers" else value


def _kind(key: str, state: Mapping[str, Tensor]) -> tuple[str, torch.Size]:
    return key.rpartition(".")[2], state[key].shape


def _shapes(backbone: str) -> dict[str, torch.Size]:
    with torch.device("meta"):
        net = Backbone(backbone, reductions=(32,)).net
    return {key: value.shape for key, value in net.state_dict().items()}
