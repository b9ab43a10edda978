"""Datasets, transforms and loading: from files to batches.

Everything a public door takes or gives is in the pixels of the original image, corner convention;
of the resized one where a data set's own option (``long_side``, ``scale``) resizes its images.
"""

from crowdkit_core.data.augmentation import Augmentation
from crowdkit_core.data.batches import collate
from crowdkit_core.data.checking import DataCheck, Finding, check
from crowdkit_core.data.dots import Dots
from crowdkit_core.data.fingerprints import fingerprint
from crowdkit_core.data.folder import Folder
from crowdkit_core.data.images import image_size, read_image, read_mask
from crowdkit_core.data.jhu import JHU
from crowdkit_core.data.loading import (
    LoadedSamples,
    evaluation_indices,
    measure_lengths,
    training_loader,
)
from crowdkit_core.data.mall import Mall
from crowdkit_core.data.nwpu import NWPU
from crowdkit_core.data.points_files import Columns
from crowdkit_core.data.seeding import EpochSampler, SampleKey, sample_seed
from crowdkit_core.data.shanghaitech import ShanghaiTech
from crowdkit_core.data.ucf_cc_50 import UCFCC50
from crowdkit_core.data.ucf_qnrf import UCFQNRF
from crowdkit_core.data.ucsd import UCSD
from crowdkit_core.data.worldexpo import WorldExpo

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
