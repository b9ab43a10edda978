"""Fixtures shared by the tests of the core."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import torch

from crowdkit_core import create
from crowdkit_core.cards import installed
from crowdkit_core.weights import save_weights

Install = Callable[..., Path]
Card = dict[str, Any]


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


@pytest.fixture
def card() -> Callable[..., Card]:
    """Make the table of a card for the content of a file; None takes a key out."""

    def make(content: bytes = b"weights", **changes: Any) -> Card:
        table = {
            "name": "toy",
            "summary": "People in toy scenes.",
            "counter": "mcnn",
            "file": "toy.safetensors",
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "trained_on": {
                "dataset": "toy scenes",
                "split": "train",
                "images": 30,
                "seed": 7,
                "command": "crowdkit train mcnn/synthetic",
                "software": "crowdkit-core 0.1.0",
                "long_side": [96, 128],
            },
            **changes,
        }
        return {key: value for key, value in table.items() if value is not None}

    return make


@pytest.fixture
def offer(install: Install, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Install a made-up package of weights; those that are really installed are not seen."""
    everything, offered = installed.offers, set()
    monkeypatch.setattr(
        installed,
        "offers",
        lambda group: [each for each in everything(group) if each.distribution in offered],
    )

    def install_weights(
        distribution: str, *cards: Card, files: Mapping[str, bytes] | None = None
    ) -> Path:
        """The folder of its cards, each in a file of its name."""
        package = f"made_up_{distribution.replace('-', '_')}"
        texts = {f"{package}/{each['name']}.toml": tomli_w.dumps(each) for each in cards}
        root = install(
            distribution,
            {"crowdkit.weights": {package: package}},
            {f"{package}/__init__.py": "", **texts},
        )
        for name, content in (files or {}).items():
            (root / package / name).write_bytes(content)
        offered.add(distribution)
        return root / package

    return install_weights


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which fetched weights are kept."""
    monkeypatch.setenv("CROWDKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of an untrained MCNN."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "mcnn.safetensors"
    save_weights(path, create("counter", "mcnn"), component="mcnn")
    return path


def _ini(entry_points: Mapping[str, Mapping[str, str]]) -> str:
    return "\n".join(
        line
        for group, points in entry_points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    )
