from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from crowdkit_core import register
from crowdkit_core.data.datasets.empty_regions import EmptyRegions
from crowdkit_core.data.datasets.joined import Part
from crowdkit_core.errors import DataError, OptionsError
from crowdkit_core.interfaces import Annotation, Dataset
from crowdkit_core.testing import check_dataset


@pytest.fixture
def folder(tmp_path):
    """Images of 60 x 90 pixels: one with two people, at (10, 10) and (75, 50), one with nobody."""
    pixels = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    for name, rows in {"a": "10,10\n75,50\n", "b": ""}.items():
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        (tmp_path / f"{name}.csv").write_text("x,y\n" + rows)
    return tmp_path


def regions(folder, **options):
    of = Part(name="folder", options={"root": folder, "validation_every": 0})
    return EmptyRegions(of=of, **{"window": (30, 30), "margin": 0.0, **options})


def places(dataset):
    return [dataset.annotation(index).name for index in range(len(dataset))]


def test_contract(folder):
    check_dataset(regions(folder))


def test_windows_are_those_without_people(folder):
    of_b = [f"b.png@{top},{left}" for top in (0, 30) for left in (0, 30, 60)]
    of_a = ["a.png@0,30", "a.png@0,60", "a.png@30,0", "a.png@30,30"]
    assert places(regions(folder)) == of_a + of_b
    found = regions(folder)[2]
    with Image.open(folder / "a.png") as image:
        whole = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    assert torch.equal(found.image.as_subclass(Tensor), whole[:, 30:60, 0:30])
    assert len(found.points) == 0


@pytest.mark.parametrize(
    ("margin", "expected"),
    [
        (14.9, ["@0,30", "@0,60", "@30,0", "@30,30"]),  # (75, 50) is 15 from column 60
        (15.1, ["@0,30", "@0,60", "@30,0"]),
        (20.1, []),  # (10, 10) is 20 from row 30 and from column 30, (75, 50) from row 30
    ],
)
def test_margin_keeps_away_from_people(folder, margin, expected):
    found = places(regions(folder, margin=margin))
    assert [name[5:] for name in found if name.startswith("a.png")] == expected


def test_a_window_is_shown_in_the_wanted_size(folder):
    dataset = regions(folder, long_side=(120, 120))
    assert dataset.annotation(0).size == dataset[0].size == (120, 120)


def test_what_is_not_counted_is_not_known_to_be_empty():
    annotation = Annotation(name="a", size=(20, 40), points=torch.zeros(0, 2))

    class One(Dataset):
        split = "train"

        def __len__(self):
            return 1

        def annotation(self, index):
            roi = torch.ones(20, 40, dtype=torch.bool)
            roi[5, 25] = False
            return replace(annotation, roi=roi)

        def __getitem__(self, index):
            raise NotImplementedError

    with register("dataset", "one", lambda split: One()):
        dataset = EmptyRegions(of=Part(name="one"), window=(20, 20))
    assert places(dataset) == ["a@0,0"]


@pytest.mark.parametrize("bad", [{"window": (0, 8)}, {"margin": -1.0}, {"long_side": (0, 3)}])
def test_impossible_options(folder, bad):
    with pytest.raises(OptionsError):
        regions(folder, **bad)


def test_no_empty_window_is_an_error(folder):
    with pytest.raises(DataError, match="no window of 80 x 80 pixels of folder"):
        regions(folder, window=(80, 80))
