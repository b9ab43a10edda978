"""The loss `mse-mae`: squared and absolute error together."""

from typing import Literal

from crowdkit_core.interfaces import Loss, LossTerms, Prediction, Target
from crowdkit_core.losses import L1, MSE

Form = Literal["cff", "marunet"]

_FORMS: dict[Form, tuple[float, float, float]] = {
    "cff": (0.5, 10.0, 100.0),
    "marunet": (1.0, 2.0, 50.0),
}
"""Weight of the squared error, weight of the absolute error, scale of the maps."""


class MSEPlusMAE(Loss):
    """Mean squared plus mean absolute error over the cells of an image.

    The density loss of the code of Shi, Mettes and Snoek, Counting with Focus for Free
    (ICCV 2019): 0.5 mean(e^2) + 10 mean|e|, e the error of maps times 100.

    Args:
        form: ``cff`` as above; ``marunet``: mean(e^2) + 2 mean|e| of maps times 50, the form
            MARUNet's code compares with other losses.
        scale: Errors are taken of persons per cell times this, which decides how the two terms
            weigh against each other; None for the form's own.

    Raises:
        OptionsError: ``scale`` is not positive.
    """

    def __init__(self, *, form: Form = "cff", scale: float | None = None) -> None:
        super().__init__()
        self.squared_weight, self.absolute_weight, own_scale = _FORMS[form]
        chosen = own_scale if scale is None else scale
        self.squared = MSE(reduction="mean", scale=chosen)
        self.absolute = L1(reduction="mean", scale=chosen)

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """The loss as two weighted terms, ``mse`` and ``mae``."""
        return LossTerms.of(
            mse=self.squared_weight * self.squared(prediction, target).total,
            mae=self.absolute_weight * self.absolute(prediction, target).total,
        )
