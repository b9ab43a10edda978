"""`crowdkit tune localizer`: the choice, where it goes, and who uses it."""

import shutil
import tomllib

import pytest

from crowdkit_core import create
from crowdkit_core.cards.chosen_localizer import chosen_beside
from crowdkit_core.evaluation import evaluate
from crowdkit_core.inference import load_model
from crowdkit_core.settings import load_recipe, write_recipe

FEW = ["--try", "threshold=0.05,0.3", "--try", "refine=false,true"]


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


def test_the_best_is_what_evaluations_of_each_setting_say(crowdkit, run, photos):
    tuned = crowdkit("tune", "localizer", run, *FEW, "--json").json
    images = create("dataset", "folder", root=photos, validation_every=3, split="validation")
    counter = create("counter", "mcnn", weights=run / "best.safetensors")
    f1 = []
    for setting in tuned["settings"]:
        localizer = create("localizer", "local-maxima", **setting["options"])
        report = evaluate(counter, images, localizer=localizer)
        f1.append(report.localization[8.0].f1)
        assert setting["score"]["value"] == pytest.approx(f1[-1])
        assert setting["score"]["low"] <= f1[-1] <= setting["score"]["high"]
    assert len(f1) == 4
    assert tuned["best"] == tuned["settings"][f1.index(max(f1))]
    untuned = evaluate(counter, images, localizer=create("localizer", "local-maxima"))
    assert tuned["untuned"]["score"]["value"] == pytest.approx(untuned.localization[8.0].f1)
    assert (tuned["split"], tuned["images"]) == ("validation", 4)


def test_the_choice_is_used_by_eval_count_and_python(crowdkit, run, photos, tmp_path):
    before = crowdkit("eval", run)
    assert "matched within" not in before.out
    only = ["--try", "threshold=0.3", "--try", "min_distance=4"]
    tuned = crowdkit("tune", "localizer", run, *only)
    assert tuned.code == 0, tuned.err
    assert "threshold" in tuned.out
    assert "expect less on others" in tuned.out
    assert f"written: {run / 'best.localizer.toml'}" in tuned.out
    written = tomllib.loads((run / "best.localizer.toml").read_text())
    assert written["options"] == {"threshold": 0.3, "min_distance": 4}
    after = crowdkit("eval", run)
    assert "localizer: local-maxima (threshold=0.3, min_distance=4), tuned: f1@8" in after.out
    assert "matched within" in after.out
    assert "tuned: the localizer was chosen on validation images" in after.out
    localizer = load_model(run / "best.safetensors").localizer
    assert (localizer.threshold, localizer.min_distance) == (0.3, 4)
    photo = photos / "1.png"
    found = []
    for name, options in (
        ("chosen", []),
        ("named", ["--localizer", "local-maxima", "--set", "localizer.threshold=0.3"]),
        ("changed", ["--set", "localizer.threshold=0.0"]),
    ):
        points = tmp_path / f"{name}.csv"
        weights = ["--weights", run / "best.safetensors", "--points", points]
        done = crowdkit("count", photo, *weights, *options)
        assert done.code == 0, done.err
        found.append(points.read_text())
    chosen, named, changed = found
    assert chosen == named
    assert len(changed) > len(chosen)


def test_without_points_count_is_as_before(crowdkit, run, photos):
    arguments = ["count", photos / "1.png", "--weights", run / "best.safetensors"]
    before = crowdkit(*arguments)
    crowdkit("tune", "localizer", run, *FEW)
    assert crowdkit(*arguments).out == before.out


def test_options_that_are_named_win(crowdkit, run):
    crowdkit("tune", "localizer", run, *FEW)
    named = crowdkit("eval", run, "--localizer", "local-maxima")
    assert "tuned" not in named.out
    assert "matched within" in named.out


def test_it_is_the_same_each_time_and_fixed_options_stay(crowdkit, run):
    arguments = ["tune", "localizer", run, *FEW, "--set", "localizer.smoothing=2", "--json"]
    first, second = crowdkit(*arguments), crowdkit(*arguments)
    assert first.out == second.out
    assert all(each["options"]["smoothing"] == 2 for each in first.json["settings"])
    assert chosen_beside(run / "best.safetensors").options["smoothing"] == 2


def test_other_weights_in_its_place_are_noticed(crowdkit, run):
    crowdkit("tune", "localizer", run, *FEW)
    choice = run / "best.localizer.toml"
    digest = tomllib.loads(choice.read_text())["weights"]
    choice.write_text(choice.read_text().replace(digest, "0" * 64))
    refused = crowdkit("eval", run)
    assert refused.code == 1
    assert "made for other weights than best.safetensors has now" in refused.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "f1"], "expected precision, recall or f1 within a radius"),
        (["--by", "f1@0"], "expected precision, recall or f1 within a radius"),
        (["--by", "f1@sigma_l"], "needs a box round each head"),
        (["--try", "threshold"], "expected OPTION=VALUE,VALUE"),
        (["--try", "treshold=0.1"], "unknown option; did you mean 'threshold'?"),
        (["--try", "threshold=0.1", "--set", "localizer.threshold=0.2"], "nothing to search"),
        (["--set", "dataset.validation_every=0"], "no validation images to tune on"),
        (["--all-images"], "it was trained on most of them"),
    ],
)
def test_what_cannot_be_tuned_is_said_in_a_line(crowdkit, run, arguments, message):
    refused = crowdkit("tune", "localizer", run, *arguments)
    assert refused.code == 2, refused.err
    assert message in refused.err
    assert "Traceback" not in refused.err
    assert not (run / "best.localizer.toml").exists()


def test_test_images_choose_nothing(crowdkit, weights, photos):
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}"]
    arguments = ["tune", "localizer", "--weights", weights, *dataset, *FEW]
    refused = crowdkit(*arguments, "--all-images", "--set", "dataset.test_every=4")
    assert "test images, which nothing may be chosen on" in refused.err
    refused = crowdkit(*arguments, "--set", "dataset.validation_every=0")
    assert "dataset 'folder' has no validation images" in refused.err


def test_weights_alone_are_tuned_on_a_folder(crowdkit, weights, photos, tmp_path):
    own = shutil.copy(weights, tmp_path / "own.safetensors")
    dataset = ["--dataset", "folder", "--set", f"dataset.root={photos}", "--all-images"]
    tuned = crowdkit("tune", "localizer", "--weights", own, *dataset, *FEW)
    assert "12 images" in tuned.out, tuned.err
    assert chosen_beside(tmp_path / "own.safetensors").images == 12
