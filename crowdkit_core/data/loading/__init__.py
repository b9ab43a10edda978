"""Samples on their way to batches: order, seeds, workers and padding."""

from crowdkit_core.data.loading.batches import collate
from crowdkit_core.data.loading.in_memory import InMemory, as_cached
from crowdkit_core.data.loading.loader import (
    LoadedSamples,
    evaluation_indices,
    measure_lengths,
    training_loader,
)
from crowdkit_core.data.loading.seeding import EpochSampler, SampleKey, sample_seed

__all__ = [
    "EpochSampler",
    "InMemory",
    "LoadedSamples",
    "SampleKey",
    "as_cached",
    "collate",
    "evaluation_indices",
    "measure_lengths",
    "sample_seed",
    "training_loader",
]
