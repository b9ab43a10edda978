"""Train on from weights with a few corrected images, and offer the result by name.

Example:
    tuned = finetune("people", "corrections", name="people-mine")
"""

from crowdkit_core.finetuning.names import require_free, suggested_name
from crowdkit_core.finetuning.result import Finetuned, HeldOutCount
from crowdkit_core.finetuning.running import finetune

__all__ = ["Finetuned", "HeldOutCount", "finetune", "require_free", "suggested_name"]
