"""`crowdkit eval --pictures`: what is drawn as the truth."""

import shutil

import pytest
import torch

from crowdkit_core import create, register
from crowdkit_core.cli import pictures
from crowdkit_core.density import Fixed
from crowdkit_core.settings import load_recipe, write_recipe
from crowdkit_core.visual import panels


@pytest.fixture
def drawn(monkeypatch):
    """What each picture is made of, in order."""
    calls, draw = [], pictures.side_by_side

    def remember(image, **parts):
        calls.append(parts)
        return draw(image, **parts)

    monkeypatch.setattr(pictures, "side_by_side", remember)
    return calls


@pytest.fixture
def run_with(tmp_path, photos, weights):
    """A run folder as training leaves it, of some density generator."""

    def make(*settings):
        folder = tmp_path / "run"
        folder.mkdir()
        shutil.copy(weights, folder / "best.safetensors")
        settings = ["counter.name=mcnn", "dataset.name=folder", *settings]
        settings += [f"dataset.root={photos}", "dataset.test_every=4"]
        write_recipe(load_recipe(overrides=settings), folder / "recipe.toml")
        return folder

    return make


@pytest.mark.parametrize(
    ("generator", "options"),
    [("fixed", {"sigma": 3.0}), ("geometry-adaptive", {"k": 2})],
)
def test_a_run_draws_the_maps_it_was_trained_on(
    crowdkit, run_with, photos, drawn, tmp_path, generator, options
):
    settings = [f"density_generator.{name}={value}" for name, value in options.items()]
    run = run_with(f"density_generator.name={generator}", *settings)
    finished = crowdkit("eval", run, "--pictures", tmp_path / "worst")
    assert finished.code == 0, finished.err
    assert len(drawn) == len(list((tmp_path / "worst").glob("*.png"))) == 3
    made = create("density_generator", generator, **options)
    for parts in drawn:
        height, width = parts["density"].shape
        expected = made([parts["actual_points"]], (height * 4, width * 4), stride=4)[0, 0]
        assert torch.allclose(parts["target"], expected, atol=1e-6)
        assert generator in parts["target_label"]


def test_what_a_generator_learnt_is_drawn(crowdkit, run_with, drawn, tmp_path):
    class Learning(Fixed):
        def __init__(self, *, sigma: float = 4.0) -> None:
            super().__init__(sigma=sigma)
            self.learnt = 0

        def fit(self, dataset):
            assert dataset.split == "train"
            self.learnt = len(dataset)

        def forward(self, *arguments, **options):
            return super().forward(*arguments, **options) * self.learnt

    with register("density_generator", "learning", Learning):
        run = run_with("density_generator.name=learning")
        finished = crowdkit("eval", run, "--pictures", tmp_path / "worst")
    assert finished.code == 0, finished.err
    for parts in drawn:
        people = len(parts["actual_points"])
        assert float(parts["target"].sum()) == pytest.approx(9 * people, rel=1e-4)


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ([], "drawn with fixed (sigma=8.0)"),
        (["--density-generator", "geometry-adaptive"], "map of geometry-adaptive"),
    ],
)
def test_weights_alone_say_what_is_drawn(
    crowdkit, weights, photos, tmp_path, monkeypatch, named, said
):
    titles, draw = [], panels.panel_row

    def remember(image, row, **more):
        titles.append([panel.title for panel in row])
        return draw(image, row, **more)

    monkeypatch.setattr(panels, "panel_row", remember)
    finished = crowdkit(
        *("eval", "--weights", weights, "--dataset", "folder", "--set", f"dataset.root={photos}"),
        *("--split", "all", "--pictures", tmp_path / "worst", *named),
    )
    assert finished.code == 0, finished.err
    assert len(titles) == 4
    for _, truth, _ in titles:
        assert truth.startswith("ground truth: ")
        assert truth.endswith(f"({said})")
