import pytest
import torch

from crowdkit_core import create
from crowdkit_core.errors import OptionsError
from crowdkit_core.settings import load_recipe, write_recipe
from crowdkit_core.testing import check_dataset

CROWDS = {"images": 6, "size": [64, 96], "people": [3, 9]}
EMPTY = {"images": 4, "size": [80, 64], "people": [0, 0]}


def joined(split="train", **empty):
    parts = {
        "crowds": {"name": "synthetic", "options": CROWDS},
        "empty": {"name": "synthetic", "options": EMPTY, **empty},
    }
    return create("dataset", "joined", parts=parts, split=split)


@pytest.mark.parametrize("split", ["train", "validation", "all"])
def test_contract(split):
    check_dataset(joined(split))


def test_images_are_those_of_the_parts_in_their_order():
    parts = [create("dataset", "synthetic", **each) for each in (CROWDS, EMPTY)]
    expected = [sample for part in parts for sample in part]
    found = list(joined())
    assert len(found) == len(expected) == 10
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.points, other.points)
        assert one.name.endswith(other.name)
    assert [each.group for each in found] == 6 * ["crowds"] + 4 * ["empty"]
    assert sum(len(each.points) for each in found[6:]) == 0


def test_a_part_is_left_out_of_splits_it_is_not_for():
    lengths = {split: len(joined(split, splits=["train"])) for split in ("train", "validation")}
    assert lengths == {"train": 10, "validation": 6}
    assert len(joined("all", splits=["train"])) == 18 + 12


def test_no_part_for_a_split_is_an_error():
    parts = {"a": {"name": "synthetic", "splits": ["train"]}}
    with pytest.raises(OptionsError, match=r"split 'test'; parts: a"):
        create("dataset", "joined", parts=parts, split="test")


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"name": "synthetic", "options": {"imags": 3}}, "imags"),
        ({"name": "synthetic", "splits": ["training"]}, "parts.a.splits.0"),
        ({"options": {}}, "parts.a.name"),
    ],
)
def test_a_mistake_in_a_part_is_named(part, words):
    with pytest.raises(OptionsError, match=words):
        create("dataset", "joined", parts={"a": part})


def test_one_option_of_one_part_is_set_from_outside_and_kept_in_the_recipe(tmp_path):
    (tmp_path / "a.toml").write_text(
        '[counter]\nname = "mcnn"\n[dataset]\nname = "joined"\n'
        '[dataset.parts.a]\nname = "synthetic"\noptions = { images = 3, seed = 1 }\n'
        '[dataset.parts.b]\nname = "synthetic"\n'
    )
    recipe = load_recipe(tmp_path / "a.toml", overrides=["dataset.parts.a.options.images=5"])
    write_recipe(recipe, tmp_path / "b.toml")
    again = load_recipe(tmp_path / "b.toml")
    assert len(again.create("dataset", split="train")) == 305
