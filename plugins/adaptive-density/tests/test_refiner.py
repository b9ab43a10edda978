"""The refiner: table 1's network on the map of any hand-made generator."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from crowdkit_adaptive_density.initialization import Initialization
from crowdkit_adaptive_density.refiner import AdaptiveRefiner
from torch import Tensor, nn

from crowdkit_core import create
from crowdkit_core.density import Fixed, GeometryAdaptive
from crowdkit_core.errors import OptionsError, UnknownComponentError
from crowdkit_core.interfaces import Dataset, DensityGenerator, Target
from crowdkit_core.testing.toys import ToyDataset
from crowdkit_core.weights import read_weights, save_weights

SIZE = (40, 56)


def crowd(number: int = 12) -> Tensor:
    random = torch.Generator().manual_seed(number)
    return torch.rand(number, 2, generator=random) * torch.tensor([SIZE[1], SIZE[0]])


class Fitted(Fixed):
    """Remembers the images it was fitted to, and makes one stride."""

    strides = frozenset({8})

    def __init__(self) -> None:
        super().__init__(sigma=2.0)
        self.register_buffer("images", torch.zeros(()))

    def fit(self, dataset: Dataset) -> None:
        self.images.fill_(len(dataset))


def test_the_network_of_table_1() -> None:
    refiner = AdaptiveRefiner()
    assert sum(each.numel() for each in refiner.parameters()) == 3_914_241
    layers = [each for each in refiner.modules() if isinstance(each, nn.Conv2d)]
    assert [each.out_channels for each in layers] == [512, 512, 256, 128, 64, 1]
    assert sum(isinstance(each, nn.ReLU) for each in refiner.modules()) == 5


@pytest.mark.parametrize(("init", "likeness"), [("identity", 1.0), ("normal", 0.0)])
def test_it_begins_near_the_map_or_near_nothing(init: Initialization, likeness: float) -> None:
    torch.manual_seed(3)
    refiner = AdaptiveRefiner(base="fixed", init=init)
    with torch.no_grad():
        refined = refiner([crowd()], SIZE, stride=4)
    given = Fixed()([crowd()], SIZE, stride=4)
    assert (refined - likeness * given).norm() < 0.15 * given.norm()


def test_the_penalty_is_the_squared_distance_from_the_given_map() -> None:
    points = [crowd(12), crowd(0)]
    density = torch.rand(2, 1, 5, 7)
    refiner = AdaptiveRefiner(base={"name": "fixed", "sigma": 3.0}, alpha=2.5)
    given = Fixed(sigma=3.0)(points, SIZE, stride=8)
    by_hand = 2.5 * np.square((density - given).numpy()).sum(axis=(1, 2, 3)).mean()
    assert refiner.penalty(density, points, SIZE, stride=8).item() == pytest.approx(by_hand)
    assert refiner.penalty(given, points, SIZE, stride=8).item() == 0


def test_the_penalty_leads_back_to_the_given_map() -> None:
    torch.manual_seed(0)
    refiner = AdaptiveRefiner(base={"name": "fixed", "sigma": 3.0})
    optimizer = torch.optim.Adam(refiner.parameters(), lr=1e-4)
    paid = []
    for _ in range(8):
        density = refiner([crowd()], SIZE, stride=8)
        penalty = refiner.penalty(density, [crowd()], SIZE, stride=8)
        optimizer.zero_grad()
        penalty.backward()
        optimizer.step()
        paid.append(penalty.item())
    assert paid[-1] < 0.5 * paid[0]


@pytest.mark.parametrize(
    ("base", "same"),
    [
        ("geometry-adaptive", GeometryAdaptive()),
        ({"name": "fixed", "sigma": 16.0}, Fixed(sigma=16.0)),
        (GeometryAdaptive(k=2), GeometryAdaptive(k=2)),
    ],
)
def test_any_generator_can_be_refined(base: Any, same: DensityGenerator) -> None:
    refiner = AdaptiveRefiner(base=base)
    given = refiner.details(crowd(), SIZE, stride=4)["base"]
    assert torch.equal(given, same([crowd()], SIZE, stride=4)[0, 0])


def test_the_default_is_the_papers_fixed_gaussian() -> None:
    given = AdaptiveRefiner().details(crowd(), SIZE, stride=8)["base"]
    assert torch.equal(given, Fixed(sigma=16.0)([crowd()], SIZE, stride=8)[0, 0])


def test_widths_measured_on_the_whole_image_are_the_bases() -> None:
    refiner, base = AdaptiveRefiner(base="geometry-adaptive"), GeometryAdaptive()
    sigma = refiner.measure(crowd(), SIZE)["sigma"]
    assert torch.equal(sigma, base.measure(crowd(), SIZE)["sigma"])
    wide = refiner.details(crowd(), SIZE, sigmas=2 * sigma)["base"]
    assert torch.equal(wide, base([crowd()], SIZE, sigmas=[2 * sigma])[0, 0])
    density = base([crowd()], SIZE, sigmas=[2 * sigma], stride=4)
    assert refiner.penalty(density, [crowd()], SIZE, stride=4, sigmas=[2 * sigma]).item() == 0


def test_what_the_base_says_of_itself() -> None:
    refiner = AdaptiveRefiner(base=Fitted())
    refiner.fit(ToyDataset(length=3))
    assert refiner.strides == {8}
    assert refiner.state_dict()["base.images"] == 3


@pytest.mark.parametrize(
    ("base", "error", "says"),
    [
        ({"sigma": 4.0}, OptionsError, "expected a generator's name"),
        ({"name": "fixed", "sigmas": 4.0}, OptionsError, "did you mean 'sigma'"),
        ("fxied", UnknownComponentError, "fixed"),
    ],
)
def test_a_base_that_is_none(base: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        create("density_generator", "adaptive-refiner", base=base)


def test_alpha_is_not_negative() -> None:
    with pytest.raises(OptionsError, match="alpha is -1"):
        AdaptiveRefiner(alpha=-1.0)


@pytest.mark.parametrize("base", ["geometry-adaptive", {"name": "geometry-adaptive", "k": 2}])
def test_a_file_restores_it_with_its_base(base: str | Mapping[str, Any], tmp_path: Path) -> None:
    refiner = create("density_generator", "adaptive-refiner", base=base, alpha=0.5)
    assert refiner.origin is not None
    save_weights(
        tmp_path / "refiner.safetensors",
        refiner,
        component=refiner.origin.name,
        options=refiner.origin.options,
    )
    path = tmp_path / "refiner.safetensors"
    assert read_weights(path).options == {"base": base, "alpha": 0.5}
    restored = create("density_generator", "adaptive-refiner", weights=path)
    maps = [each([crowd()], SIZE, stride=8) for each in (refiner, restored)]
    assert torch.equal(*maps)
    assert isinstance(restored, AdaptiveRefiner)
    assert restored.alpha == 0.5


def test_padding_changes_nothing() -> None:
    refiner = AdaptiveRefiner()
    inside = torch.zeros(2, 64, 64, dtype=torch.bool)
    inside[0, : SIZE[0], : SIZE[1]] = True
    inside[1] = True
    batch = Target([crowd(), crowd()], (64, 64), refiner, roi=inside, sizes=[SIZE, (64, 64)])
    with torch.no_grad():
        together, alone = batch.density(8)[0, 0], refiner([crowd()], SIZE, stride=8)[0, 0]
    assert torch.allclose(together[:5, :7], alone, atol=1e-5)
    assert not together[5:].any()


def test_half_precision_leaves_the_given_map_alone() -> None:
    refiner = AdaptiveRefiner()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        given = refiner.details(crowd(), SIZE)["base"]
        refined = refiner([crowd()], SIZE, stride=8)
    assert given.sum().item() == pytest.approx(12, abs=1e-4)
    assert refined.dtype == torch.float32


def test_any_base_is_asked_in_full_precision() -> None:
    class Blended(Fixed):
        """Mixes its rows by a matrix product, which mixed precision would round."""

        def forward(self, *arguments, **options):
            maps = super().forward(*arguments, **options)
            given.append(torch.eye(maps.shape[-2]) @ maps)
            return given[-1]

    given: list[torch.Tensor] = []
    refiner = AdaptiveRefiner(base=Blended(sigma=4.0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        refiner([crowd()], SIZE, stride=8)
    assert given[0].dtype == torch.float32
    assert given[0].sum().item() == pytest.approx(12, abs=1e-4)
