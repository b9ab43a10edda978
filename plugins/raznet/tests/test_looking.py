"""Tiles change memory, not answers: in Main-Net, and in each enlarged region."""

from collections.abc import Callable

import pytest
import torch
from crowdkit_raznet import looking
from crowdkit_raznet.network import InspectionNet
from crowdkit_raznet.raznet import RAZNet
from torch import Tensor, nn

from crowdkit_core.inference import count

Narrow = Callable[..., RAZNet]
SIZE = (180, 244)


def photo() -> Tensor:
    return torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(0))


def lively(counter: RAZNet) -> RAZNet:
    """Answers that differ from place to place, with heads and regions."""
    for network in (counter.main, counter.zoom):
        nn.init.normal_(network.localization.output.weight, std=3.0)
        nn.init.normal_(network.proposal.output.weight, std=3.0)
    return counter.eval()


def places(points: Tensor) -> Tensor:
    """From left to right: by score, points that score nearly the same may change places."""
    return torch.tensor(sorted(points.tolist()))


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Sizes of what the networks were shown."""
    sizes: list[tuple[int, int]] = []
    forward = InspectionNet.forward

    def recorded(self: InspectionNet, images: Tensor):
        sizes.append(tuple(images.shape[-2:]))
        return forward(self, images)

    monkeypatch.setattr(InspectionNet, "forward", recorded)
    return sizes


@pytest.mark.parametrize("options", [{}, {"depth": 3}, {"counting": False}])
def test_tiles_that_are_asked_for_zoom_as_the_whole_does(narrow: Narrow, shown, options) -> None:
    counter = lively(narrow(**options, search={"keep": 2}))
    counter.fusion_threshold.fill_(0.5)
    whole = count(counter, photo(), tile=None)
    assert max(shown) == SIZE
    shown.clear()
    tiled = count(counter, photo(), tile=64)
    assert max(max(size) for size in shown) < 64 + 8 + 2 * (counter.receptive_field + 8)
    assert len(whole.points.xy) > 20
    torch.testing.assert_close(places(tiled.points.xy), places(whole.points.xy))
    assert tiled.count == pytest.approx(whole.count, rel=1e-4)
    torch.testing.assert_close(tiled.density, whole.density, rtol=1e-4, atol=1e-5)
    assert not tiled.approximate
    assert count(counter, photo(), tile=64, halo=8).approximate


def test_large_images_are_seen_in_tiles_without_being_asked(
    narrow: Narrow, shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = lively(narrow(search={"keep": 2}))
    with torch.no_grad():
        whole, regions = counter.predict(photo()[None]), counter.propose(photo()[None])
        shown.clear()
        # The networks see 151 pixels round a cell: windows of that cannot be small.
        monkeypatch.setattr(looking, "WHOLE_PIXELS", 150 * 150)
        tiled, again = counter.predict(photo()[None]), counter.propose(photo()[None])
        assert len(shown) > 2 + len(regions.boxes)
        counter.restrict(["density"])
        alone = counter.predict(photo()[None])
    assert torch.equal(regions.boxes, again.boxes)
    torch.testing.assert_close(places(tiled.points[0].xy), places(whole.points[0].xy))
    for name, counted in whole.counts.items():
        torch.testing.assert_close(tiled.counts[name], counted, rtol=1e-4, atol=1e-4)
    for name, values in whole.maps.items():
        torch.testing.assert_close(tiled.maps[name], values, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(alone.count, whole.counts["density"], rtol=1e-4, atol=1e-4)
    assert alone.outputs.keys() == {"density"}
