"""Where a counter looked, as pictures can show it."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.interfaces import Prediction


def attention_maps(prediction: Prediction) -> Mapping[str, Float[Tensor, "h w"]]:
    """The maps of one predicted image that weigh places, by their names.

    Those of kind ``attention`` as they are; those of kind ``classes`` as the expected class, from 0
    for the first to 1 for the last.

    Args:
        prediction: Of a batch of one.

    Returns:
        (h, w) in [0, 1], each over the whole image at its own stride, on the CPU.

    Example:
        >>> from crowdkit_core.interfaces import MapSpec
        >>> logits = torch.tensor([0.0, 0.0, 0.0]).view(1, 3, 1, 1)
        >>> outputs = {"level": MapSpec("classes", 8, 3)}
        >>> prediction = Prediction(count=torch.ones(1), maps={"level": logits}, outputs=outputs)
        >>> attention_maps(prediction)["level"].item()
        0.5
    """
    kinds = {name: spec.kind for name, spec in prediction.outputs.items()}
    found = {}
    for name, values in prediction.maps.items():
        if kinds.get(name) == "attention":
            found[name] = values[0, 0].float().cpu()
        elif kinds.get(name) == "classes":
            found[name] = _expected_class(values[0].float()).cpu()
    return found


def _expected_class(logits: Float[Tensor, "K h w"]) -> Float[Tensor, "h w"]:
    levels = torch.linspace(0, 1, len(logits), device=logits.device)
    return (logits.softmax(0) * levels.view(-1, 1, 1)).sum(0)
