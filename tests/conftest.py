"""Fixtures shared by the tests of the core."""

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

Install = Callable[..., Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Put a made-up distribution on sys.path: metadata, and modules or files by relative path."""

    def install_distribution(
        name: str,
        entry_points: Mapping[str, Mapping[str, str]] | str,
        files: Mapping[str, str] | None = None,
        *,
        version: str = "1.0",
        requires: str = "",
        folder: str = "",
    ) -> Path:
        root = tmp_path / (folder or f"site-{name}")
        info = root / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        required = f"Requires-Dist: {requires}\n" if requires else ""
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{required}"
        )
        (info / "entry_points.txt").write_text(
            entry_points if isinstance(entry_points, str) else _ini(entry_points)
        )
        for path, text in (files or {}).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        monkeypatch.syspath_prepend(root)
        return root

    before = set(sys.modules)
    yield install_distribution
    for name in reversed([each for each in sys.modules if each not in before]):
        known = getattr(sys.modules[name], "__dict__", {})
        places = [known.get("__file__"), *(known.get("__path__") or ())]
        if any(str(place).startswith(str(tmp_path)) for place in places):
            del sys.modules[name]


def _ini(entry_points: Mapping[str, Mapping[str, str]]) -> str:
    return "\n".join(
        line
        for group, points in entry_points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    )
