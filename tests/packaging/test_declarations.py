"""What a distribution imports and names is what it declares."""

import ast
import re
import sys
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import crowdkit_core
from crowdkit_core.registry.kinds import KINDS
from crowdkit_core.testing.plugins import ALONE

CONTRACT = {"torch", "jaxtyping"}
"""What the interfaces of the core are written in comes with the core; the rest is declared."""

PINNED = {"pydantic-core": "pydantic"}
"""What a declared library pins to one version and documents as its own."""


def requirements(lines):
    return {canonicalize_name(each.name): each for each in map(Requirement, lines)}


def declared(project, *extras):
    """Requirements of a project and its extras, those it takes from its own extras included."""
    table = project.table
    lines = list(table["dependencies"])
    for extra in extras:
        lines += table.get("optional-dependencies", {}).get(extra, [])
    own = [each for each in map(Requirement, lines) if each.name == project.name]
    nested = {extra for each in own for extra in each.extras} - set(extras)
    if nested:
        return declared(project, *extras, *nested)
    return requirements(line for line in lines if Requirement(line).name != project.name)


@pytest.fixture(scope="session")
def distributions():
    """Importable name -> the distribution it comes from."""
    return {
        module: canonicalize_name(names[0])
        for module, names in metadata.packages_distributions().items()
    }


@pytest.fixture(scope="session")
def libraries_of(distributions, plugins):
    """Which distributions files import, without the standard library."""
    own = {project.source.name: name for name, project in plugins.items()}
    known = {**distributions, **own, "crowdkit_core": "crowdkit-core"}

    def find(files):
        modules = {module for path in files for module in imported(path)}
        found = {known.get(each, each) for each in modules - sys.stdlib_module_names}
        return {PINNED.get(each, each) for each in found}

    return find


def imported(path):
    """First names of what a file imports anywhere."""
    for statement in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(statement, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.level == 0:
            yield statement.module.partition(".")[0]


def test_a_plugin_declares_what_it_imports(plugin, libraries_of):
    imports = libraries_of(plugin.source.rglob("*.py"))
    assert imports - {plugin.name} <= {*declared(plugin, ALONE), *CONTRACT}


def test_a_plugin_declares_what_its_tests_import(plugin, core, libraries_of):
    tests = plugin.folder / "tests"
    beside = {path.stem for path in tests.glob("*.py")}
    with_core = {**declared(core, "testing"), **declared(plugin, "testing")}
    core_extras = declared(plugin, "testing")["crowdkit-core"].extras
    assert "testing" in core_extras
    for extra in core_extras:
        with_core |= declared(core, extra)
    assert libraries_of(tests.rglob("*.py")) - beside - {plugin.name} <= set(with_core)


def test_the_core_declares_what_it_imports(core, libraries_of):
    kit = set(core.source.glob("testing/**/*.py"))
    own = {"crowdkit-core"}
    assert libraries_of(kit) - own <= set(declared(core, "testing"))
    extras = {
        name: version
        for extra in ("hdf5", "imagej", "video")
        for name, version in declared(core, extra).items()
    }
    assert libraries_of({*core.source.rglob("*.py")} - kit) - own <= set(extras)


def test_the_core_imports_what_it_declares(core, libraries_of):
    files = core.source.rglob("*.py")
    assert set(declared(core)) <= libraries_of(files)


def test_lower_bounds_are_the_core_s(plugin, core):
    """Raised in one place only; and a version without a lower bound is a wish."""
    bounds = declared(core, "dev")
    for name, requirement in declared(plugin, "testing").items():
        if not name.startswith("crowdkit"):
            assert requirement.specifier == bounds[name].specifier, name


def test_everything_has_a_lower_bound_that_this_environment_meets(core):
    for name, requirement in declared(core, "dev").items():
        assert ">=" in {part.operator for part in requirement.specifier}, name
        assert requirement.specifier.contains(metadata.version(name)), name


def test_ranges_of_crowdkit_end_at_the_next_minor(plugin, core):
    major, minor, *_ = map(int, core.table["version"].split("."))
    ours = {
        name: requirement.specifier
        for name, requirement in declared(plugin, "testing", "recipes").items()
        if name.startswith("crowdkit")
    }
    ours["crowdkit-core"] = declared(plugin, ALONE)["crowdkit-core"].specifier
    expected = SpecifierSet(f">={major}.{minor},<{major}.{minor + 1}")
    assert ours == dict.fromkeys(ours, expected)


def test_one_version_everywhere(plugin, core):
    assert plugin.table["version"] == core.table["version"] == crowdkit_core.__version__
    assert plugin.table["requires-python"] == core.table["requires-python"]


def named_components(value):
    """All (kind, name) a recipe or a grid chooses, at any depth."""
    for key, child in value.items() if isinstance(value, dict) else ():
        kind = key.replace("-", "_")
        if kind in KINDS and isinstance(child, str):
            yield kind, child
        elif kind in KINDS and isinstance(child, dict) and "name" in child:
            yield kind, child["name"]
        yield from named_components(child)
    for child in value if isinstance(value, list) else ():
        yield from named_components(child)


def test_recipes_name_parts_of_declared_distributions(plugin, plugins, core):
    """``pip install crowdkit-NAME[recipes]`` brings all that the recipes of a plugin choose."""
    siblings = {name for name in declared(plugin, "recipes") if name in plugins}
    within_reach = [core, plugin, *(plugins[name] for name in siblings)]
    offered = {
        (kind, name)
        for kind, group in KINDS.items()
        for project in within_reach
        for name in project.components.get(group, ())
    }
    recipes = plugin.source.glob("recipes/*.toml")
    chosen = {
        each for path in recipes for each in named_components(tomllib.loads(path.read_text()))
    }
    assert chosen <= offered


def test_every_sibling_is_needed(plugin, plugins):
    """No distribution is asked for that no recipe, source or test of a plugin names."""
    texts = "\n".join(
        path.read_text(encoding="utf-8")
        for suffix in ("toml", "py")
        for path in plugin.files(f"*.{suffix}")
        if path.name != "pyproject.toml"
    )
    for name in declared(plugin, "testing", "recipes").keys() & plugins.keys():
        parts = {part for names in plugins[name].components.values() for part in names}
        assert re.search(rf"\"({'|'.join(map(re.escape, parts))})\"", texts), name
