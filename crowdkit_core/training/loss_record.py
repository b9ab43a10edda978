"""Record the losses of an epoch on the device, and read them seldom."""

import math
from collections.abc import Mapping
from time import monotonic

import torch
from torch import Tensor

from crowdkit_core.errors import DivergedError

RECORDED = frozenset(
    {"stage", "epoch", "loss", "losses", "learning_rates", "mae", "rmse", "seconds"}
)
"""What the record of an epoch holds besides loss terms."""


def distinct_names(terms: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Terms by names that nothing else of a record has: ``mae_term`` for a term ``mae``.

    Example:
        >>> list(distinct_names({"map": torch.zeros(()), "mae": torch.zeros(())}))
        ['map', 'mae_term']
    """
    names: dict[str, Tensor] = {}
    for name, term in terms.items():
        distinct = name
        while distinct in RECORDED or (distinct != name and distinct in terms):
            distinct += "_term"
        names[distinct] = term
    return names


class LossRecord:
    """Adds up the loss terms of an epoch and checks that they stay finite.

    Reading a number from a device waits for it, so values are collected there and read together,
    every ``interval`` seconds at most.

    Args:
        epoch: Named in errors, counted from 0.
        interval: Seconds between two readings.
    """

    def __init__(self, epoch: int, *, interval: float = 0.5) -> None:
        self._epoch = epoch
        self._interval = interval
        self._pending: list[tuple[tuple[str, ...], dict[str, Tensor]]] = []
        self._read_at = monotonic()
        self._sums: dict[str, float] = {}
        self._batches = 0

    def add(self, names: tuple[str, ...], terms: Mapping[str, Tensor]) -> dict[str, float] | None:
        """Add the terms of one batch.

        Args:
            names: The batch's images.
            terms: Detached scalars, all on one device.

        Returns:
            The latest batch's terms when they were read, None in between.

        Raises:
            DivergedError: A term is NaN or infinite.
        """
        self._pending.append((names, dict(terms)))
        if monotonic() - self._read_at < self._interval:
            return None
        return self.read()

    def read(self) -> dict[str, float]:
        """Read all values added so far; returns the latest batch's terms.

        Raises:
            DivergedError: A term is NaN or infinite.
        """
        pending, self._pending = self._pending, []
        flat = [value.float() for _, terms in pending for value in terms.values()]
        values = iter(torch.stack(flat).tolist() if flat else [])
        latest: dict[str, float] = {}
        for names, terms in pending:
            latest = {term: next(values) for term in terms}
            self._require_finite(names, latest)
            for term, value in latest.items():
                self._sums[term] = self._sums.get(term, 0.0) + value
            self._batches += 1
        self._read_at = monotonic()
        return latest

    def means(self) -> dict[str, float]:
        """Mean of each term over the batches read."""
        return {term: value / self._batches for term, value in self._sums.items()}

    def _require_finite(self, names: tuple[str, ...], terms: Mapping[str, float]) -> None:
        if all(math.isfinite(value) for value in terms.values()):
            return
        shown = ", ".join(f"{term}={value:g}" for term, value in terms.items())
        raise DivergedError(
            f"loss is not finite in epoch {self._epoch + 1}: {shown}; images: "
            f"{', '.join(dict.fromkeys(names))}",
            hint="weights saved before are untouched; try a lower learning rate or clip_norm",
        )
