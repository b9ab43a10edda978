"""Half precision: what is computed in float32 all the same, and where bfloat16 is slow."""

import warnings
from contextlib import AbstractContextManager, nullcontext

import torch
from jaxtyping import Float
from torch import Tensor


def at_least_float32(values: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """The values in float32, or in float64 if they are: half precision cannot add up a crowd.

    Example:
        >>> at_least_float32(torch.ones(2, dtype=torch.bfloat16)).dtype
        torch.float32
    """
    return values.to(torch.promote_types(values.dtype, torch.float32))


def without_autocast(device: torch.device) -> AbstractContextManager[object]:
    """Run each operation in the precision of its inputs, also on devices that know no autocast."""
    if not torch.amp.is_autocast_available(device.type):
        return nullcontext()
    return torch.autocast(device.type, enabled=False)


def emulates_bf16(device: torch.device) -> bool:
    """Whether bfloat16 has no instructions here: each number is then converted to and fro.

    That is so on processors without AVX-512 or its likes, where it takes many times as long as
    float32, and on GPUs before Ampere.
    """
    if device.type == "cuda":
        return not torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        mkldnn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        return not (mkldnn and torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return not torch.amp.is_autocast_available(device.type)


def warn_of_emulation(device: torch.device, remedy: str) -> None:
    """Say in a warning that bfloat16 is slow on this device, if it is.

    Args:
        device: Where it is asked for.
        remedy: What is quicker, as the user would write it.
    """
    if emulates_bf16(device):
        warnings.warn(
            f"this {device.type.upper()} has no instructions for bfloat16 and takes many times as "
            f"long as in float32; {remedy} is quicker",
            RuntimeWarning,
            stacklevel=2,
        )
