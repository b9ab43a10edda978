"""Wheels and source distributions hold what a user needs, and nothing else."""

import contextlib
import tarfile
from email import message_from_bytes
from pathlib import Path
from zipfile import ZipFile

import pytest
from hatchling import build

LICENCE = Path(__file__).parents[2] / "LICENSE"
LITTER = {"__pycache__", ".pytest_cache", ".hypothesis", ".git", ".venv", "dist", "build"}


@pytest.fixture(scope="session")
def source_distributions(tmp_path_factory):
    """Unpack the source distribution of a project once."""
    unpacked = {}

    def unpack(project):
        if project.name not in unpacked:
            folder = tmp_path_factory.mktemp("sdist")
            with contextlib.chdir(project.folder):
                archive = folder / build.build_sdist(str(folder))
            with tarfile.open(archive) as opened:
                opened.extractall(folder, filter="data")
            (unpacked[project.name],) = (each for each in folder.iterdir() if each.is_dir())
        return unpacked[project.name]

    return unpack


def wheel_of(project, folder):
    name = project.name.replace("-", "_")
    return ZipFile(folder / f"{name}-{project.table['version']}-py3-none-any.whl")


def metadata_of(wheel):
    (path,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(path))


def shipped(project):
    """Paths of the files of its package, as a wheel names them."""
    found = project.source.rglob("*")
    files = (each for each in found if each.is_file() and "__pycache__" not in each.parts)
    return {each.relative_to(project.source.parent).as_posix() for each in files}


def check_wheel(project, wheel):
    package = project.source.name
    names = set(wheel.namelist())
    assert {name for name in names if ".dist-info/" not in name} == shipped(project)
    assert f"{package}/py.typed" in names
    written = metadata_of(wheel)
    assert written["License-Expression"] == "Apache-2.0"
    assert written.get_all("License-File") == ["LICENSE"]
    (licence,) = (name for name in names if name.endswith("licenses/LICENSE"))
    assert wheel.read(licence) == LICENCE.read_bytes()
    assert written["Requires-Python"] == ">=3.11"
    assert (project.folder / "README.md").read_text(encoding="utf-8") in (
        written.get_payload(decode=True).decode()
    )


def test_the_wheel_of_the_core(core, wheels):
    with wheel_of(core, wheels) as wheel:
        check_wheel(core, wheel)
        names = set(wheel.namelist())
    assert "crowdkit_core/registry/catalogue.toml" in names
    assert "crowdkit_core/scaffold/templates/pyproject.toml.tmpl" in names


def test_the_wheel_of_a_plugin(plugin, wheels):
    with wheel_of(plugin, wheels) as wheel:
        check_wheel(plugin, wheel)
        names = set(wheel.namelist())
    recipes = f"{plugin.source.name}/recipes/"
    found = any(name.startswith(recipes) and name.endswith(".toml") for name in names)
    assert found == ("crowdkit.recipes" in plugin.components)


def test_the_source_distribution_of_the_core(core, wheels, source_distributions, tmp_path):
    check_source(core, wheels, source_distributions(core), tmp_path)


def test_the_source_distribution_of_a_plugin(plugin, wheels, source_distributions, tmp_path):
    folder = source_distributions(plugin)
    tests = {path.relative_to(plugin.folder) for path in plugin.files("test_*.py")}
    assert tests
    assert tests <= {path.relative_to(folder) for path in folder.rglob("*.py")}
    check_source(plugin, wheels, folder, tmp_path)


def check_source(project, wheels, folder, output):
    """It holds no litter, and its wheel is the one built from the repository."""
    found = list(folder.rglob("*"))
    assert not [path for path in found if LITTER & set(path.relative_to(folder).parts)]
    assert {"pyproject.toml", "README.md"} <= {path.name for path in folder.iterdir()}
    with contextlib.chdir(folder):
        build.build_wheel(str(output))
    with wheel_of(project, output) as again, wheel_of(project, wheels) as wheel:
        assert checksums(again) == checksums(wheel)


def checksums(wheel):
    """Of every file, by name."""
    return {each.filename: each.CRC for each in wheel.infolist()}
