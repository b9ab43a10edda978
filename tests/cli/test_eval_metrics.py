"""`crowdkit eval --metrics`."""

import csv
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from crowdkit_core import create
from crowdkit_core.registry.lookup import installed
from crowdkit_core.settings import load_recipe, write_recipe
from crowdkit_core.weights import save_weights


@pytest.fixture
def run(tmp_path, photos, weights):
    """A run folder as training leaves it, with untrained weights."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(weights, folder / "best.safetensors")
    settings = ["counter.name=mcnn", "density_generator.sigma=6.0", "dataset.name=folder"]
    settings += [f"dataset.root={photos}", "dataset.test_every=4", "dataset.validation_every=4"]
    write_recipe(load_recipe(overrides=settings), folder / "recipe.toml")
    return folder


@pytest.fixture
def trained(weights, photos):
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}", "--split", "all"]
    return ["--counter", "mcnn", "--weights", weights, *dataset]


def test_help_names_every_metric(crowdkit):
    explained = crowdkit("eval", "--help").out.partition("--metrics")[2].partition("--density")[0]
    assert set(installed("metric")) <= set(re.findall(r"\w+", explained))


def test_help_needs_no_torch():
    code = (
        "import sys; from crowdkit_core.cli.app import crowdkit\n"
        "crowdkit.main(['eval', '--help'], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "background" in done.stdout


def test_maps_of_a_run_are_compared_with_its_density_generator(crowdkit, run, tmp_path):
    names = ["--metrics", "ssim,psnr,background"]
    finished = crowdkit("eval", run, *names, "--csv", tmp_path / "images.csv", "--json")
    assert finished.code == 0, finished.err
    assert finished.json["map_target"].startswith("fixed (")
    assert "sigma=6.0" in finished.json["map_target"]
    assert finished.json["map_stride"] == 4
    with (tmp_path / "images.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name, estimate in finished.json["quality"].items():
        values = [float(row[name]) for row in rows]
        assert estimate["value"] == pytest.approx(np.mean([v for v in values if np.isfinite(v)]))

    other = crowdkit("eval", run, *names, "--set", "density_generator.sigma=3.0", "--json").json
    assert other["quality"]["psnr"]["value"] != finished.json["quality"]["psnr"]["value"]
    named = crowdkit("eval", run, *names, "--density-generator", "geometry-adaptive").out
    assert "against those of geometry-adaptive" in named


def test_without_a_run_the_density_generator_is_named(crowdkit, trained):
    generator = ["--density-generator", "fixed", "--set", "density_generator.sigma=5.0"]
    finished = crowdkit("eval", *trained, "--metrics", "ssim, psnr", *generator)
    assert finished.code == 0, finished.err
    (maps,) = [line for line in finished.out.splitlines() if "against those of fixed (" in line]
    assert "sigma=5.0" in maps
    lines = [line.split() for line in finished.out.splitlines()]
    (value,) = [float(line[1]) for line in lines if line[:1] == ["SSIM"]]
    assert -1 <= value <= 1

    missing = crowdkit("eval", *trained, "--metrics", "psnr")
    assert missing.code == 2
    assert "--density-generator" in missing.err


def test_settings_without_a_run_are_checked_before_work(crowdkit, trained):
    misspelt = crowdkit("eval", *trained, "--set", "localizer.threshold=0.5")
    assert misspelt.code == 2
    assert "localizer.name: required" in misspelt.err
    wrong = crowdkit("eval", *trained, "--set", "counter.widht=3", "--set", "dataset.rot=x")
    assert wrong.code == 2
    assert "counter.widht" in wrong.err
    assert "dataset.rot" in wrong.err


def test_options_of_a_counter_come_from_its_weights(crowdkit, photos, tmp_path):
    file = tmp_path / "rgb.safetensors"
    options = {"in_channels": 3}  # not the default
    save_weights(file, create("counter", "mcnn", **options), component="mcnn", options=options)
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}", "--split", "all"]
    finished = crowdkit("eval", "--weights", file, *dataset)
    assert finished.code == 0, finished.err
    assert finished.out.startswith("mcnn on folder (all)")


def test_average_precision_needs_a_localizer(crowdkit, trained):
    missing = crowdkit("eval", *trained, "--metrics", "ap")
    assert missing.code == 2
    assert "--localizer" in missing.err
    found = crowdkit("eval", *trained, "--metrics", "ap", "--localizer", "local-maxima")
    assert found.code == 0, found.err
    assert "mAP" in found.out


def test_an_unknown_metric_is_refused(crowdkit, run):
    finished = crowdkit("eval", run, "--metrics", "ssim,pnsr")
    assert finished.code == 2
    assert "pnsr" in finished.err
    assert "did you mean 'psnr'" in finished.err


def test_statistics_of_the_training_images_are_learnt(crowdkit, run, trained, monkeypatch):
    from crowdkit_core.density import Fixed

    learnt_from = []
    monkeypatch.setattr(
        Fixed, "fit", lambda self, dataset: learnt_from.append(dataset.split), raising=False
    )
    assert crowdkit("eval", run, "--metrics", "ssim").code == 0
    assert crowdkit("eval", run, "--metrics", "ssim", "--split", "train").code == 0
    generator = ["--metrics", "ssim", "--density-generator", "fixed"]
    assert crowdkit("eval", *trained, *generator).code == 0
    assert learnt_from == ["train"] * 3
