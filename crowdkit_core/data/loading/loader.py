"""Load the batches of a training epoch, and share images among processes in evaluation."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from crowdkit_core.data.loading.batches import collate
from crowdkit_core.data.loading.seeding import EpochSampler, SampleKey, sample_seed
from crowdkit_core.errors import CrowdkitError, ShapeError
from crowdkit_core.interfaces import (
    Batch,
    Dataset,
    DensityGenerator,
    Lengths,
    Loss,
    Sample,
    Transform,
)


class LoadedSamples(TorchDataset[Sample | Sequence[Sample]]):
    """Samples by `SampleKey`, with measured lengths, transformed by their own seed.

    Args:
        dataset: The images.
        transform: Takes a sample and its seed; None leaves samples alone.
        lengths: Per image, lengths measured on it whole; added to the dataset's own.
        seed: The run's.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        transform: Transform | None = None,
        lengths: Sequence[Lengths] | None = None,
        seed: int = 0,
    ) -> None:
        if lengths is not None and len(lengths) != len(dataset):
            raise ShapeError(f"lengths of {len(lengths)} images for {len(dataset)}")
        self.dataset = dataset
        self.transform = transform
        self.lengths = lengths
        self.seed = seed

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: SampleKey) -> Sample | Sequence[Sample]:
        sample = self.dataset[key.index]
        if self.lengths is not None:
            sample = replace(sample, lengths={**sample.lengths, **self.lengths[key.index]})
        if self.transform is None:
            return sample
        return self.transform(sample, sample_seed(self.seed, key.epoch, key.index))


def measure_lengths(dataset: Dataset, *parts: DensityGenerator | Loss) -> list[Lengths]:
    """Per image, the per-point lengths that components take on whole images.

    Reads annotations only.

    Args:
        dataset: The images.
        parts: Whoever measures; of equal names the later one stands.
    """
    annotations = map(dataset.annotation, range(len(dataset)))
    return [
        {name: v for part in parts for name, v in part.measure(each.points, each.size).items()}
        for each in annotations
    ]


def training_loader(
    dataset: Dataset,
    *,
    batch_size: int,
    transform: Transform | None = None,
    lengths: Sequence[Lengths] | None = None,
    seed: int = 0,
    epoch: int = 0,
    rank: int = 0,
    world_size: int = 1,
    workers: int = 0,
) -> DataLoader[Any]:
    """Batches of one epoch for one rank, the same whatever the number of workers.

    The loader serves later epochs too, with the same workers: set ``epoch`` of its
    ``batch_sampler``, an `EpochSampler`, before iterating again.

    Args:
        dataset: The training images.
        batch_size: Images per step over all ranks.
        transform: Takes a sample and a seed of run, epoch and index; where it makes several of
            one, all are in the batch of their image.
        lengths: Per image, see `measure_lengths`.
        seed: The run's.
        epoch: Counted from 0.
        rank: This process.
        world_size: Number of processes.
        workers: Processes that load; 0 loads in this one.

    Returns:
        An iterable of `Batch`. Iterating raises a `DataError` as the dataset raised it, also out
        of a worker.

    Raises:
        UsageError: As `EpochSampler`.
    """
    return _Loader(
        _Caught(LoadedSamples(dataset, transform=transform, lengths=lengths, seed=seed)),
        batch_sampler=EpochSampler(
            len(dataset),
            batch_size=batch_size,
            seed=seed,
            epoch=epoch,
            rank=rank,
            world_size=world_size,
        ),
        collate_fn=_collate_or_error,
        num_workers=workers,
        persistent_workers=workers > 0,
        generator=torch.Generator(),  # the loader must not move the global random state
    )


def evaluation_indices(rank: int, world_size: int, length: int) -> range:
    """Images that one rank evaluates; over all ranks each image once.

    Example:
        >>> [list(evaluation_indices(rank, 2, 5)) for rank in range(2)]
        [[0, 2, 4], [1, 3]]
    """
    return range(rank, length, world_size)


class _Caught(TorchDataset[Sample | Sequence[Sample] | CrowdkitError]):
    """Gives errors back as values: out of a worker torch raises them with a changed message."""

    def __init__(self, samples: LoadedSamples) -> None:
        self.samples = samples

    def __getitem__(self, key: SampleKey) -> Sample | Sequence[Sample] | CrowdkitError:
        try:
            return self.samples[key]
        except CrowdkitError as error:
            return error


def _collate_or_error(
    items: Sequence[Sample | Sequence[Sample] | CrowdkitError],
) -> Batch | CrowdkitError:
    samples: list[Sample] = []
    for item in items:
        if isinstance(item, CrowdkitError):
            return item
        samples += [item] if isinstance(item, Sample) else item
    return collate(samples)


class _Loader(DataLoader[Any]):
    """Raises the errors that workers gave back."""

    def __iter__(self) -> Iterator[Batch]:  # type: ignore[override]  # torch names its own class
        for batch in super().__iter__():
            if isinstance(batch, CrowdkitError):
                raise batch
            yield batch
