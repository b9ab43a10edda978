"""Data sets of image files: a user's folder, dot images, and the published ones as downloaded."""

from crowdkit_core.data.datasets.base import Entry, ImageFiles
from crowdkit_core.data.datasets.checking import DataCheck, Finding, check
from crowdkit_core.data.datasets.dots import Dots
from crowdkit_core.data.datasets.exporting import Export, export
from crowdkit_core.data.datasets.fingerprints import fingerprint
from crowdkit_core.data.datasets.folder import Folder
from crowdkit_core.data.datasets.jhu import JHU
from crowdkit_core.data.datasets.mall import Mall
from crowdkit_core.data.datasets.nwpu import NWPU
from crowdkit_core.data.datasets.shanghaitech import ShanghaiTech
from crowdkit_core.data.datasets.ucf_cc_50 import UCFCC50
from crowdkit_core.data.datasets.ucf_qnrf import UCFQNRF
from crowdkit_core.data.datasets.ucsd import UCSD
from crowdkit_core.data.datasets.worldexpo import WorldExpo

__all__ = [
    "JHU",
    "NWPU",
    "UCFCC50",
    "UCFQNRF",
    "UCSD",
    "DataCheck",
    "Dots",
    "Entry",
    "Export",
    "Finding",
    "Folder",
    "ImageFiles",
    "Mall",
    "ShanghaiTech",
    "WorldExpo",
    "check",
    "export",
    "fingerprint",
]
