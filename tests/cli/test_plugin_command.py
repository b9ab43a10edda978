"""`crowdkit plugin new` writes a package that installs, passes its tests and the kit."""

import os
import subprocess
import sys

import pytest

from crowdkit_core.scaffold import SCAFFOLD_KINDS


def run(*command, folder, site):
    environment = {**os.environ, "PYTHONPATH": str(site)}
    finished = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout + finished.stderr


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, marks=[] if kind == "counter" else pytest.mark.slow)
        for kind in SCAFFOLD_KINDS
    ],
)
@pytest.mark.usefixtures("install")  # forgets afterwards what is imported from the folder
def test_a_new_plugin_installs_and_passes(crowdkit, tmp_path, monkeypatch, kind):
    finished = crowdkit("plugin", "new", "my-paper", "--kind", kind, "--directory", tmp_path)
    assert finished.code == 0, finished.err
    folder, site = tmp_path / "crowdkit-my-paper", tmp_path / "site"
    offline = ["--no-deps", "--no-build-isolation", "--quiet", "--disable-pip-version-check"]
    run("-m", "pip", "install", *offline, "--target", str(site), ".", folder=folder, site=site)
    assert "passed" in run("-m", "pytest", "-q", folder=folder, site=site)
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))  # a check starts a process
    checked = crowdkit("plugin", "check", "my-paper")
    assert checked.code == 0, checked.out + checked.err
    assert f"ok      {kind} my-paper: is_created" in checked.out
    assert "FAILED" not in checked.out


def test_plugin_check_of_an_installed_plugin(crowdkit):
    finished = crowdkit("plugin", "check", "mcnn", "--json")
    assert finished.code == 0, finished.out
    checks = {each["check"] for each in finished.json}
    assert {"requires_a_range_of_core", "tiled_equals_whole"} <= checks


@pytest.mark.parametrize("name", ["My-Paper", "my_paper", "2fast", ""])
def test_unusable_names(crowdkit, tmp_path, name):
    finished = crowdkit("plugin", "new", name, "--directory", tmp_path)
    assert finished.code == 2
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_left_alone(crowdkit, tmp_path):
    (tmp_path / "crowdkit-mine").mkdir()
    finished = crowdkit("plugin", "new", "mine", "--directory", tmp_path)
    assert finished.code == 2
    assert not list((tmp_path / "crowdkit-mine").iterdir())


def test_an_unknown_plugin(crowdkit):
    finished = crowdkit("plugin", "check", "no-such-plugin")
    assert finished.code == 2
    assert "no-such-plugin" in finished.err
