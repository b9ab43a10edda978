"""Building blocks that counters share."""

from crowdkit_core.networks.backbone import Backbone, vgg16_keys
from crowdkit_core.networks.initialization import init_kaiming, init_normal
from crowdkit_core.networks.normalization import STATISTICS, Normalization, Normalize
from crowdkit_core.networks.padding import crop_map, pad_to_multiple
from crowdkit_core.networks.receptive_field import measure_receptive_field
from crowdkit_core.networks.stacks import conv_relu_stack

__all__ = [
    "STATISTICS",
    "Backbone",
    "Normalization",
    "Normalize",
    "conv_relu_stack",
    "crop_map",
    "init_kaiming",
    "init_normal",
    "measure_receptive_field",
    "pad_to_multiple",
    "vgg16_keys",
]
