"""Keep random states as they are."""

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def same_randomness() -> Iterator[None]:
    """Whatever is drawn inside, Python, NumPy and torch go on after it as if nothing had been."""
    of_python, of_numpy = random.getstate(), np.random.get_state()
    on_gpu = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]  # torch: untyped
    try:
        with torch.random.fork_rng([torch.cuda.current_device()] if on_gpu else []):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)
