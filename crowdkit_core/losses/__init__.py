"""Losses of the core; papers bring their own."""

from crowdkit_core.losses.pixelwise import L1, MSE, Reduction, absolute_error, squared_error

__all__ = ["L1", "MSE", "Reduction", "absolute_error", "squared_error"]
