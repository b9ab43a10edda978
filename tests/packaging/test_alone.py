"""The core without a plugin, and each plugin with nothing but what it declares."""

import json
import re
import shutil

import pytest

from crowdkit_core import create
from crowdkit_core.inference import Model
from crowdkit_core.registry.kinds import KINDS

EXTRAS = ("h5py", "roifile", "pytest", "hypothesis", "beartype")
"""What the core's extras bring."""

TINY_RUN = """
from torch import nn
from crowdkit_core import create
from crowdkit_core.evaluation import evaluate
from crowdkit_core.interfaces import Counter, MapSpec, Prediction, TrainingTask
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import train

class MyCounter(Counter):
    size_multiple, receptive_field = 1, 3

    def __init__(self):
        super().__init__()
        self.outputs = {"density": MapSpec("density", 1)}
        self.layer = nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, images):
        return Prediction.from_density(self.layer(images).relu(), 1)

scenes = create("dataset", "synthetic", images=2, size=(64, 64), people=(1, 4))
task = TrainingTask(
    counter=MyCounter(),
    loss=create("loss", "mse"),
    density_generator=create("density_generator", "fixed", sigma=3.0),
    train=scenes,
)
result = train(task, create("trainer", "supervised", epochs=1), RunSettings(directory="run"))
print("evaluated", len(evaluate(result.counter, scenes).images))
"""
"""A user's own counter; the core has none."""

QUICKER = {
    "can": ("counter.backbone=resnet18",),
    "csrnet": ("counter.backbone=resnet18",),
    "deepcount": ("counter.tile=[128, 128]", "counter.branches=[4, 5]"),
    "onnx": ("counter.file={onnx_file}",),
    "recurrent-distillation": (
        "counter.backbone=resnet18",
        "density_generator.preset=shanghaitech-a",
    ),
    "sfcn": ("counter.backbone=resnet18",),
}
"""Options that make the large networks small enough for a check, and those that one needs."""


@pytest.fixture(scope="module")
def core_alone(clean_environment):
    return clean_environment("crowdkit-core")


def test_the_core_lists_its_own(core_alone, core):
    listed = core_alone.components()
    assert not [each for each in listed if each["error"]]
    assert {(each["kind"], each["name"]) for each in listed} == offered(core)
    assert core_alone.run("crowdkit", "list", "recipes").count("\n") == 1


def offered(project):
    return {
        (kind, name) for kind, group in KINDS.items() for name in project.components.get(group, ())
    }


def test_what_needs_a_plugin_says_which(core_alone):
    said = core_alone.run("crowdkit", "demo", code=2)
    assert "pip install crowdkit-mcnn" in said
    said = core_alone.run("crowdkit", "info", "rdcc", code=2)
    assert "pip install crowdkit-recurrent-distillation" in said


def test_the_core_imports_and_trains_without_extras(core_alone, core):
    packages = {path.parent.name for path in core.source.glob("*/__init__.py")} - {"testing"}
    imports = "\n".join(f"import crowdkit_core.{package}" for package in sorted(packages))
    blocked = f"import sys\nsys.modules.update(dict.fromkeys({EXTRAS}))"
    said = core_alone.run("python", "-c", f"{blocked}\n{imports}\n{TINY_RUN}")
    assert "evaluated 2" in said


def test_everything_declared_can_be_had(core_alone, plugins):
    wanted = [f"{name}[testing]" for name in plugins]
    said = core_alone.run("python", "-m", "pip", "install", "--dry-run", *wanted)
    assert all(f"{name}-" in said for name in plugins)


@pytest.fixture(scope="session")
def needed(plugin, plugins):
    """A plugin and the plugins it requires."""
    wanted = [plugin.name]
    for name in wanted:  # grows as it goes
        required = plugins[name].requirements
        wanted += [each for each in required if each in plugins and each not in wanted]
    return [plugins[name] for name in wanted]


@pytest.fixture(scope="session")
def alone(needed, core, clean_environment):
    """A plugin with what it requires; its extras are not installed."""
    names = [project.name for project in (core, *needed)]
    return clean_environment("--no-deps", *names)  # looking at torch's requirements takes long


def test_a_plugin_installs_and_lists_its_parts(plugin, needed, alone, core):
    package = plugin.source.name
    place = alone.run("python", "-c", f"import {package}; print({package}.__file__)").strip()
    assert place.startswith(str(alone.folder))
    listed = alone.components()
    assert not [each for each in listed if each["error"]]
    expected = set().union(*map(offered, (core, *needed)))
    assert {(each["kind"], each["name"]) for each in listed} == expected
    recipes = json.loads(alone.run("crowdkit", "list", "recipes", "--json"))
    recipes += json.loads(alone.run("crowdkit", "list", "grids", "--json"))
    assert not [each for each in recipes if each["error"]]
    files = [file for project in needed for file in project.source.glob("recipes/*.toml")]
    assert len(recipes) == len(files)


def test_a_photo_is_counted_with_installed_weights(core, clean_environment, tmp_path, monkeypatch):
    environment = clean_environment("--no-deps", core.name, "crowdkit-zip", "crowdkit-people")
    shutil.copy(core.folder / "docs/pictures/scene.jpg", tmp_path / "photo.jpg")
    monkeypatch.setenv("CROWDKIT_CACHE", str(tmp_path / "cache"))
    said = environment.run("crowdkit", "count", "photo.jpg", cwd=tmp_path)
    assert re.search(r"photo\.jpg\t\d+ people \(90 %: \d+ to \d+\)", said)


@pytest.fixture(scope="session")
def onnx_file(tmp_path_factory):
    """What the counter `onnx` runs."""
    path = tmp_path_factory.mktemp("exported") / "mcnn.onnx"
    Model(counter=create("counter", "mcnn")).export(path)
    return path


@pytest.mark.slow
def test_a_plugin_keeps_the_contract_alone(plugin, alone, onnx_file):
    package = plugin.source.name
    modules = [
        ".".join(path.relative_to(plugin.source.parent).with_suffix("").parts)
        for path in plugin.source.rglob("*.py")
    ]
    assert package + ".__init__" in modules
    alone.run("python", "-c", "\n".join(f"import {module}" for module in modules))
    wanted = [each.format(onnx_file=onnx_file) for each in QUICKER.get(plugin.folder.name, ())]
    options = [word for each in wanted for word in ("--set", each)]
    assert "checks passed" in alone.run("crowdkit", "plugin", "check", plugin.name, *options)


@pytest.mark.slow
def test_a_plugin_passes_its_own_tests(plugin, core, clean_environment, tmp_path):
    """With the siblings that its extra ``testing`` names, away from the repository."""
    environment = clean_environment(f"{plugin.name}[testing]")
    shutil.copytree(plugin.folder / "tests", tmp_path / "tests")
    for settings in ("pyproject.toml", "conftest.py"):
        shutil.copy(core.folder / settings, tmp_path)
    options = ["-q", "--basetemp", tmp_path / "temporary"]
    finished = environment.run("python", "-m", "pytest", *options, "tests", cwd=tmp_path)
    assert " passed" in finished
