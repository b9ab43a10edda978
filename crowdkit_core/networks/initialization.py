"""Initialise the weights of networks."""

from collections.abc import Callable

from torch import Tensor, nn


def init_normal(module: nn.Module, std: float = 0.01) -> None:
    """Draw every convolution in ``module`` from N(0, std), with biases 0.

    What CSRNet and most counters on a pretrained front end start their own layers from.
    """
    _init_convolutions(module, lambda weight: nn.init.normal_(weight, std=std))


def init_kaiming(module: nn.Module) -> None:
    """Draw every convolution in ``module`` so that ReLUs keep the variance, with biases 0.

    For networks trained from scratch. He et al., ICCV 2015, eq. 10.
    """
    _init_convolutions(module, lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"))


def _init_convolutions(module: nn.Module, draw: Callable[[Tensor], Tensor]) -> None:
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            draw(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
