"""Measure what a counter costs: parameters and multiply-accumulates, layer by layer."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.interfaces import Counter, Size

DEFAULT_SIZE: Size = (384, 512)
"""(H, W) that crowd-counting papers print costs for."""


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Cost of a layer, or of a part made of layers, for one image.

    One multiply-accumulate (MAC) is two floating-point operations; papers of this field print MACs
    and call them FLOPs. Convolutions, matrix products and attention are counted; biases,
    activations, poolings and resizing are not.

    Attributes:
        name: Dotted, as in ``state_dict``; empty for the counter itself.
        type: The module's class.
        outputs: (C, h, w) of each map it gave when last called, the batch left out; empty if it
            was not called or gave something else.
        calls: How often it was called for the image.
        parameters: A parameter shared by several layers counts at the first.
        macs: Multiply-accumulates as torch counts them: a transposed convolution multiplies
            each *input* cell with its kernel. Some papers count its output cells, which is about
            stride² times as many.
    """

    name: str
    type: str
    outputs: tuple[tuple[int, ...], ...]
    calls: int
    parameters: int
    macs: int


@dataclass(frozen=True, slots=True)
class NetworkCost:
    """Cost of a counter for one image.

    Attributes:
        size: (H, W) of the image in pixels.
        total: The whole counter.
        parts: Its direct children, lists and dictionaries of modules opened, and last what the
            counter does itself, if anything. A module shared by two parts counts in the first.
        layers: Every module with parameters or work of its own, without the modules inside it.
            Parts and layers stand in the order they first run, and both add up to the total.
    """

    size: Size
    total: LayerCost
    parts: tuple[LayerCost, ...]
    layers: tuple[LayerCost, ...]


def measure_cost(
    counter: Counter, size: Size = DEFAULT_SIZE, *, device: torch.device | str = "meta"
) -> NetworkCost:
    """Run ``forward`` once in evaluation mode and count with torch's own `FlopCounterMode`.

    A copy runs; the counter is left as it was.

    Args:
        counter: Any counter.
        size: (H, W) of the image in pixels.
        device: Where to run it. The meta device follows shapes alone, in no time and memory; that
            cannot be for a counter whose work depends on what it sees.

    Raises:
        UsageError: The image is smaller than the counter's ``min_size``.
        IncompatibleError: The counter cannot run on shapes alone, as the meta device does.
    """
    if any(side < least for side, least in zip(size, counter.min_size, strict=True)):
        height, width = counter.min_size
        raise UsageError(
            f"{counter.label} cannot look at a {size[0]}x{size[1]} image: "
            f"expected at least {height}x{width}"
        )
    own = _costs_on(torch.device(device), counter, size)
    itself = own[""]
    names = set(_part_names(counter))
    return NetworkCost(
        size=size,
        total=_sum_within(own, ""),
        parts=_without_idle([*(_sum_within(own, name) for name in own if name in names), itself]),
        layers=_without_idle([*(each for each in own.values() if each.name), itself]),
    )


def _costs_on(device: torch.device, counter: Counter, size: Size) -> dict[str, LayerCost]:
    probe, images = _copied_to(device, counter), torch.zeros(1, 3, *size, device=device)
    try:
        return _own_costs(probe, images)
    except RuntimeError as error:
        if device.type != "meta":
            raise
        raise IncompatibleError(
            f"the cost of {counter.label} does not follow from shapes alone: "
            f"{str(error).splitlines()[0]}",
            hint="measure it on a device that computes, such as cpu",
        ) from error


def _copied_to(device: torch.device, counter: Counter) -> Counter:
    """A copy whose tied weights are tied too, which moving a module to the meta device undoes."""
    moved: dict[int, Tensor] = {id(b): b.to(device, copy=True) for b in counter.buffers()}
    for each in counter.parameters():
        tensor = each.detach().to(device, copy=True)
        moved[id(each)] = nn.Parameter(tensor, requires_grad=each.requires_grad)
    return deepcopy(counter, moved)


def _own_costs(probe: Counter, images: Tensor) -> dict[str, LayerCost]:
    """Cost of each module without those inside it, by name in the order they first run."""
    work = _Work()
    with torch.no_grad(), work.of(probe):
        probe.eval()(images)
    names = {module: name for name, module in probe.named_modules()}
    seen: set[nn.Parameter] = set()
    costs = {}
    for module in [*work.calls, *(each for each in names if each not in work.calls)]:
        parameters = set(module.parameters(recurse=False)) - seen
        seen |= parameters
        costs[names[module]] = LayerCost(
            name=names[module],
            type=type(module).__name__,
            outputs=work.outputs.get(module, ()),
            calls=work.calls.get(module, 0),
            parameters=sum(parameter.numel() for parameter in parameters),
            macs=work.macs.get(module, 0),
        )
    return costs


class _Work:
    """Gives torch's counts to the innermost module that was running.

    So each operation counts once, whichever way the modules call each other.
    """

    def __init__(self) -> None:
        self.calls: dict[nn.Module, int] = {}
        self.outputs: dict[nn.Module, tuple[tuple[int, ...], ...]] = {}
        self.macs: dict[nn.Module, int] = {}
        self._running: list[nn.Module] = []
        self._counted = FlopCounterMode(display=False)

    def of(self, counter: Counter) -> ExitStack:
        """Watch a counter until the context is left."""
        stack = ExitStack()
        for module in counter.modules():
            stack.callback(module.register_forward_pre_hook(self._enter).remove)
            stack.callback(module.register_forward_hook(self._leave).remove)
        stack.enter_context(self._counted)
        return stack

    def _enter(self, module: nn.Module, _inputs: Any) -> None:
        self._settle()
        self._running.append(module)
        self.calls[module] = self.calls.get(module, 0) + 1

    def _leave(self, module: nn.Module, _inputs: Any, output: Any) -> None:
        self._settle()
        self._running.pop()
        self.outputs[module] = _map_shapes(output)

    def _settle(self) -> None:
        """Hand what was counted since the last call to the innermost running module."""
        if not self._running:
            return
        module = self._running[-1]
        self.macs[module] = self.macs.get(module, 0) + self._counted.get_total_flops() // 2
        self._counted.flop_counts.clear()


def _map_shapes(output: Any) -> tuple[tuple[int, ...], ...]:
    maps = output if isinstance(output, (list, tuple)) else [output]
    return tuple(tuple(each.shape[1:]) for each in maps if isinstance(each, Tensor))


def _part_names(module: nn.Module, prefix: str = "") -> Iterator[str]:
    for name, child in module.named_children():
        if isinstance(child, (nn.ModuleList, nn.ModuleDict)):
            yield from _part_names(child, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def _sum_within(own: Mapping[str, LayerCost], name: str) -> LayerCost:
    """The module of a name with the costs of all modules inside it."""
    prefix = f"{name}." if name else ""
    inside = [each for key, each in own.items() if key == name or key.startswith(prefix)]
    return replace(
        own[name],
        parameters=sum(each.parameters for each in inside),
        macs=sum(each.macs for each in inside),
    )


def _without_idle(rows: Iterable[LayerCost]) -> tuple[LayerCost, ...]:
    return tuple(each for each in rows if each.parameters or each.macs)
