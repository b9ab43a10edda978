"""What is plainly wrong with an entry point, told without importing it.

Importing would load torch. This reads source files instead, so it sees a missing module, a missing
dependency, a syntax error, an unconditional ``raise`` and a missing attribute; what only shows at
import is found when the component is loaded.
"""

import ast
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path


def static_problem(value: str) -> str:
    """Why ``module:attribute`` cannot be loaded; empty if nothing shows.

    Example:
        >>> static_problem("crowdkit_core.errors:UsageError")
        ''
        >>> static_problem("crowdkit_core.nowhere:Thing")
        "ModuleNotFoundError: No module named 'crowdkit_core.nowhere'"
    """
    module, _, attribute = value.partition(":")
    search: Sequence[str] | None = None
    source: _Source | None = None
    for name in _with_parents(module.strip()):
        spec = _find(name, search)
        if spec is None:
            return _not_found(name)
        source = _read(spec)
        if source and (problem := _problem_of(source)):
            return problem
        search = list(spec.submodule_search_locations or ())
    return _missing_attribute(source, module, attribute.strip()) if source else ""


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    return (".".join(parts[: i + 1]) for i in range(len(parts)))


def _find(name: str, search: Sequence[str] | None) -> ModuleSpec | None:
    """The spec of a module whose parents are not imported, unlike `importlib.util.find_spec`."""
    for finder in sys.meta_path:
        try:
            if spec := finder.find_spec(name, search):
                return spec
        except KeyError:  # a folder without __init__.py: its parent would have to be imported
            return _namespace(name, search or ())
    return None


def _namespace(name: str, search: Sequence[str]) -> ModuleSpec:
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [f"{each}/{name.rpartition('.')[2]}" for each in search]
    return spec


@cache
def _is_installed(package: str) -> bool:
    return _find(package, None) is not None


@dataclass(frozen=True, slots=True)
class _Source:
    path: Path
    text: str
    tree: ast.Module | SyntaxError


def _read(spec: ModuleSpec) -> _Source | None:
    """The source of a module; None where there is none to read."""
    if not (spec.origin and spec.origin.endswith(".py") and Path(spec.origin).is_file()):
        return None
    path = Path(spec.origin)
    return _parsed(path, path.stat().st_mtime_ns)


@cache
def _parsed(path: Path, _modified: int) -> _Source:
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        return _Source(path, text, ast.parse(text))
    except SyntaxError as error:
        return _Source(path, text, error)


def _problem_of(source: _Source) -> str:
    if isinstance(source.tree, SyntaxError):
        return f"SyntaxError: {source.tree.msg} ({source.path}, line {source.tree.lineno})"
    for statement in source.tree.body:
        if isinstance(statement, ast.Raise) and statement.exc is not None:
            return f"raises {ast.unparse(statement.exc)} when imported"
        for package in _imported_packages(statement):
            if not _is_installed(package):
                return _not_found(package)
    return ""


def _imported_packages(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.level == 0 and statement.module:
        yield statement.module.partition(".")[0]


def _missing_attribute(source: _Source, module: str, attribute: str) -> str:
    name = attribute.partition(".")[0]
    if name in source.text or "import *" in source.text or "__getattr__" in source.text:
        return ""
    return f"AttributeError: module {module!r} has no attribute {name!r}"


def _not_found(name: str) -> str:
    return f"ModuleNotFoundError: No module named {name!r}"
