"""The counter `deepcount`: a regressor of the count, with five density branches."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from crowdkit_core.density import resample_density
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Counter, MapSpec, Prediction, Size
from crowdkit_core.networks import Backbone, Normalization, Normalize
from crowdkit_core.weights import WeightsFile
from crowdkit_deepcount.network import Activation, Branch, Encoder, Padding, make_activation
from crowdkit_deepcount.tf_weights import from_tf, is_tf_checkpoint
from crowdkit_deepcount.tiling import Grid, cut_tiles, join_tiles, tile_grid

Level = Literal[1, 2, 3, 4, 5]
LEVELS: tuple[Level, ...] = (1, 2, 3, 4, 5)

_COARSEST = 128  # pixels per cell of branch 5
_TILES_AT_ONCE = 16


class DeepCount(Counter):
    """Regresses the count of 384 x 512 tiles; density branches at strides 8 to 128 help it learn.

    21,403,201 parameters without branches, 58,109,766 with all five. An image of another size is
    resized to whole tiles; their counts add up, and their maps come back in the image's own
    pixels. Training lets negative outputs through a leaky ReLU; evaluation clamps every tile's
    count and every cell at 0.

    Reference: Chen et al., "Deep Density-aware Count Regressor", arXiv 1908.03314, Table 1; the
    grid of tiles and the activation of the outputs follow the authors' code.

    Args:
        branches: The density branches to build, 1 (stride 8) to 5 (stride 128). Each gives a map
            ``branch1`` to ``branch5`` and a count of that name; without any, the count alone is
            left, which needs no branch.
        density_branch: Whose map is the prediction's density; None for a pure count.
        activation: ``leaky-relu`` with slope 0.2, or ``relu``, the ablation.
        padding: Of the convolutions with stride 2; ``tf`` is for weights from TensorFlow.
        tile: (H, W) in pixels of what the network sees at once, multiples of 128.
        pretrained: True fetches the front end's ImageNet weights; a path reads them from a file;
            False starts at random.
        normalization: Of the RGB image.

    Raises:
        OptionsError: A branch twice, a density branch that is not built, or an impossible tile.
    """

    direct_count = True

    def __init__(
        self,
        *,
        branches: tuple[Level, ...] = LEVELS,
        density_branch: Level | Literal["finest"] | None = "finest",
        activation: Activation = "leaky-relu",
        padding: Padding = "symmetric",
        tile: tuple[int, int] = (384, 512),
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
    ) -> None:
        super().__init__()
        _check(branches, density_branch, tile)
        self.tile = tile
        self.strides = {f"branch{level}": branch_stride(level) for level in sorted(branches)}
        self.density_name = _density_name(branches, density_branch)
        self.outputs = {name: MapSpec("density", stride) for name, stride in self.strides.items()}
        if self.density_name is not None:
            self.outputs["density"] = self.outputs[self.density_name]

        grid = (tile[0] // _COARSEST, tile[1] // _COARSEST)
        self.normalize = Normalize(normalization)
        self.frontend = Backbone("vgg16", reductions=(8,), pretrained=pretrained)
        self.encoder = Encoder(grid, activation=activation, padding=padding)
        self.count_head = nn.Conv2d(self.encoder.embed.out_channels, 1, 1)
        self.branches = nn.ModuleDict(
            {f"branch{level}": Branch(level, grid, activation=activation) for level in branches}
        )
        self.output_activation = make_activation(activation)
        for part in (self.encoder, self.count_head, self.branches):
            _init_xavier(part)

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count; an image that is no single tile is resized to a grid of tiles."""
        size = (images.shape[-2], images.shape[-1])
        grid = tile_grid(size, self.tile)
        parts = torch.split(cut_tiles(self.normalize(images), self.tile, grid), _TILES_AT_ONCE)
        outputs = [self._outputs(part) for part in parts]
        tiles = {name: torch.cat([each[name] for each in outputs]) for name in outputs[0]}
        count = join_tiles(tiles.pop("count"), grid).flatten(1).sum(1)
        maps = {name: self._of_image(maps, name, grid, size) for name, maps in tiles.items()}
        return Prediction(
            count=count,
            density=maps[self.density_name] if self.density_name else None,
            stride=self.strides[self.density_name] if self.density_name else None,
            maps=maps,
            counts={name: density.flatten(1).sum(1) for name, density in maps.items()},
        )

    def _outputs(self, tiles: Tensor) -> dict[str, Tensor]:
        """Count and branch maps of each tile; float32, as half precision cannot add up a crowd."""
        (features,) = self.frontend(tiles)
        skips, embedding = self.encoder(features)
        outputs = {"count": self.count_head(embedding)}
        outputs |= {name: branch(embedding, skips) for name, branch in self.branches.items()}
        return {name: self._activated(output) for name, output in outputs.items()}

    def _activated(self, output: Tensor) -> Tensor:
        if output.dtype in (torch.float16, torch.bfloat16):
            output = output.float()
        activated: Tensor = self.output_activation(output) if self.training else output.relu()
        return activated

    def _of_image(self, maps: Tensor, name: str, grid: Grid, size: Size) -> Tensor:
        return resample_density(join_tiles(maps, grid), size, stride=self.strides[name])

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the variable names and layouts of the authors' TensorFlow checkpoint."""
        return from_tf(state) if is_tf_checkpoint(state) else dict(state)

    def without_unused(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out the branches this network was built without."""
        detached = tuple(
            f"branches.branch{level}." for level in LEVELS if f"branch{level}" not in self.branches
        )
        return {key: value for key, value in state.items() if not key.startswith(detached)}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """Branches and tile by the tensors; the padding by their names."""
        state = cls.translate_keys(file.state)
        options: dict[str, Any] = {
            "branches": tuple(
                level for level in LEVELS if f"branches.branch{level}.head.weight" in state
            )
        }
        if "encoder.embed.weight" in state:
            rows, columns = state["encoder.embed.weight"].shape[-2:]
            options["tile"] = (rows * _COARSEST, columns * _COARSEST)
        if is_tf_checkpoint(file.state):
            options["padding"] = "tf"
        return {**options, **super().options_from_weights(file)}


def branch_stride(level: Level) -> int:
    """Pixels per cell side of a branch's map: 8, 16, 32, 64 or 128."""
    return 4 * 2**level


def _density_name(
    branches: tuple[Level, ...], chosen: Level | Literal["finest"] | None
) -> str | None:
    if chosen is None or not branches:
        return None
    return f"branch{min(branches) if chosen == 'finest' else chosen}"


def _check(
    branches: tuple[Level, ...], density_branch: Level | Literal["finest"] | None, tile: Size
) -> None:
    if len(set(branches)) < len(branches):
        raise OptionsError(f"branches {branches} names a branch twice")
    if density_branch not in (*branches, "finest", None):
        raise OptionsError(
            f"density_branch {density_branch} is not among the branches {branches}",
            hint="'finest' takes what is there",
        )
    if any(side < 1 or side % _COARSEST for side in tile):
        raise OptionsError(f"tile {tile}, expected positive multiples of {_COARSEST} pixels")


def _init_xavier(module: nn.Module) -> None:
    """Glorot and Bengio's uniform weights with biases 0, as section 3.4 says."""
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
