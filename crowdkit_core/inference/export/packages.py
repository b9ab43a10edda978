"""The packages that an export needs, imported where they are used, and without their chatter."""

import io
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any

from crowdkit_core.extras import extra_package

PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def package(name: str) -> Any:
    """A module of one of them.

    Raises:
        MissingPackageError: It is not installed.
    """
    return extra_package(name, extra="export", needed_by="exporting needs")


@contextmanager
def quiet() -> Iterator[None]:
    """Without what they tell of their own steps, and the whole graph where they fail."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    told = io.StringIO()
    try:
        with warnings.catch_warnings(), redirect_stdout(told), redirect_stderr(told):
            warnings.filterwarnings("ignore", module=r"torch\.|onnx|copyreg")
            yield
    finally:
        logging.disable(before)


def cause(error: BaseException) -> str:
    """The first line of what went wrong first."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
