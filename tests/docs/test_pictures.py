"""The pictures on the papers' pages can be drawn for whatever is installed."""

import importlib
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from crowdkit_core import create, list_components
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import Counter, MapSpec, Prediction

ROOT = Path(__file__).parents[2]
QUICKER = tomllib.loads((ROOT / "tests/quicker.toml").read_text())["counter"]
LEAST_LEARNT = 0.99
"""Correlation of a learnt map with the one it was to become."""


@pytest.fixture(scope="module")
def pictures():
    """Imports a module of the pictures' program."""
    sys.path.insert(0, str(ROOT / "docs/pictures"))
    yield importlib.import_module
    sys.path.remove(str(ROOT / "docs/pictures"))


@pytest.fixture(scope="module")
def scenes():
    return create("dataset", "synthetic", images=2, size=(64, 96), people=(5, 9))


@pytest.fixture(scope="module")
def generator():
    return create("density_generator", "fixed", sigma=4.0)


@pytest.mark.parametrize("name", [info.name for info in list_components("loss")])
def test_every_loss_is_drawn_or_refused(pictures, scenes, generator, name):
    free_maps = pictures("free_maps")
    loss = create("loss", name)
    loss.fit(scenes, generator)
    if loss.missing(free_maps.FreeMap((64, 96), 1.0)):
        with pytest.raises(IncompatibleError, match=name):
            free_maps.draw({name: loss}, scenes[0], generator, steps=2)
        return
    figure = free_maps.draw({name: loss}, scenes[0], generator, steps=2)
    people = len(scenes[0].points)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:2] == [f"people: {people}", f"wanted: {people}.0"]
    assert titles[2].startswith(f"{name}: ")
    # Two steps change each cell, and none more than they can.
    total = float(titles[2].removeprefix(f"{name}: "))
    assert 0.7 * people / 2 < total < 1.4 * people / 2


def test_a_free_map_becomes_what_a_loss_wants(pictures, scenes, generator):
    loss = create("loss", "mse")
    learnt = pictures("free_maps").learn(loss, scenes[0], generator)
    sample = scenes[0]
    wanted = generator([sample.points], sample.size, stride=4)[0, 0]
    both = torch.stack([learnt.flatten(), wanted.flatten()])
    assert torch.corrcoef(both)[0, 1] > LEAST_LEARNT


NOT_DRAWN = {"onnx": "runs a file", "p2pnet": "has no density map"}


@pytest.mark.parametrize(
    "name", [info.name for info in list_components("counter") if info.name not in NOT_DRAWN]
)
def test_every_counter_is_drawn(pictures, scenes, name):
    fields = pictures("receptive_fields")
    figure = fields.draw(name, scenes[0], seeds=1, **QUICKER.get(name, {}))
    assert len(figure.axes) == 2 + len(fields.PARTS.get(name, {}))
    assert figure.axes[1].get_title().startswith(f"{name}: half within ")


class Blur(Counter):
    """A cell is the mean of the pixels up to three away: what it sees is known."""

    def __init__(self):
        super().__init__()
        self.outputs = {"density": MapSpec("density", 1)}
        self.pool = nn.AvgPool2d(7, stride=1, padding=3)

    def forward(self, images):
        return Prediction.from_density(self.pool(images.mean(1, keepdim=True)), 1)


def test_influence_is_what_a_cell_depends_on(pictures):
    fields = pictures("receptive_fields")
    seen = fields.influence(Blur(), torch.rand(3, 33, 33))
    expected = torch.zeros(33, 33)
    expected[13:20, 13:20] = 1 / 49
    torch.testing.assert_close(seen, expected)


def test_half_of_the_influence_lies_within_the_half_radius(pictures):
    fields = pictures("receptive_fields")
    ring = torch.zeros(41, 41)
    ring[20, 20] = 0.4
    ring[20, [8, 32]] = 0.3
    assert fields.half_radius(ring) == 12


def test_attention_is_what_the_branches_learn(pictures, scenes, generator):
    figure = pictures("attention_targets").draw(scenes, 0, generator)
    coarse, fine = (axes.images[0].get_array() for axes in figure.axes[2:])
    assert set(fine.ravel()) == set(range(6))
    assert ((fine > 0) == (coarse == 1)).all()


def test_blocks_are_drawn_with_what_is_counted_in_them(pictures, scenes):
    counter = create("counter", "zip", backbone="mobilenetv4_conv_small_050")
    figure = pictures("blocks").draw(counter, scenes[0])
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:3] == [f"people: {len(scenes[0].points)}", "attention", "rate"]
    with torch.no_grad():
        counted = counter.eval()(scenes[0].image[None] / 255).count.item()
    assert float(titles[3].removeprefix("density: ")) == pytest.approx(counted, abs=0.2)


def test_features_are_drawn_before_and_after_attention(pictures, scenes, generator, monkeypatch):
    """Attention is 1 on the left half alone; without any, features are what they were before."""
    counter = create("counter", "cfanet")

    def drawn(attention):
        strides = (8, 4, 2, 1)
        maps = [torch.nn.functional.avg_pool2d(attention, each) for each in strides]
        monkeypatch.setattr(counter, "_attention", lambda *_: maps)
        figure = pictures("refinement").draw(counter, scenes[0], generator, stage=1)
        return [axes.images[0].get_array() for axes in figure.axes[1:]]

    left = torch.zeros(1, 1, *scenes[0].size)
    left[..., :48] = 1
    before, attention, after = drawn(left)
    _, _, untouched = drawn(torch.zeros_like(left))
    assert before.max() > 0
    np.testing.assert_allclose(before, untouched, rtol=1e-5)
    np.testing.assert_allclose(after[:, :6], 2 * untouched[:, :6], rtol=1e-5)
    np.testing.assert_allclose(after[:, 6:], untouched[:, 6:], rtol=1e-5)
    assert attention.tolist() == 8 * [6 * [1] + 6 * [0]]


def test_commands_write_small_pictures(pictures, scenes, generator, tmp_path):
    figure = pictures("free_maps").draw({}, scenes[0], generator, steps=1)
    pictures("sheet").write(figure, tmp_path / "maps.png")
    with Image.open(tmp_path / "maps.png") as picture:
        assert picture.mode == "P"
        assert picture.width <= 1200
