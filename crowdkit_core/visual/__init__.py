"""Pictures: heat maps, comparisons, targets and training curves, drawn without a display."""

from crowdkit_core.visual.attention import attention_panels
from crowdkit_core.visual.canvas import Colormap, save
from crowdkit_core.visual.comparison import ShownMap, compare_maps
from crowdkit_core.visual.curves import read_epochs, training_curve
from crowdkit_core.visual.outlines import ShownZone
from crowdkit_core.visual.overlay import overlay
from crowdkit_core.visual.panels import Panel, panel_row, panel_rows, side_by_side
from crowdkit_core.visual.parts import counts_of_parts

__all__ = [
    "Colormap",
    "Panel",
    "ShownMap",
    "ShownZone",
    "attention_panels",
    "compare_maps",
    "counts_of_parts",
    "overlay",
    "panel_row",
    "panel_rows",
    "read_epochs",
    "save",
    "side_by_side",
    "training_curve",
]
