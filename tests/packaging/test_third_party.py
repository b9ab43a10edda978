"""A counter and a loss from repositories of their own mix with the rest."""

import json
import subprocess

import pytest

SCENES = (
    "--dataset=synthetic",
    "--set=dataset.images=4",
    "--set=dataset.size=[64, 96]",
    "--set=dataset.people=[1, 8]",
    "--set=trainer.epochs=1",
)


@pytest.fixture(scope="module")
def environment(clean_environment):
    return clean_environment("crowdkit-mcnn", "crowdkit-bayesian")


def repository_with_a_plugin(environment, parent, name, kind):
    """What `crowdkit plugin new` writes, committed."""
    environment.run("crowdkit", "plugin", "new", name, "--kind", kind, "--directory", parent)
    folder = parent / f"crowdkit-{name}"
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    author = ("-c", "user.name=Third Party", "-c", "user.email=third@party.example")
    git(folder, *author, "commit", "--quiet", "--message", "A plugin")
    return folder


def git(folder, *arguments):
    finished = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def install(environment, folder):
    """Build its wheel and install that, away from its source."""
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    dist = folder / "dist"
    environment.run("python", "-m", "pip", "wheel", *options, "-w", dist, ".", cwd=folder)
    (wheel,) = dist.glob("*.whl")
    environment.install(wheel)


def trained(environment, output, *options):
    environment.run("crowdkit", "train", *options, *SCENES, "--output", output)
    return json.loads(environment.run("crowdkit", "eval", output, "--json"))


@pytest.mark.slow
def test_it_mixes_with_the_rest(environment, tmp_path):
    theirs = {"their-counter": "counter", "their-loss": "loss"}
    for name, kind in theirs.items():
        folder = repository_with_a_plugin(environment, tmp_path, name, kind)
        install(environment, folder)
        assert " passed" in environment.run("python", "-m", "pytest", "-q", cwd=folder)
        assert "checks passed" in environment.run("crowdkit", "plugin", "check", name)
        assert git(folder, "status", "--porcelain") == ""  # builds and tests leave no litter

    listed = {each["name"]: each for each in environment.components()}
    for name, kind in theirs.items():
        assert listed[name]["kind"] == kind
        assert listed[name]["distribution"] == f"crowdkit-{name}"
        assert not listed[name]["error"]

    for counter, loss in [
        ("their-counter", "bayesian"),
        ("mcnn", "their-loss"),
        ("their-counter", "their-loss"),
    ]:
        output = tmp_path / f"{counter}-{loss}"
        report = trained(environment, output, f"--counter={counter}", f"--loss={loss}")
        assert report["counter"] == counter
        assert (output / "best.safetensors").is_file()
