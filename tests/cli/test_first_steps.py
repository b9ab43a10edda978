"""Mistakes of a first hour: each is answered by the command that works."""

import pytest


@pytest.fixture
def weights_folder(weights, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "best.safetensors").write_bytes(weights.read_bytes())
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["train", "--counter", "mcnn", "--dataset", "{photos}"],
        ["eval", "--weights", "{weights}", "--dataset", "{photos}"],
        ["score", "{photos}/annotations.csv", "--dataset", "{photos}"],
    ],
)
def test_a_folder_as_dataset_is_told_how(crowdkit, photos, weights, command):
    named = [each.format(photos=photos, weights=weights) for each in command]
    refused = crowdkit(*named)
    assert refused.code == 2
    hint = f"--dataset folder --set dataset.root={photos}"
    assert hint in refused.err
    if command[0] != "train":
        followed = crowdkit(*" ".join(named).replace(f"--dataset {photos}", hint).split())
        assert followed.code == 0, followed.err


def test_a_run_folder_as_weights_is_told_the_file(crowdkit, photos, weights_folder):
    refused = crowdkit("count", photos / "1.png", "--weights", weights_folder)
    assert refused.code == 1
    assert str(weights_folder / "best.safetensors") in refused.err


@pytest.mark.parametrize("folder", ["photos", "missing"])
def test_what_is_no_run_is_said_to_be_none(crowdkit, photos, folder):
    refused = crowdkit("eval", photos if folder == "photos" else photos / "missing")
    assert refused.code == 2
    assert ("holds no run" if folder == "photos" else "no such folder") in refused.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "weigths"], "did you mean 'weights'"),
        (["train", "nothing/at-all"], "`crowdkit list recipe` shows"),
        (
            [
                *("train", "--counter", "mcnn", "--dataset", "folder", "--set"),
                *("dataset.root={photos}", "--set", "dataset.validation_every=1"),
            ],
            "validation_every is 1",
        ),
    ],
)
def test_messages_name_what_is_wrong(crowdkit, photos, arguments, said):
    refused = crowdkit(*(each.format(photos=photos) for each in arguments))
    assert refused.code == 2
    assert said in refused.err
