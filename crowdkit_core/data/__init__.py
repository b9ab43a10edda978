"""Datasets, transforms and loading: from files to batches.

Everything a public door takes or gives is in the pixels of the original image, corner convention;
of the resized one where a data set's own option (``long_side``, ``scale``) resizes its images.
"""

from crowdkit_core.data.annotations import Columns
from crowdkit_core.data.datasets.base import Entry, ImageFiles
from crowdkit_core.data.datasets.checking import DataCheck, Finding, check
from crowdkit_core.data.datasets.dots import Dots
from crowdkit_core.data.datasets.fingerprints import fingerprint
from crowdkit_core.data.datasets.folder import Folder
from crowdkit_core.data.datasets.jhu import JHU
from crowdkit_core.data.datasets.joined import Joined
from crowdkit_core.data.datasets.mall import Mall
from crowdkit_core.data.datasets.nwpu import NWPU
from crowdkit_core.data.datasets.shanghaitech import ShanghaiTech
from crowdkit_core.data.datasets.ucf_cc_50 import UCFCC50
from crowdkit_core.data.datasets.ucf_qnrf import UCFQNRF
from crowdkit_core.data.datasets.ucsd import UCSD
from crowdkit_core.data.datasets.worldexpo import WorldExpo
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
    "Entry",
    "EpochSampler",
    "Finding",
    "Folder",
    "ImageFiles",
    "Joined",
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
