"""Spatial convolution: a message that passes over a map row by row, there and back."""

from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F
from torch.nn.grad import conv1d_weight

from crowdkit_core.precision import without_autocast

_LINES_FIRST = {"rows": (2, 0, 1, 3), "columns": (3, 0, 1, 2)}
_LINES_BACK = {"rows": (1, 2, 0, 3), "columns": (1, 2, 3, 0)}


class SpatialConvolution(nn.Module):
    """Each line of a map receives a message from the line before it, already updated.

    The lines are visited forwards, then backwards with the same weights: ``line[i] +=
    relu(conv(line[i - 1]))``, so every line depends on all others. Pan et al., "Spatial As Deep:
    Spatial CNN for Traffic Scene Understanding", AAAI 2018, equation 1.

    Args:
        channels: Of the map.
        lines: ``rows`` passes down then up, ``columns`` right then left.
        kernel_size: Odd; how many cells of the line before a cell listens to.

    Example:
        >>> import torch
        >>> convolution = SpatialConvolution(1, "columns", kernel_size=1)
        >>> _ = torch.nn.init.ones_(convolution.conv.weight)
        >>> _ = torch.nn.init.zeros_(convolution.conv.bias)
        >>> convolution(torch.tensor([[[[1.0, 0.0, 0.0]]]])).detach().flatten().tolist()
        [3.0, 2.0, 1.0]
    """

    def __init__(
        self, channels: int, lines: Literal["rows", "columns"], *, kernel_size: int = 9
    ) -> None:
        super().__init__()
        self.lines = lines
        shape = (1, kernel_size) if lines == "rows" else (kernel_size, 1)
        self.conv = nn.Conv2d(channels, channels, shape)

    def forward(self, maps: Float[Tensor, "B C h w"]) -> Float[Tensor, "B C h w"]:
        """Pass the message both ways."""
        lines = maps.permute(_LINES_FIRST[self.lines]).contiguous()
        assert self.conv.bias is not None
        weight, bias = self.conv.weight.flatten(2).to(lines), self.conv.bias.to(lines)
        with without_autocast(maps.device):  # every line in the map's precision
            for backwards in (False, True):
                lines = sweep(lines, weight, bias, backwards=backwards)
        return lines.permute(_LINES_BACK[self.lines])


def sweep(
    lines: Float[Tensor, "n B C w"],
    weight: Float[Tensor, "C C k"],
    bias: Float[Tensor, " C"],
    *,
    backwards: bool = False,
) -> Float[Tensor, "n B C w"]:
    """One pass of a message: ``line[i] + relu(conv(result[i - 1]))``.

    Lines follow one another in memory and the gradient of the weights is one convolution over
    all lines; autograd on the loop itself takes one for each.

    Args:
        lines: (n, B, C, w), visited in order.
        weight: Of a convolution along a line; k is odd.
        bias: Of that convolution.
        backwards: Visit them from the last to the first.
    """
    swept: Tensor = _Sweep.apply(lines, weight, bias, backwards)
    return swept


class _Sweep(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, lines: Tensor, weight: Tensor, bias: Tensor, backwards: bool) -> Tensor:
        result = lines.clone()
        active = torch.zeros_like(lines, dtype=torch.bool)
        rows, gates = result.unbind(), active.unbind()
        for before, at in _steps(len(rows), backwards):
            message = F.conv1d(rows[before], weight, bias, padding="same").relu_()
            rows[at].add_(message)
            torch.gt(message, 0, out=gates[at])
        ctx.save_for_backward(result, active, weight)
        ctx.backwards = backwards
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        result, active, weight = ctx.saved_tensors
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        messages = torch.zeros_like(gradient)
        mirrored = weight.transpose(0, 1).flip(2).contiguous()
        rows, gates, slopes = gradient.unbind(), active.unbind(), messages.unbind()
        for before, at in reversed(_steps(len(rows), ctx.backwards)):
            torch.mul(rows[at], gates[at], out=slopes[at])
            rows[before].add_(F.conv1d(slopes[at], mirrored, padding="same"))
        senders, receivers = slice(None, -1), slice(1, None)
        if ctx.backwards:
            senders, receivers = receivers, senders
        sent, received = result[senders].flatten(0, 1), messages[receivers].flatten(0, 1)
        of_weight = conv1d_weight(  # type: ignore[no-untyped-call]  # torch leaves it untyped
            sent, weight.shape, received, padding=weight.shape[-1] // 2
        )
        return gradient, of_weight, received.sum((0, 2)), None


def _steps(number: int, backwards: bool) -> list[tuple[int, int]]:
    """Pairs of a line and the one that listens to it, in the order of the sweep."""
    steps = [(at - 1, at) for at in range(1, number)]
    return [(at, before) for before, at in reversed(steps)] if backwards else steps
