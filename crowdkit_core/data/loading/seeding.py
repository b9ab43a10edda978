"""Choose the samples of an epoch, their order and their seeds, whatever the workers and ranks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Sampler

from crowdkit_core.errors import UsageError


@dataclass(frozen=True, slots=True)
class SampleKey:
    """Which image a sample of a training run comes from, and in which epoch.

    Attributes:
        epoch: Counted from 0.
        index: Of the image in the dataset.
    """

    epoch: int
    index: int


def sample_seed(run_seed: int, epoch: int, index: int) -> int:
    """Seed of everything random about one sample, from run, epoch and image index alone.

    The three are mixed by `numpy.random.SeedSequence`, whose results are stable across platforms
    and NumPy versions, so neighbouring seeds, epochs and images are unrelated.

    Args:
        run_seed: At least 0.
        epoch: At least 0.
        index: At least 0.

    Returns:
        A number in [0, 2**63).
    """
    mixed = np.random.SeedSequence(run_seed, spawn_key=(epoch, index))
    return int(mixed.generate_state(1, np.uint64)[0] >> 1)


class EpochSampler(Sampler[list[SampleKey]]):
    """Batches of one epoch: a permutation cut into global batches, of which each rank has a share.

    The permutation depends on seed and epoch only; of global batch b, rank r has the r-th of
    ``world_size`` equal consecutive parts. The incomplete last batch is left out, and different
    images are each epoch.

    Args:
        length: Number of images.
        batch_size: Images per step over all ranks.
        seed: The run's.
        epoch: Counted from 0; may be changed between iterations.
        rank: This process.
        world_size: Number of processes.

    Raises:
        UsageError: The batch cannot be shared evenly, or there are fewer images than it needs.
    """

    def __init__(
        self,
        length: int,
        *,
        batch_size: int,
        seed: int,
        epoch: int,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1 or batch_size % world_size:
            raise UsageError(
                f"batch_size {batch_size} over {world_size} processes, expected a multiple of it"
            )
        if length < batch_size:
            raise UsageError(
                f"batch_size {batch_size} is more than the {length} training images",
                hint="lower `batch_size`",
            )
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = epoch
        self.rank = rank
        self.world_size = world_size

    def __len__(self) -> int:
        return self.length // self.batch_size

    def __iter__(self) -> Iterator[list[SampleKey]]:
        # One index more than any image has: the order's seed is no sample's.
        generator = torch.Generator().manual_seed(sample_seed(self.seed, self.epoch, self.length))
        order = torch.randperm(self.length, generator=generator).tolist()
        share = self.batch_size // self.world_size
        for step in range(len(self)):
            start = step * self.batch_size + self.rank * share
            yield [SampleKey(self.epoch, index) for index in order[start : start + share]]
