from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from crowdkit_core import create, load
from crowdkit_core.cards import find_card
from crowdkit_core.inference import Model
from crowdkit_core.interfaces import Sample
from crowdkit_core.testing import check_weights


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Model]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROWDKIT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield load("people")


@pytest.fixture(scope="module")
def scene() -> Sample:
    """A rendered scene of 120 people."""
    return create(
        "dataset", "synthetic", split="test", images=1, size=(600, 800), people=(120, 120)
    )[0]


def test_the_card_and_its_file() -> None:
    assert check_weights("crowdkit-people") == ["people"]
    card = find_card("people").card
    assert card.bytes <= 12e6
    assert card.default_for == ("people",)
    assert "research" in card.terms


def test_a_scene_is_counted_with_an_interval(model: Model, scene: Sample) -> None:
    counted = model(scene.image)
    assert counted.count == pytest.approx(120, rel=0.3)
    assert counted.interval is not None
    assert counted.interval.low < 120 < counted.interval.high


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_copies_of_other_sizes_have_the_count(model: Model, scene: Sample, factor: float) -> None:
    size = [round(side * factor) for side in scene.size]
    copy = F.resize(scene.image.as_subclass(Tensor), size, antialias=True)
    assert model(copy).count == pytest.approx(model(scene.image).count, rel=0.1)


@pytest.mark.parametrize("index", range(6))
def test_nobody_is_in_a_blank_image(model: Model, index: int) -> None:
    blank = create("dataset", "blank", split="test", images=6, size=(480, 640))[index]
    assert str(model(blank.image)).startswith("0 people")


def test_the_same_from_a_file(model: Model, scene: Sample, tmp_path: Path) -> None:
    F.to_pil_image(scene.image.as_subclass(Tensor)).save(tmp_path / "scene.png")
    counted = model(tmp_path / "scene.png")
    torch.testing.assert_close(counted.count, model(scene.image).count)
