"""RAZNet: an image is looked at once, then its crowded parts again, twice as large."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import OptionsError, require_at_least_one
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import (
    Counter,
    Dataset,
    LocalizedPoints,
    MapSpec,
    Prediction,
    Size,
    cell_shares,
    evaluating,
    points_inside,
)
from crowdkit_core.networks import Normalization, vgg16_keys
from crowdkit_core.weights import WeightsFile, strip_prefixes
from crowdkit_raznet.fusion import (
    GRID,
    density_cells,
    dot_map,
    fit_theta,
    fuse_maps,
    point_cells,
)
from crowdkit_raznet.network import (
    STRIDE,
    BackboneConvs,
    CountingStride,
    InspectionNet,
    LocalizationOutput,
    first_inputs,
)
from crowdkit_raznet.ownership import merge_by_ownership
from crowdkit_raznet.peaks import require_window
from crowdkit_raznet.regions import Regions, propose_regions

_PROPOSAL_INPUTS = "main.proposal.layers.0.weight"

ZOOM = 2
"""How much larger a region is looked at."""

Variants = Mapping[str, tuple[Tensor, int]]
"""(1, 1, h, w) persons per cell of each way of counting one image, and the map's stride."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionSearch:
    """Which regions are looked at again; see `propose_regions`.

    Attributes:
        samples: Pixels that anchors are laid round; the paper's m.
        threshold: Least mean attention of a region; the paper's theta_z.
        overlap: Greatest intersection over union of two regions.
        keep: Regions at most; the paper's k_z.
        seed: Of the pixels. They depend on it and the image's size alone.

    Raises:
        OptionsError: A value out of its range.
    """

    samples: int = 200
    threshold: float = 0.01
    overlap: float = 0.5
    keep: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        require_at_least_one({"search.samples": self.samples, "search.keep": self.keep})
        for name in ("threshold", "overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionsError(f"search.{name} is {getattr(self, name)}, expected 0 to 1")

    def __call__(self, attention: Float[Tensor, "H W"]) -> Regions:
        """The regions of an image, highest mean attention first."""
        return propose_regions(
            attention,
            generator=torch.Generator().manual_seed(self.seed),
            samples=self.samples,
            threshold=self.threshold,
            iou=self.overlap,
            keep=self.keep,
        )


@dataclass(frozen=True, slots=True)
class Findings:
    """What looking at one image gave.

    Attributes:
        prediction: Main-Net's, for a batch of this image.
        first: Points of Main-Net.
        points: Points after looking closer.
    """

    prediction: Prediction
    first: LocalizedPoints
    points: LocalizedPoints


class RAZNet(Counter):
    """Counts by density and by localization, looking again at what is crowded.

    Liu, Weng and Mu, "Recurrent Attentive Zooming for Joint Crowd Counting and Precise
    Localization", CVPR 2019. ``forward`` is Main-Net: ``density``, ``localization`` and
    ``attention``. ``predict`` zooms: regions of high attention are enlarged twofold and inspected
    by RAZ-Net, whose own attention chooses regions of them in turn, until none is left or
    ``depth`` is reached; points found closer replace those found before. Where the two ways of
    counting meet, the image is divided into 4 x 4 parts: a part whose mean of both counts reaches
    ``fusion_threshold`` counts by density, any other by the mean.

    `predict` gives the five ways of the paper's Table 2 as ``counts``: ``density``,
    ``localization`` (points of Main-Net), ``localization+`` (points after zooming), ``average``
    and ``fusion``, which is the count. Its density map is that of the fusion, so that it sums to
    the count in any region; ``count_maps`` has one for each way, and ``points`` the points.

    RAZ-Net starts as a copy of Main-Net and asks for no gradients until trained: trainer
    ``staged`` trains branch after branch, then RAZ-Net.

    Args:
        depth: Networks in a row: 1 is Main-Net alone, without a proposal branch; 2 zooms once.
            More repeat RAZ-Net with the same weights. The suffix of the paper's Table 4.
        counting: With the counting branch; without it the count is that of the points.
        counting_stride: Stride of the density map; 4 and 2 are ablations of section 4.3.
        backbone_convs: 10 convolutions of VGG-16 and 3 poolings are the "first 13 layers"; 13
            convolutions have no fourth pooling here, so that the stride stays 8.
        localization_output: ``sigmoid`` of one logit, or ``softmax`` of two behind a ReLU, as in
            the NWPU reproduction.
        threshold: Least averaged probability of a head, see `find_peaks`.
        refine: Place heads between pixels, see `find_peaks`.
        window: Side of the squares of `find_peaks` in Main-Net.
        zoom_window: The same in RAZ-Net. The paper names 3 x 3 alone; what is as far apart in the
            image as 3 pixels in Main-Net is 5 pixels where all is twice as large.
        search: Which regions are looked at again.
        fit_each_part: `calibrate` fits a threshold to each of the 16 parts instead of one to all.
        pretrained: True fetches VGG-16's ImageNet weights; a path reads them from a file; False
            starts at random.
        normalization: Of the input.

    Attributes:
        main: Main-Net.
        zoom: RAZ-Net; None with a depth of 1.
        fusion_threshold: (16,) theta_f in persons, row by row. Infinite, which is the average,
            until `calibrate` fits it; saved with the weights.

    Raises:
        OptionsError: An option out of its range.
    """

    fusion_threshold: Tensor

    size_multiple = STRIDE

    def __init__(
        self,
        *,
        depth: Literal[1, 2, 3, 4] = 2,
        counting: bool = True,
        counting_stride: CountingStride = 8,
        backbone_convs: BackboneConvs = 10,
        localization_output: LocalizationOutput = "sigmoid",
        threshold: float = 0.5,
        refine: bool = False,
        window: int = 3,
        zoom_window: int = 3,
        search: RegionSearch = RegionSearch(),  # frozen
        fit_each_part: bool = False,
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
    ) -> None:
        super().__init__()
        if not 0 <= threshold < 1:
            raise OptionsError(f"threshold is {threshold}, expected 0 or more, below 1")
        require_window(window, "window")
        require_window(zoom_window, "zoom_window")
        self.depth = depth
        self.search = search
        self.fit_each_part = fit_each_part

        def network(*, counting: bool, window: int, pretrained: bool | Path) -> InspectionNet:
            return InspectionNet(
                counting=counting,
                proposals=depth > 1,
                counting_stride=counting_stride,
                backbone_convs=backbone_convs,
                localization_output=localization_output,
                threshold=threshold,
                refine=refine,
                window=window,
                pretrained=pretrained,
                normalization=normalization,
            )

        self.main = network(counting=counting, window=window, pretrained=pretrained)
        self.zoom = None
        if depth > 1:
            self.zoom = network(counting=False, window=zoom_window, pretrained=False)
            self.zoom.adopt(self.main)
            self.zoom.requires_grad_(False)
        self.register_buffer("fusion_threshold", torch.full((GRID**2,), inf))
        self.receptive_field = self.main.receptive_field
        self.restrict(None)

    def restrict(self, names: Collection[str] | None) -> None:
        """From now on compute only these maps, as while a branch trains alone; all with None.

        `predict` then neither zooms nor fuses: it counts as well as these maps can.
        """
        self.main.restrict(names)
        self.zooms = names is None and self.zoom is not None
        self.outputs: Mapping[str, MapSpec] = self.main.outputs
        self.direct_count = self.main.direct_count
        self.finds_points = "localization" in self.outputs

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Main-Net's prediction."""
        prediction: Prediction = self.main(images)
        return prediction

    def predict(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count in all ways, image by image; see the class."""
        if "localization" not in self.outputs:
            return self(images)
        size = (images.shape[-2], images.shape[-1])
        findings = [self._inspect(image[None]) for image in images]
        variants = [self._variants(each, size) for each in findings]
        count_maps = {name: _joined([each[name] for each in variants]) for name in variants[0]}
        counts = {name: each.count for name, each in count_maps.items()}
        maps = {
            name: torch.cat([each.prediction.maps[name] for each in findings])
            for name in findings[0].prediction.maps
        }
        best = next(reversed(counts))
        return Prediction(
            count=counts[best],
            density=count_maps[best].density,
            stride=count_maps[best].stride,
            maps=maps,
            counts=counts,
            count_maps=count_maps,
            points=[each.points for each in findings],
            outputs=self.outputs,
            direct_count=self.direct_count,
        )

    def propose(self, image: Float[Tensor, "1 3 H W"]) -> Regions:
        """The regions of an image that Main-Net wants looked at again."""
        if self.zoom is None:
            raise OptionsError(f"{self.label}: a depth of 1 proposes no regions")
        return self.search(self.main(image.to(self._dtype)).maps["attention"][0, 0])

    def calibrate(self, dataset: Dataset) -> None:
        """Fit the fusion threshold to training images; does nothing without a counting branch.

        The paper estimates it "from all training data"; see `fit_theta` for how it is done here.
        """
        if "density" not in self.outputs or "localization" not in self.outputs:
            return
        rows = []
        with evaluating(self) as device:
            for index in range(len(dataset)):
                sample = dataset[index]
                found = self._inspect(to_batch(sample.image, device).to(self._dtype))
                rows.append(_parts(found, sample.points.as_subclass(Tensor), sample.roi))
        density, localization, actual = (torch.stack(each) for each in zip(*rows, strict=True))
        theta = fit_theta(density, localization, actual, per_cell=self.fit_each_part)
        self.fusion_threshold.copy_(theta.to(self.fusion_threshold))

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    # -- looking -------------------------------------------------------------------------------

    def _inspect(self, image: Float[Tensor, "1 3 H W"]) -> Findings:
        """Main-Net's view of one image and what looking closer changes."""
        prediction = self.main(image)
        (first,) = self.main.heads(prediction.maps["localization"])
        points = self._look_closer(image, prediction, first, self.depth) if self.zooms else first
        return Findings(prediction, first, points)

    def _look_closer(
        self,
        image: Float[Tensor, "1 3 H W"],
        prediction: Prediction,
        points: LocalizedPoints,
        depth: int,
    ) -> LocalizedPoints:
        """The points of an image after inspecting its regions, ``depth`` - 1 times in a row."""
        if depth == 1 or self.zoom is None:
            return points
        regions = self.search(prediction.maps["attention"][0, 0])
        closer = []
        for box in regions.boxes.tolist():
            view = enlarged(image, box)
            seen = self.zoom(view)
            (found,) = self.zoom.heads(seen.maps["localization"])
            found = self._look_closer(view, seen, found, depth - 1)
            offset = found.xy.new_tensor(box[:2])
            closer.append(LocalizedPoints(found.xy / ZOOM + offset, found.score))
        return merge_by_ownership(points, regions, closer)

    # -- counting ------------------------------------------------------------------------------

    def _variants(self, found: Findings, size: Size) -> Variants:
        """Every way of counting one image as a map; the best comes last.

        Points alone are counted pixel by pixel, so that a region has exactly those inside it.
        """
        stride, density = self.main.counting_stride, found.prediction.density
        points = {
            "localization": (_dots(found.first, 1, size), 1),
            "localization+": (_dots(found.points, 1, size), 1),
        }
        if density is None:
            return points
        fused = fuse_maps(
            density[0, 0], found.points.xy, self.fusion_threshold, stride=stride, size=size
        )
        return {
            "density": (density, stride),
            **points,
            "average": ((density + _dots(found.points, stride, size)) / 2, stride),
            "fusion": (fused[None, None], stride),
        }

    # -- published weights ---------------------------------------------------------------------

    def without_unused(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out RAZ-Net, its proposals and the counting branch where they were not built.

        Without a counting branch the proposal branch sees the localization features alone.
        """
        unused = [
            *(("zoom.", "main.proposal.") if self.zoom is None else ()),
            *(("main.counting.",) if self.main.counting is None else ()),
        ]
        kept = {k: v for k, v in state.items() if not k.startswith(tuple(unused))}
        if self.main.counting is None and _PROPOSAL_INPUTS in kept:
            own = self.state_dict()[_PROPOSAL_INPUTS]
            kept[_PROPOSAL_INPUTS] = first_inputs(kept[_PROPOSAL_INPUTS], own)
        return kept

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the layout of the NWPU reproduction, whose network is the localization branch."""
        if not _is_published(state):
            return dict(state)
        bare = strip_prefixes(
            {key: value for key, value in state.items() if not key.startswith("loc.")},
            "CCN.",
            "module.",
        )
        translated = {_PUBLISHED.get(key, key): value for key, value in bare.items()}
        return {"fusion_threshold": torch.full((GRID**2,), inf), **translated}

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """The published network localises alone, by two logits, on images normalised its way."""
        published = {
            "depth": 1,
            "counting": False,
            "localization_output": "softmax",
            "normalization": "nwpu",
        }
        given = published if _is_published(file.state) else {}
        return {**given, **super().options_from_weights(file)}


def enlarged(image: Float[Tensor, "1 3 H W"], box: Sequence[int]) -> Float[Tensor, "1 3 h w"]:
    """A region of an image, `ZOOM` times as large."""
    x0, y0, x1, y1 = box
    region = image[..., y0:y1, x0:x1]
    return F.interpolate(region, scale_factor=ZOOM, mode="bilinear", align_corners=False)


def _dots(points: LocalizedPoints, stride: int, size: Size) -> Float[Tensor, "1 1 h w"]:
    return dot_map(points.xy, stride=stride, size=size)[None, None]


def _joined(maps: Sequence[tuple[Tensor, int]]) -> Prediction:
    """The maps of one way of counting, one per image, as a batch."""
    densities, (stride, *_) = zip(*maps, strict=True)
    return Prediction.from_density(torch.cat(densities), stride)


def _parts(found: Findings, heads: Tensor, roi: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """(16,) people of the density map, found points and heads in each part of an image."""
    density, stride = found.prediction.density, found.prediction.stride
    assert density is not None  # callers have a counting branch
    assert stride is not None
    (height, width) = found.prediction.maps["localization"].shape[-2:]
    size, xy = (height, width), found.points.xy
    if roi is not None:
        region = roi.to(density.device)
        density = density * cell_shares(region[None], stride)
        xy, heads = xy[points_inside(xy, region)], heads[points_inside(heads, roi)]
    return (
        density_cells(density, stride=stride, size=size)[0].cpu(),
        point_cells(xy, size=size).cpu(),
        point_cells(heads, size=size).cpu(),
    )


def _is_published(state: Mapping[str, Tensor]) -> bool:
    return any("de_pred." in key for key in state)


def _published_keys() -> dict[str, str]:
    """Keys of the NWPU reproduction and ours in their place."""
    convolutions = {0: 0, 1: 2, 2: 4, 5: 8, 8: 12, 11: 16}
    deconvolutions = {3: 6, 6: 10, 9: 14}
    layers = {
        **{f"{i}.conv": f"features.{own}" for i, own in convolutions.items()},
        **{str(i): f"features.{own}" for i, own in deconvolutions.items()},
        "12.conv": "output",
    }
    return {
        **vgg16_keys("features4", "main.backbone"),
        **{
            f"de_pred.{layer}.{part}": f"main.localization.{own}.{part}"
            for layer, own in layers.items()
            for part in ("weight", "bias")
        },
    }


_PUBLISHED = _published_keys()
