"""Write a plugin package that installs, passes its own tests and the conformance kit."""

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from string import Template

import crowdkit_core
from crowdkit_core.errors import UsageError
from crowdkit_core.registry.kinds import KINDS, checked_kind

SCAFFOLD_KINDS = (
    *("counter", "density_generator", "loss", "localizer", "metric"),
    *("dataset", "trainer"),
)
"""Kinds there is a template for."""

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


def write_plugin(name: str, *, kind: str = "counter", parent: Path = Path()) -> Path:
    """Write the package ``crowdkit-NAME`` with one component called ``name``.

    Args:
        name: Lower-case words joined by hyphens.
        kind: One of `SCAFFOLD_KINDS`.
        parent: The package's folder ``crowdkit-NAME`` is made in it.

    Returns:
        The new folder.

    Raises:
        UsageError: The name or kind is unusable, or the folder exists.
    """
    kind = checked_kind(kind)
    if kind not in SCAFFOLD_KINDS:
        raise UsageError(
            f"there is no template for a {kind}", hint=f"kinds: {', '.join(SCAFFOLD_KINDS)}"
        )
    if not NAME.fullmatch(name):
        raise UsageError(
            f"plugin name {name!r}: expected lower-case words joined by hyphens, such as my-paper"
        )
    folder = parent / f"crowdkit-{name}"
    if folder.exists():
        raise UsageError(f"{folder} exists already", hint="choose another name or folder")
    for path, text in _files(name, kind).items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def _files(name: str, kind: str) -> dict[str, str | bytes]:
    package = f"crowdkit_{name.replace('-', '_')}"
    values = {
        "name": name,
        "package": package,
        "module": kind,
        "kind": kind,
        "words": kind.replace("_", " "),
        "group": KINDS[kind],
        "class_name": "".join(word.capitalize() for word in name.split("-")),
        "core_range": _core_range(crowdkit_core.__version__),
    }
    sample: Mapping[str, bytes] = {}
    if kind == "dataset":
        from crowdkit_core.scaffold.sample import sample_files

        sample = sample_files()
    return {
        **{f"src/{package}/sample/{path}": content for path, content in sample.items()},
        "pyproject.toml": _render("pyproject.toml", values),
        "README.md": _render("README.md", values),
        ".gitignore": _render("gitignore", values),
        f"src/{package}/__init__.py": _render("__init__.py", values),
        f"src/{package}/py.typed": "",
        f"src/{package}/{kind}.py": _render(f"{kind}.py", values),
        f"tests/test_{kind}.py": _render("test_component.py", values),
    }


def _render(template: str, values: dict[str, str]) -> str:
    source = resources.files("crowdkit_core.scaffold") / "templates" / f"{template}.tmpl"
    return Template(source.read_text(encoding="utf-8")).substitute(values)


def _core_range(version: str) -> str:
    """The versions a plugin written against ``version`` works with: up to the next minor."""
    major, minor = version.split(".")[:2]
    return f">={major}.{minor},<{major}.{int(minor) + 1}"
