"""Datasets, transforms and loading: from files to batches.

Everything a public door takes or gives is in the pixels of the original image, corner convention;
of the resized one where a data set's own option (``long_side``, ``scale``) resizes its images.
"""

from crowdkit_core.data.annotations import Columns
from crowdkit_core.data.datasets import (
    JHU,
    NWPU,
    UCFCC50,
    UCFQNRF,
    UCSD,
    DataCheck,
    Dots,
    Finding,
    Folder,
    Mall,
    ShanghaiTech,
    WorldExpo,
    check,
    fingerprint,
)
from crowdkit_core.data.files import image_size, read_image, read_mask
from crowdkit_core.data.loading import (
    EpochSampler,
    LoadedSamples,
    SampleKey,
    collate,
    evaluation_indices,
    measure_lengths,
    sample_seed,
    training_loader,
)
from crowdkit_core.data.transforms import Augmentation

__all__ = [
    "JHU",
    "NWPU",
    "UCFCC50",
    "UCFQNRF",
    "UCSD",
    "Augmentation",
    "Columns",
    "DataCheck",
    "Dots",
    "EpochSampler",
    "Finding",
    "Folder",
    "LoadedSamples",
    "Mall",
    "SampleKey",
    "ShanghaiTech",
    "WorldExpo",
    "check",
    "collate",
    "evaluation_indices",
    "fingerprint",
    "image_size",
    "measure_lengths",
    "read_image",
    "read_mask",
    "sample_seed",
    "training_loader",
]
