"""Check localizers against their contract."""

from collections.abc import Mapping

import torch
from torch import Tensor

from crowdkit_core.density import Fixed
from crowdkit_core.interfaces import LocalizedPoints, Localizer, Prediction, Size
from crowdkit_core.testing import signatures  # noqa: F401  # registers the common checks first
from crowdkit_core.testing.runner import check_for, run_checks

KIND = Localizer.kind
SIZE: Size = (67, 101)
STRIDE = 2
HEADS = torch.tensor([[12.0, 14.0], [60.0, 20.0], [33.0, 50.0], [90.0, 56.0]])


def check_localizer(
    localizer: Localizer, *, expected_failed_checks: Mapping[str, str] | None = None
) -> None:
    """Check a localizer against its contract.

    Raises:
        ConformanceError: Lists every promise it breaks.
    """
    run_checks(localizer, expected_failed_checks)


def _prediction(*points: Tensor) -> Prediction:
    """Density at stride 2, and head probabilities at stride 1, of known points."""
    density = Fixed(sigma=3.0)(points, SIZE, stride=STRIDE)
    fine = Fixed(sigma=1.5)(points, SIZE)
    peak = fine.amax().clamp_min(1e-12)
    return Prediction.from_density(density, STRIDE, maps={"localization": fine / peak})


@check_for(KIND)
def isolated_people_are_found(localizer: Localizer) -> None:
    """Well separated people are each found once, within two cells."""
    (found,) = localizer(_prediction(HEADS), SIZE)
    assert len(found.xy) == len(HEADS), f"{len(HEADS)} people, {len(found.xy)} points"
    nearest = torch.cdist(HEADS, found.xy.float()).amin(1)
    worst = nearest.max().item()
    assert worst <= 2 * STRIDE, f"a point is {worst:.1f} px from its head"


@check_for(KIND)
def empty_maps_give_no_points(localizer: Localizer) -> None:
    """A map of zeros has nobody, also beside one with people."""
    empty, full = localizer(_prediction(torch.zeros(0, 2), HEADS), SIZE)
    assert len(empty.xy) == 0, f"{len(empty.xy)} points on a map of zeros"
    assert len(full.xy) > 0, "no point on a map with people"


@check_for(KIND)
def points_have_their_form(localizer: Localizer) -> None:
    """(N, 2) inside the frame, (N,) scores descending, one entry per image."""
    border = torch.tensor([[0.5, 0.5], [100.5, 66.5], [50.0, 66.9]])
    results = localizer(_prediction(HEADS, border), SIZE)
    assert len(results) == 2, f"{len(results)} results for 2 images"
    for found in results:
        assert isinstance(found, LocalizedPoints), f"gives {type(found).__name__}"
        assert found.xy.shape == (len(found.score), 2), f"xy has shape {tuple(found.xy.shape)}"
        limit = torch.tensor([SIZE[1], SIZE[0]])
        inside = ((found.xy >= 0) & (found.xy <= limit)).all()
        assert inside, f"points outside the {SIZE[0]} x {SIZE[1]} frame"
        assert (found.score.diff() <= 0).all(), "scores are not descending"


@check_for(KIND)
def images_do_not_see_each_other(localizer: Localizer) -> None:
    """Points are the same alone and in a batch."""
    other = HEADS[:2] + 7
    together = localizer(_prediction(HEADS, other), SIZE)
    alone = [localizer(_prediction(each), SIZE)[0] for each in (HEADS, other)]
    for a, b in zip(together, alone, strict=True):
        same = a.xy.shape == b.xy.shape and torch.allclose(a.xy, b.xy, atol=1e-3)
        assert same, "points change with their batch"
