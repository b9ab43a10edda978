"""The loss `p2pnet`: proposals are matched with people one to one, and learn from that."""

import math
from typing import Literal

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor
from torch.nn import functional as F

from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import (
    Counter,
    Loss,
    LossTerms,
    Prediction,
    Proposals,
    Target,
    proposals_of,
)
from crowdkit_core.losses import match_proposals
from crowdkit_core.precision import without_autocast

Normalise = Literal["batch", "image"]
"""What a term is divided by: sums over the batch, or those of each image before their mean."""


class P2PNetLoss(Loss):
    """Cross entropy of all proposals, and squared distances of those matched with people.

    Song et al., ICCV 2021, eq. 2 to 7. In each image the proposals of least cost are matched with
    the people (`match_proposals`); the others are background:

    - ``classification``: cross entropy over all proposals, background weighing
      ``background_weight`` and people 1, divided by the sum of those weights.
    - ``points``: ``point_weight`` times the squared distances of matched pairs in pixels, added up
      and divided by the number of people.

    Proposals whose reference point lies outside the image or its region are none. The paper divides
    by the weights and people of the whole batch, of a process's share where there are several;
    ``normalise="image"`` does so image by image, as crowdkit's other losses do.

    Args:
        background_weight: Of a proposal without a partner.
        point_weight: Of the second term; the released code names it wrongly in one place and so
            trains with 0.
        distance_cost: Of a pixel, in matching.
        score_cost: Of a score of 1, in matching.
        normalise: Over the batch or each image.

    Raises:
        OptionsError: A weight or cost is negative or not finite, or both costs are 0.
    """

    needs = ("offsets", "proposals")

    def __init__(
        self,
        *,
        background_weight: float = 0.5,
        point_weight: float = 2e-4,
        distance_cost: float = 0.05,
        score_cost: float = 1.0,
        normalise: Normalise = "batch",
    ) -> None:
        super().__init__()
        numbers = {
            "background_weight": background_weight,
            "point_weight": point_weight,
            "distance_cost": distance_cost,
            "score_cost": score_cost,
        }
        for name, number in numbers.items():
            if not 0 <= number < math.inf:
                raise OptionsError(f"{self.label}: {name} is {number}, expected 0 or more")
        if distance_cost == score_cost == 0:
            raise OptionsError(f"{self.label}: both costs are 0, expected one that is positive")
        self.background_weight = background_weight
        self.point_weight = point_weight
        self.distance_cost = distance_cost
        self.score_cost = score_cost
        self.normalise = normalise
        self.is_mean_of_images = normalise == "image"

    def missing(self, counter: Counter) -> list[str]:
        """Nothing if the counter proposes points."""
        if any(spec.kind == "offsets" for spec in counter.outputs.values()):
            return []
        return ["a map of kind 'offsets', which proposes points"]

    def forward(self, prediction: Prediction, target: Target) -> LossTerms:
        """Match, and compare.

        Raises:
            IncompatibleError: The prediction has no proposals, or does not say which maps they are.
        """
        with without_autocast(prediction.count.device):
            proposals = proposals_of(prediction.maps, prediction.outputs)
            inside = target.covers(proposals.references)
            image, proposal, points = self._matched(proposals, inside, target)
            entropy = self._cross_entropy(proposals.logits, inside, image, proposal)
            squares = (proposals.xy[image, proposal] - points).square().sum(1)
            distance = inside.new_zeros(len(inside), dtype=squares.dtype)
            distance = distance.index_add(0, image, squares)
            people = target.count.to(squares)
            return LossTerms.of(
                classification=entropy,
                points=self.point_weight * self._divided(distance, people, least=1.0),
            )

    def _matched(
        self, proposals: Proposals, inside: Bool[Tensor, "B N"], target: Target
    ) -> tuple[Int64[Tensor, " P"], Int64[Tensor, " P"], Float[Tensor, "P 2"]]:
        """Image and proposal of every pair, and the person's pixels."""
        device = proposals.xy.device
        # Together to the CPU, where pairs are found: each transfer waits for the device.
        xy, scores, inside = (
            each.detach().cpu() for each in (proposals.xy, proposals.scores, inside)
        )
        images, chosen, wanted = [], [], []
        for image, points in enumerate(target.points):
            candidates = inside[image].nonzero()[:, 0]
            proposal, person = match_proposals(
                xy[image, candidates],
                scores[image, candidates],
                points,
                distance_cost=self.distance_cost,
                score_cost=self.score_cost,
            )
            images.append(torch.full_like(proposal, image))
            chosen.append(candidates[proposal])
            wanted.append(points[person.to(points.device)].to(proposals.xy))
        return torch.cat(images).to(device), torch.cat(chosen).to(device), torch.cat(wanted)

    def _cross_entropy(
        self,
        logits: Float[Tensor, "B N 2"],
        inside: Bool[Tensor, "B N"],
        image: Int64[Tensor, " P"],
        proposal: Int64[Tensor, " P"],
    ) -> Float[Tensor, ""]:
        labels = torch.zeros_like(inside, dtype=torch.long)
        labels[image, proposal] = 1
        weights = torch.where(labels == 1, 1.0, self.background_weight).to(logits) * inside
        entropy = F.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
        return self._divided((weights * entropy).sum(1), weights.sum(1), least=1e-12)

    def _divided(
        self, sums: Float[Tensor, " B"], by: Float[Tensor, " B"], *, least: float
    ) -> Float[Tensor, ""]:
        """Sums of images by something of theirs, or of the batch; by ``least`` at least."""
        if self.normalise == "image":
            return (sums / by.clamp_min(least)).mean()
        return sums.sum() / by.sum().clamp_min(least)
