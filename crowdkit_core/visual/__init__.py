"""Pictures: heat maps, comparisons, targets and training curves, drawn without a display."""

from crowdkit_core.visual.canvas import Colormap, save
from crowdkit_core.visual.curves import read_epochs, training_curve
from crowdkit_core.visual.overlay import overlay
from crowdkit_core.visual.panels import Panel, panel_row, side_by_side, target_picture

__all__ = [
    "Colormap",
    "Panel",
    "overlay",
    "panel_row",
    "read_epochs",
    "save",
    "side_by_side",
    "target_picture",
    "training_curve",
]
