"""The counter `raznet`: Main-Net, zooming by RAZ-Net, and the ways of counting.

In the order of the paper: `network` (Main-Net and RAZ-Net), `regions` (where to zoom), `zooming`,
`ownership` (which points count), `counting`, `fusion` and `fitted` (Table 2); `looking` shows large
images in tiles. Training: `targets`, `loss`, `zoomed_regions` (what RAZ-Net learns from),
`branch_stage`, `staged`.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from crowdkit_core.errors import OptionsError
from crowdkit_core.inference.images import to_batch
from crowdkit_core.interfaces import Counter, Dataset, Look, MapSpec, Prediction, evaluating
from crowdkit_core.networks import Normalization
from crowdkit_core.weights import WeightsFile
from crowdkit_raznet import fitted, published
from crowdkit_raznet.counting import (
    WAYS,
    WAYS_OF_POINTS,
    Findings,
    Way,
    counted_in_all_ways,
    counts_of_parts,
)
from crowdkit_raznet.fusion import GRID, fit_theta
from crowdkit_raznet.looking import look
from crowdkit_raznet.network import (
    STRIDE,
    BackboneConvs,
    CountingStride,
    InspectionNet,
    LocalizationOutput,
    first_inputs,
)
from crowdkit_raznet.peaks import require_window
from crowdkit_raznet.published import is_published, translated
from crowdkit_raznet.regions import Regions, RegionSearch
from crowdkit_raznet.zooming import zoomed_points

_PROPOSAL_INPUTS = "main.proposal.layers.0.weight"


class RAZNet(Counter):
    """Counts by density and by localization, zooming into what is crowded.

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
        search: Which regions are zoomed into.
        count_by: The way that is the count; the fusion when None, without a counting branch the
            points after zooming. All ways are among ``counts``.
        fit_each_part: `calibrate` fits a threshold to each of the 16 parts instead of one to all.
        pretrained: True fetches VGG-16's ImageNet weights; a path reads them from a file; False
            starts at random.
        normalization: Of the input.

    Attributes:
        main: Main-Net.
        zoom: RAZ-Net; None with a depth of 1.
        fusion_threshold: (16,) theta_f in persons, row by row. Infinite, which is the average,
            until `calibrate` fits it; saved with the weights.
        fitted_with: Options that it was fitted with, as `fitted.encoded` has them. With others
            `predict` refuses to fuse until `calibrate` fits it again.

    Raises:
        OptionsError: An option out of its range.
    """

    fusion_threshold: Tensor
    fitted_with: Tensor

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
        count_by: Way | None = None,
        fit_each_part: bool = False,
        pretrained: bool | Path = False,
        normalization: Normalization = "imagenet",
    ) -> None:
        super().__init__()
        if not 0 <= threshold < 1:
            raise OptionsError(f"threshold is {threshold}, expected 0 or more, below 1")
        require_window(window, "window")
        require_window(zoom_window, "zoom_window")
        self.ways = WAYS if counting else WAYS_OF_POINTS
        if count_by is not None and count_by not in self.ways:
            raise OptionsError(f"count_by is {count_by!r}, which needs a counting branch")
        self.depth = depth
        self.search = search
        self.count_by = count_by
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
        self.register_buffer("fitted_with", fitted.NEVER.clone())
        self._fitting_options = fitted.encoded(
            search,
            depth=depth,
            threshold=threshold,
            refine=refine,
            window=window,
            zoom_window=zoom_window,
            fit_each_part=fit_each_part,
        )
        self.receptive_field = self.main.receptive_field
        self.restrict(None)

    def restrict(self, names: Collection[str] | None) -> None:
        """From now on compute only these maps, as while a branch trains alone; all with None.

        `predict` then does not zoom, nor fuse where it would have to refuse: it counts as well as
        these maps can.
        """
        self.restricted = names is not None
        self.main.restrict(names)
        self.zooms = self.zoom is not None and not self.restricted
        self.outputs: Mapping[str, MapSpec] = self.main.outputs
        self.direct_count = self.main.direct_count
        self.finds_points = "localization" in self.outputs

    def forward(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Main-Net's prediction."""
        prediction: Prediction = self.main(images)
        return prediction

    def predict(self, images: Float[Tensor, "B 3 H W"]) -> Prediction:
        """Count in all ways, image by image, large ones in tiles; see the class."""
        return self._predict(images, look)

    def predict_in_tiles(
        self, image: UInt8[Tensor, "3 H W"] | Float[Tensor, "3 H W"], look: Look
    ) -> Prediction:
        """The same of one image, with ``look`` for each pass of Main-Net and RAZ-Net."""
        return self._predict(to_batch(image, self.fusion_threshold.device), look)

    def _predict(self, images: Float[Tensor, "B 3 H W"], look: Look) -> Prediction:
        size = (images.shape[-2], images.shape[-1])
        if "localization" not in self.outputs:
            return self._of_density(images, look)
        threshold = self._valid_threshold()
        findings = [self._inspect(image, look) for image in images]
        counted = counted_in_all_ways(findings, threshold, size, count_by=self.count_by)
        return replace(counted, outputs=self.outputs, direct_count=self.direct_count)

    def propose(self, image: Float[Tensor, "1 3 H W"]) -> Regions:
        """The regions of an image that Main-Net proposes to zoom into."""
        if self.zoom is None:
            raise OptionsError(f"{self.label}: a depth of 1 proposes no regions")
        return self.search(look(self.main, image[0].to(self._dtype))["attention"][0, 0])

    @property
    def needs_calibration(self) -> bool:
        """Whether the fusion threshold was fitted with other options than these."""
        return bool(self._changed_since_fit())

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
                image = to_batch(sample.image, device).to(self._dtype)
                found = self._inspect(image[0], look)
                rows.append(counts_of_parts(found, sample.points.as_subclass(Tensor), sample.roi))
        density, localization, actual = (torch.stack(each) for each in zip(*rows, strict=True))
        theta = fit_theta(density, localization, actual, per_cell=self.fit_each_part)
        self.fusion_threshold.copy_(theta.to(self.fusion_threshold))
        as_always = self.zooms or self.zoom is None
        self.fitted_with.copy_(self._fitting_options if as_always else fitted.UNKNOWN)

    def _changed_since_fit(self) -> list[str]:
        """Without a counting branch there is nothing to fuse."""
        if self.main.counting is None:
            return []
        return fitted.differences(self.fitted_with, self._fitting_options)

    def _valid_threshold(self) -> Tensor | None:
        """The fusion threshold; None where it does not hold and another way is the count."""
        changed = self._changed_since_fit()
        if not changed:
            return self.fusion_threshold
        if self.restricted or self.count_by not in (None, "fusion"):
            return None
        raise fitted.no_longer_valid(self.label, changed)

    @property
    def _dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype

    # -- looking -------------------------------------------------------------------------------

    def _of_density(self, images: Float[Tensor, "B 3 H W"], look: Look) -> Prediction:
        """Of the density map alone, which is all that a counting branch in training gives."""
        densities = [look(self.main, image)["density"] for image in images]
        prediction = self.main.read({"density": torch.cat(densities)})
        return replace(prediction, outputs=self.outputs, direct_count=self.direct_count)

    def _inspect(self, image: Float[Tensor, "3 H W"], look: Look) -> Findings:
        """Points and maps of one image, before and after zooming."""
        prediction = self.main.read(look(self.main, image))
        (first,) = self.main.heads(prediction.maps["localization"])
        points = first
        if self.zooms and self.zoom is not None:
            points = zoomed_points(
                self.zoom,
                self.search,
                image[None],
                prediction,
                first,
                look=look,
                times=self.depth - 1,
            )
        return Findings(prediction, first, points)

    # -- published weights ---------------------------------------------------------------------

    def without_unused(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Leave out RAZ-Net, its proposals and the counting branch where they were not built.

        Without a counting branch the proposal branch sees the localization features alone.
        """
        unused = [
            *(("zoom.", "main.proposal.") if self.zoom is None else ()),
            *(("main.counting.",) if self.main.counting is None else ()),
        ]
        kept = fitted.with_origin(state)
        kept = {k: v for k, v in kept.items() if not k.startswith(tuple(unused))}
        if self.main.counting is None and _PROPOSAL_INPUTS in kept:
            own = self.state_dict()[_PROPOSAL_INPUTS]
            kept[_PROPOSAL_INPUTS] = first_inputs(kept[_PROPOSAL_INPUTS], own)
        return kept

    @classmethod
    def translate_keys(cls, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Accept the layout of the NWPU reproduction, whose network is the localization branch."""
        return translated(state) if is_published(state) else dict(state)

    @classmethod
    def options_from_weights(cls, file: WeightsFile) -> dict[str, Any]:
        """The published network localises alone, by two logits, on images normalised its way."""
        given = published.OPTIONS if is_published(file.state) else {}
        return {**given, **super().options_from_weights(file)}
