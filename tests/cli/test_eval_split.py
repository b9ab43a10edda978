"""Which images `crowdkit eval` and `score` take where nobody says it."""

import re
import shutil

import pytest

from crowdkit_core.settings import load_recipe, write_recipe


@pytest.fixture
def run(tmp_path, photos, weights):
    """A run on a folder without test images: eight to train on, four to validate on."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(weights, folder / "best.safetensors")
    settings = ["counter.name=mcnn", "dataset.name=folder"]
    settings += [f"dataset.root={photos}", "dataset.validation_every=3"]
    write_recipe(load_recipe(overrides=settings), folder / "recipe.toml")
    return folder


@pytest.fixture
def other(tmp_path, photos):
    return shutil.copytree(photos, tmp_path / "other")


def test_without_test_images_a_run_is_evaluated_on_what_it_was_validated_on(crowdkit, run):
    finished = crowdkit("eval", run)
    assert finished.code == 0, finished.err
    assert "mcnn on folder (validation): 4 images" in finished.out
    assert "split: validation, as there are no test images" in finished.out
    assert crowdkit("eval", run, "--json").json["split"] == "validation"


def test_test_images_come_first_where_there_are_any(crowdkit, run):
    finished = crowdkit("eval", run, "--set", "dataset.test_every=4")
    assert "mcnn on folder (test): 3 images" in finished.out
    assert "split:" not in finished.out


def test_data_the_run_has_not_seen_are_evaluated_as_a_whole(crowdkit, run, other, monkeypatch):
    finished = crowdkit("eval", run, "--set", f"dataset.root={other}")
    assert "mcnn on folder (all): 12 images" in finished.out, finished.err
    monkeypatch.chdir(other.parent)
    shutil.move("other", "again")
    named = crowdkit("eval", run, "--set", "dataset.root=again")
    assert "(all): 12 images" in named.out


def test_the_same_folder_by_another_path_is_no_other_data(crowdkit, run, photos, monkeypatch):
    monkeypatch.chdir(photos.parent)
    finished = crowdkit("eval", run, "--set", f"dataset.root={photos.name}")
    assert "(validation): 4 images" in finished.out


def test_weights_alone_are_evaluated_on_all_images(crowdkit, weights, photos):
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}"]
    finished = crowdkit("eval", "--weights", weights, *dataset)
    assert "mcnn on folder (all): 12 images" in finished.out, finished.err
    scored = crowdkit("score", photos / "annotations.csv", *dataset)
    assert "folder (all): 12 images" in scored.out, scored.err
    assert "split: all, as there are no test images" in scored.out


def test_an_empty_split_asked_for_is_refused_with_flags_that_work(crowdkit, run):
    refused = crowdkit("eval", run, "--split", "test")
    assert refused.code == 1
    assert "split 'test' is empty (12 images in all: train 8, validation 4)" in refused.err
    flags = re.findall(r"(--split \w+) \((\d+) images\)", refused.err)
    assert len(flags) == 3
    for flag, number in flags:
        followed = crowdkit("eval", run, *flag.split())
        assert f": {number} images" in followed.out, followed.err
    (rule,) = re.findall(r"--set \S+\.\S+=\d+", refused.err)
    assert "(test): 2 images" in crowdkit("eval", run, *rule.split(), "--split", "test").out


def test_an_empty_split_is_refused_to_scores_with_the_same_flags(crowdkit, photos):
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}", "--split", "test"]
    refused = crowdkit("score", photos / "annotations.csv", *dataset)
    assert refused.code == 1
    assert "--split all (12 images)" in refused.err
