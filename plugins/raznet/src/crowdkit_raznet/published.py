"""Read the weights of the reproduction published with the NWPU-Crowd benchmark."""

from collections.abc import Mapping
from math import inf
from typing import Any

import torch
from torch import Tensor

from crowdkit_core.networks import vgg16_keys
from crowdkit_core.weights import strip_prefixes
from crowdkit_raznet.fusion import GRID

OPTIONS: Mapping[str, Any] = {
    "depth": 1,
    "counting": False,
    "localization_output": "softmax",
    "normalization": "nwpu",
}
"""Of a RAZNet that is the published network, which localises alone."""


def is_published(state: Mapping[str, Tensor]) -> bool:
    """Whether a file's keys are those of the reproduction."""
    return any("de_pred." in key for key in state)


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The reproduction's weights under RAZNet's keys."""
    bare = strip_prefixes(
        {key: value for key, value in state.items() if not key.startswith("loc.")},
        "CCN.",
        "module.",
    )
    renamed = {_PUBLISHED.get(key, key): value for key, value in bare.items()}
    return {"fusion_threshold": torch.full((GRID**2,), inf), **renamed}


def _published_keys() -> dict[str, str]:
    """Keys of the NWPU reproduction and ours in their place."""
    convolutions = {0: 0, 1: 2, 2: 4, 5: 8, 8: 12, 11: 16}
    deconvolutions = {3: 6, 6: 10, 9: 14}
    layers = {
        **{f"{i}.conv": f"features.{own}" for i, own in convolutions.items()},
        **{str(i): f"features.{own}" for i, own in deconvolutions.items()},
        "12.conv": "output",
    }
    return {
        **vgg16_keys("features4", "main.backbone"),
        **{
            f"de_pred.{layer}.{part}": f"main.localization.{own}.{part}"
            for layer, own in layers.items()
            for part in ("weight", "bias")
        },
    }


_PUBLISHED = _published_keys()
