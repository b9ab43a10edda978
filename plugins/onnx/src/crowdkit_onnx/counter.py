"""The counter `onnx`: a finished network in an ONNX file."""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from crowdkit_core.errors import WeightsError
from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_onnx.weights import metadata_of, started


class ONNX(Counter):
    """Counts with a file that `crowdkit export` wrote, by onnxruntime on the CPU.

    It has nothing to train: no gradient flows through it. Images on another device are brought to
    the CPU, and what is found in them back.

    Args:
        file: The ONNX file.

    Raises:
        WeightsError: onnxruntime cannot run it, or it was not written by `crowdkit export`.
    """

    trainable = False

    def __init__(self, *, file: Path) -> None:
        super().__init__()
        self._file = file
        try:
            self._graph = file.read_bytes()
        except OSError as error:
            raise WeightsError(f"{file}: cannot be opened: {error.strerror}") from error
        self._session = started(self._graph, file)
        network = metadata_of(self._session, file).network
        self.outputs = (
            {} if network.stride is None else {"density": MapSpec("density", network.stride)}
        )
        self.size_multiple = network.size_multiple
        self.receptive_field = network.receptive_field
        self.min_size = network.min_size
        self.direct_count = network.direct_count

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count, and the map where the file has one."""
        shown = images.detach().to("cpu", torch.float32).contiguous().numpy()
        found = self._session.run(None, {"images": shown})
        count, *density = (torch.from_numpy(each).to(images.device) for each in found)
        if not density:
            return Prediction(count=count)
        return Prediction(count=count, density=density[0], stride=self.stride)

    def __getstate__(self) -> dict[str, Any]:
        """Without the session, which cannot be copied."""
        return {name: value for name, value in vars(self).items() if name != "_session"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """The session is started anew."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._session = started(self._graph, self._file)
