"""Initial weights."""

from torch import nn


def init_normal(module: nn.Module, std: float = 0.01) -> None:
    """Draw every convolution in ``module`` from N(0, std), with biases 0.

    What CSRNet and most counters on a pretrained front end start their own layers from.
    """
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, std=std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
