"""The ways in which a machine can do the arithmetic of a counter."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch

from crowdkit_core.interfaces import Counter


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a counter is computed.

    Attributes:
        channels_last: Keep the channels of a pixel together in memory; counts stay the same but
            for rounding.
        bf16: Let torch's autocast compute in bfloat16 what it holds to be safe there, convolutions
            above all. Counts change by some thousandths.
    """

    channels_last: bool = False
    bf16: bool = False

    def __str__(self) -> str:
        """Its name: ``float32``, ``bf16, channels_last``, ..."""
        return ("bf16" if self.bf16 else "float32") + ", channels_last" * self.channels_last

    @contextmanager
    def taken(self, counter: Counter, device: torch.device) -> Iterator[None]:
        """Compute this way within the block.

        The counter's tensors keep their values, and afterwards the order in memory that they got.

        Args:
            counter: On ``device``.
            device: Where it computes.
        """
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        counter.to(memory_format=layout)
        with torch.autocast(device.type, dtype=torch.bfloat16) if self.bf16 else nullcontext():
            yield


PLAIN = Way()
"""float32 in torch's own order: what a counter computes where nothing else is asked for."""

FLOAT32_WAYS = (PLAIN, Way(channels_last=True))
"""Ways that give the same counts but for rounding."""

BF16 = Way(channels_last=True, bf16=True)
"""bfloat16 in the order in memory that its convolutions are quick in."""
