"""Points that a counter proposes in every cell of its maps, each with a score.

A map of kind ``offsets`` moves the reference points of its cells, and one of kind ``proposals``
says whether a person is there. What is read from them is the same for every point predictor: what
training matches with people, and what counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces.points import LocalizedPoints
from crowdkit_core.interfaces.prediction import MapSpec, Prediction
from crowdkit_core.interfaces.samples import Size
from crowdkit_core.precision import at_least_float32

LOGITS = 2
"""Channels of a map of kind ``proposals`` for each reference point: nobody and a person."""


@dataclass(frozen=True, slots=True)
class Proposals:
    """Proposed points of a batch, cell by cell in rows, then by reference point.

    The last cells of an image may reach beyond it. A proposal whose reference point lies outside
    the frame is none: it neither counts nor is it matched (`Target.covers` says which are left).

    Attributes:
        references: (N, 2) pixels that the offsets are from, the same in every image.
        xy: (B, N, 2) proposed pixels, which may lie outside the frame.
        logits: (B, N, 2) of nobody and of a person.
    """

    references: Float[Tensor, "N 2"]
    xy: Float[Tensor, "B N 2"]
    logits: Float[Tensor, "B N 2"]

    @property
    def scores(self) -> Float[Tensor, "B N"]:
        """(B, N) probability of a person."""
        return self.logits.softmax(-1)[..., 1]

    def kept(self, size: Size, threshold: float) -> Bool[Tensor, "B N"]:
        """(B, N) which of them count.

        Args:
            size: (H, W) of the images in pixels.
            threshold: Least score, itself excluded.
        """
        frame = self.references.new_tensor([size[1], size[0]])
        return (self.references < frame).all(-1) & (self.scores > threshold)

    def points(self, size: Size, threshold: float) -> list[LocalizedPoints]:
        """Those that count in each image, best first; outside the frame they come onto its border.

        Arguments as of `kept`.
        """
        frame = self.xy.new_tensor([size[1], size[0]])
        found = []
        for xy, scores, kept in zip(self.xy, self.scores, self.kept(size, threshold), strict=True):
            order = scores[kept].argsort(descending=True, stable=True)
            inside = xy[kept][order].clamp_min(0).minimum(frame)
            found.append(LocalizedPoints(inside, scores[kept][order]))
        return found


def proposals_of(maps: Mapping[str, Tensor], outputs: Mapping[str, MapSpec]) -> Proposals:
    """Read the maps of a point predictor; those of several strides one after the other.

    Differentiable, and in float32 at least.

    Args:
        maps: (B, C, h, w) by name, those of kind ``offsets`` and ``proposals`` among them.
        outputs: What they mean.

    Raises:
        IncompatibleError: There is no map of kind ``offsets``, or none that scores it.

    Example:
        >>> spec = MapSpec("offsets", 8, 2, references=((4.0, 4.0),), scored_by="people")
        >>> maps = {"offsets": torch.ones(1, 2, 1, 2), "people": torch.zeros(1, 2, 1, 2)}
        >>> found = proposals_of(maps, {"offsets": spec, "people": MapSpec("proposals", 8, 2)})
        >>> found.xy.tolist(), found.scores.tolist()
        ([[[5.0, 5.0], [13.0, 5.0]]], [[0.5, 0.5]])
    """
    levels = [
        _level(maps, name, spec)
        for name, spec in outputs.items()
        if spec.kind == "offsets" and name in maps
    ]
    if not levels:
        raise IncompatibleError("no map of kind 'offsets' and what it means, so no point proposed")
    references, xy, logits = zip(*levels, strict=True)
    return Proposals(torch.cat(references), torch.cat(xy, dim=1), torch.cat(logits, dim=1))


def predict_points(
    maps: Mapping[str, Tensor],
    outputs: Mapping[str, MapSpec],
    size: Size,
    *,
    threshold: float,
) -> Prediction:
    """The prediction of a point predictor: as many people as proposals that score enough.

    Args:
        maps: (B, C, h, w) by name, as the counter gives them.
        outputs: The counter's.
        size: (H, W) of the images in pixels.
        threshold: Least score, itself excluded.
    """
    proposals = proposals_of(maps, outputs)
    count = proposals.kept(size, threshold).sum(1).to(proposals.xy.dtype)
    # How many points there are depends on pixels: no exported graph and no shapes alone say it.
    unknown = torch.compiler.is_exporting() or count.is_meta
    points = None if unknown else proposals.points(size, threshold)
    return Prediction(count=count, maps=maps, points=points)


def _level(maps: Mapping[str, Tensor], name: str, spec: MapSpec) -> tuple[Tensor, Tensor, Tensor]:
    """References (N, 2), points (B, N, 2) and logits (B, N, 2) of one map of offsets."""
    if spec.scored_by not in maps:
        raise IncompatibleError(f"nothing scores the points of the map {name!r}")
    offsets = _by_point(at_least_float32(maps[name]), 2)
    logits = _by_point(at_least_float32(maps[spec.scored_by]), LOGITS)
    rows, columns = offsets.shape[1:3]
    y, x = (torch.arange(n, device=offsets.device) * spec.stride for n in (rows, columns))
    corners = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    references = corners[:, :, None] + offsets.new_tensor(spec.references)
    return (
        references.flatten(0, 2),
        (references + offsets).flatten(1, 3),
        logits.flatten(1, 3),
    )


def _by_point(values: Tensor, numbers: int) -> Float[Tensor, "B h w K n"]:
    """Channels as so many numbers of each reference point, last."""
    images, channels, rows, columns = values.shape
    by_point = values.reshape(images, channels // numbers, numbers, rows, columns)
    return by_point.permute(0, 3, 4, 1, 2)
