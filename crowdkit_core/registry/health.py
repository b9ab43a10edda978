"""What is plainly wrong with an entry point, told without importing it.

Importing would load torch. This reads source files instead, so it sees a missing module, a missing
dependency, a syntax error, an unconditional ``raise`` and a missing attribute; what only shows at
import is found when the component is loaded.
"""

import ast
import re
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import cache_from_source
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


def _read(spec: ModuleSpec) -> _Source | None:
    """The source of a module; None where there is none to read."""
    if not (spec.origin and spec.origin.endswith(".py") and Path(spec.origin).is_file()):
        return None
    path = Path(spec.origin)
    return _Source(path, path.read_text(encoding="utf-8", errors="replace"))


@cache
def _problem_of(source: _Source) -> str:
    if _is_sound(source):
        return ""
    try:
        statements = ast.parse(source.text).body
    except SyntaxError as error:
        return f"SyntaxError: {error.msg} ({source.path}, line {error.lineno})"
    for statement in statements:
        if isinstance(statement, ast.Raise) and statement.exc is not None:
            return f"raises {ast.unparse(statement.exc)} when imported"
        for package in _imported_packages(statement):
            if not _is_installed(package):
                return _not_found(package)
    return ""


def _is_sound(source: _Source) -> bool:
    """Whether a glance is enough, which is quicker than parsing.

    Python has compiled the source as it stands, and no line looks like a ``raise`` or an import of
    something that is not installed. Prose may look so, and then the source is parsed.
    """
    return (
        _is_compiled(source.path)
        and not _SUSPICIOUS.search(source.text)
        and all(map(_is_installed, _IMPORTED.findall(source.text)))
    )


_SUSPICIOUS = re.compile(r"^(raise\b|import\b.*,)", re.MULTILINE)
_IMPORTED = re.compile(r"^(?:from|import)[ \t]+(\w+)", re.MULTILINE)


def _is_compiled(path: Path) -> bool:
    """Whether the cached byte code is of the source as it stands; its header says of which."""
    try:
        with open(cache_from_source(path), "rb") as file:
            header = file.read(16)
        found = path.stat()
    except OSError:
        return False
    source = (int(found.st_mtime) & 0xFFFFFFFF, found.st_size & 0xFFFFFFFF)
    return len(header) == 16 and struct.unpack("<III", header[4:]) == (0, *source)


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
