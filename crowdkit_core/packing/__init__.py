"""Pack the weights of a run for others: a card that says what they are, and a smaller file.

Example:
    written = pack_run("runs/mine", Offered(name="birds", default_for=("birds",)), "cards")
"""

from crowdkit_core.packing.offered import Offered
from crowdkit_core.packing.run import PackedRun, card_of_run, pack_run

__all__ = ["Offered", "PackedRun", "card_of_run", "pack_run"]
