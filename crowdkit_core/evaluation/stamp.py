"""Facts about the weights that a reader of an evaluation needs."""

from pathlib import Path

from crowdkit_core.evaluation.report import Fact
from crowdkit_core.weights import read_weights


def weights_stamp(file: Path, split: str) -> dict[str, Fact]:
    """The file, its epoch, and a warning where the evaluated images had a part in choosing it.

    Args:
        file: A weights file; runs call the one chosen by validation ``best.safetensors``.
        split: The images it is evaluated on.

    Raises:
        WeightsError: The file cannot be read.
    """
    facts = read_weights(file).facts
    stamp: dict[str, Fact] = {"weights": str(file)}
    stamp |= {name: facts[name] for name in ("epoch", "validated_on", "judged_by") if name in facts}
    if facts.get("validated_on") == split and file.name == "best.safetensors":
        stamp["warning"] = f"these weights were chosen on the {split} images"
    elif facts.get("validated_on") == "test":
        stamp["warning"] = "training looked at the test images"
    return stamp
