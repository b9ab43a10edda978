"""The counter contract: images in, a `Prediction` out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces.dataset import Dataset
from crowdkit_core.interfaces.origin import Component
from crowdkit_core.interfaces.prediction import MapSpec, Prediction
from crowdkit_core.interfaces.samples import Size
from crowdkit_core.interfaces.weighted import Weighted

Look = Callable[["Counter", Tensor], dict[str, Tensor]]
"""Shows an image, (3, H, W) uint8 or float in [0, 1], to a network and gives every map that it
declares, (1, C, h, w) for the whole image, ``density`` included; at once or piece by piece."""


class Counter(Weighted, Component, ABC):
    """A network that counts.

    ``forward`` takes RGB in [0, 1] of any size and does its own normalisation and padding; a map
    of stride s has ceil(H / s) x ceil(W / s) cells and is in persons per cell.

    Attributes:
        outputs: Every map a training-mode prediction carries, by name; ``density`` is the main
            one, the others are found in ``Prediction.maps``. Empty for a pure count.
        size_multiple: Tiles whose corners are multiples of this see the pixels of the whole image
            at the same phase (the product of all poolings).
        receptive_field: How many pixels beyond a cell its value can depend on; the halo that
            makes tiled and whole counts agree. None when it is the whole image.
        min_size: Least (H, W) the network accepts.
        direct_count: The count is regressed and need not be the sum of the density map.
        finds_points: ``predict`` finds people by itself (``Prediction.points``), so that no
            localizer is needed. Without a density map and a direct count they are the count.
        trainable: Whether there is anything to train; not in a counter that runs a finished network
            of another library, through which no gradient flows.
    """

    kind: ClassVar[str] = "counter"

    outputs: Mapping[str, MapSpec]
    size_multiple: int = 1
    receptive_field: int | None = None
    min_size: tuple[int, int] = (1, 1)
    direct_count: bool = False
    finds_points: bool = False
    trainable: ClassVar[bool] = True

    @abstractmethod
    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count.

        Args:
            images: (B, 3, H, W) RGB in [0, 1].
        """

    def __call__(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """``forward``, with what its maps mean written on the prediction."""
        prediction: Prediction = super().__call__(images)
        return replace(prediction, outputs=self.outputs, direct_count=self.direct_count)

    def predict(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """What evaluation and `crowdkit count` call; ``forward`` by default.

        A counter with an inference procedure of its own (fixed-size tiles, zooming) overrides
        this; density and points come back in the pixels of ``images`` all the same. Tiles that
        are asked for then need `predict_in_tiles`.
        """
        return self(images)

    def predict_in_tiles(
        self, image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"], look: Look
    ) -> Prediction:
        """``predict`` for one image, with ``look(network, image)`` for each pass of a network.

        For counters that override ``predict``: tiles must not take its place, so that one without
        this is refused where tiles are asked for. It belongs to the ``predict`` of the same class.

        Args:
            image: (3, H, W) RGB, uint8 or float in [0, 1].
            look: Gives a network's maps of an image, put together from tiles.

        Raises:
            NotImplementedError: The counter has no ``predict`` of its own, or none in tiles.
        """
        raise NotImplementedError

    def read_maps(self, maps: Mapping[str, Tensor], size: Size) -> Prediction:
        """The prediction that whole maps are read as; by default the density map, added up.

        Maps that were put together from tiles are read by this. A counter whose count follows
        from other maps, such as one of proposals, overrides it.

        Args:
            maps: Every map of ``outputs`` by name, each (B, C, h, w).
            size: (H, W) of the images in pixels.

        Raises:
            IncompatibleError: There is no density map, and nothing says what else is counted.
        """
        if self.stride is None:
            raise IncompatibleError(
                f"{self.label} has no density map and does not say what its maps count",
                hint="count the whole image; who wrote the counter has to override read_maps",
            )
        others = {name: each for name, each in maps.items() if name != "density"}
        return Prediction.from_density(maps["density"], self.stride, maps=others)

    def fit(self, dataset: Dataset) -> None:
        """Learn statistics of a training set (annotations only); nothing by default."""

    @property
    def learns_by_counts(self) -> bool:
        """Whether a count has a slope: one that is regressed or of a density map, not of points."""
        kinds = [spec.kind for spec in self.outputs.values()]
        return self.direct_count or "density" in kinds

    @property
    def counts_by_maps(self) -> bool:
        """Whether its count follows from its maps: by density, or by proposals of points."""
        by_points = self.finds_points and any(
            spec.kind == "offsets" for spec in self.outputs.values()
        )
        return not self.direct_count and ("density" in self.outputs or by_points)

    @property
    def stride(self) -> int | None:
        """Stride of the density map, or None for a pure count."""
        density = self.outputs.get("density")
        return density.stride if density else None


@runtime_checkable
class Calibrated(Protocol):
    """A counter that fits something to training images, for the options it has then.

    Evaluation, which knows the training images of a run, fits it again where those have changed.
    """

    @property
    def needs_calibration(self) -> bool:
        """Whether what was fitted does not hold with the options it has now."""

    def calibrate(self, dataset: Dataset) -> None:
        """Fit it to training images."""


@contextmanager
def evaluating(
    counter: Counter, device: torch.device | str | None = None
) -> Iterator[torch.device]:
    """Evaluation mode without gradients; every submodule's own mode comes back afterwards.

    Args:
        counter: Any counter.
        device: Moves the counter there, to stay; None leaves it where it is.

    Yields:
        The counter's device.
    """
    if device is not None:
        counter.to(device)
    tensors = chain(counter.parameters(), counter.buffers())
    modes = {module: module.training for module in counter.modules()}
    counter.eval()
    try:
        with torch.no_grad():
            yield next((tensor.device for tensor in tensors), torch.device(device or "cpu"))
    finally:
        for module, training in modes.items():
            module.training = training
