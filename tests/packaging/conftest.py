"""Clean environments: every third-party library of this one, and of crowdkit only what is asked."""

import contextlib
import json
import os
import subprocess
import sysconfig
import tomllib
import venv
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest
from hatchling import build
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PLUGINS = sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))


@dataclass(frozen=True)
class Project:
    """A folder with a ``pyproject.toml``."""

    folder: Path

    @property
    def settings(self):
        return tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))

    @property
    def table(self):
        return self.settings["project"]

    @property
    def name(self):
        return self.table["name"]

    @property
    def source(self):
        """The folder of the one package it ships."""
        (package,) = self.settings["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
        return self.folder / package

    @property
    def requirements(self):
        """Names of the distributions it cannot do without."""
        return [Requirement(line).name for line in self.table["dependencies"]]

    @property
    def components(self):
        """Names of what it registers, by entry-point group."""
        return {group: set(names) for group, names in self.table.get("entry-points", {}).items()}

    def files(self, pattern):
        """Files of the source or the tests, without what running them leaves behind."""
        return [path for path in self.folder.rglob(pattern) if "__pycache__" not in path.parts]


@dataclass(frozen=True)
class Environment:
    """A virtual environment; whatever pip lacks it takes from the folder ``wheels``."""

    folder: Path
    wheels: Path

    def run(self, program, *arguments, cwd=None, code=0):
        """Standard output and error of one of its programs, which has to end with ``code``."""
        hidden = ("PYTHONPATH", "VIRTUAL_ENV")
        kept = {name: value for name, value in os.environ.items() if name not in hidden}
        kept |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        finished = subprocess.run(
            [self.folder / "bin" / program, *map(str, arguments)],
            cwd=cwd or self.folder,
            env=kept,
            capture_output=True,
            text=True,
        )
        assert finished.returncode == code, finished.stdout + finished.stderr
        return finished.stdout + finished.stderr

    def install(self, *requirements):
        self.run("python", "-m", "pip", "install", "--quiet", *requirements)

    def components(self):
        """What `crowdkit list` says is installed."""
        return json.loads(self.run("crowdkit", "list", "--json"))


def pytest_generate_tests(metafunc):
    if "plugin" in metafunc.fixturenames:
        cases = [pytest.param(Project(folder), id=folder.name) for folder in PLUGINS]
        metafunc.parametrize("plugin", cases, scope="session")


@pytest.fixture(scope="session")
def core():
    return Project(ROOT)


@pytest.fixture(scope="session")
def plugins():
    """All plugins, by the name of their distribution."""
    return {project.name: project for project in map(Project, PLUGINS)}


@pytest.fixture(scope="session")
def wheels(tmp_path_factory):
    """Wheels of the core and of every plugin."""
    folder = tmp_path_factory.mktemp("wheels")
    for project in (ROOT, *PLUGINS):
        with contextlib.chdir(project):
            build.build_wheel(str(folder))
    return folder


@pytest.fixture(scope="session")
def third_party(tmp_path_factory):
    """Links to everything installed here but crowdkit, its metadata and its editable installs."""
    links = tmp_path_factory.mktemp("third-party")
    installed = {Path(sysconfig.get_path(kind)) for kind in ("purelib", "platlib")}
    for entry in (entry for folder in installed for entry in folder.iterdir()):
        if "crowdkit" not in entry.name and entry.name != "__pycache__":
            (links / entry.name).symlink_to(entry)
    names = {found.metadata["Name"] for found in metadata.distributions(path=[str(links)])}
    assert "torch" in names
    assert not [name for name in names if name.startswith("crowdkit")]
    return links


@pytest.fixture(scope="session")
def clean_environment(tmp_path_factory, wheels, third_party):
    """Make an environment with some requirements installed."""

    def make(*requirements):
        folder = tmp_path_factory.mktemp("environment")
        venv.EnvBuilder(symlinks=True).create(folder)
        places = {"base": str(folder), "platbase": str(folder)}
        site = Path(sysconfig.get_path("purelib", "venv", places))
        (site / "third_party.pth").write_text(f"{third_party}\n", encoding="utf-8")
        environment = Environment(folder, wheels)
        environment.install(*requirements)
        return environment

    return make
