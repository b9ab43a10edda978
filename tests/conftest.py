"""Fixtures shared by the tests of the core."""

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
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


class Clips:
    """Tiny clips, made by PyAV, whose frames can be told apart by their grey."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def grey(self, number: int) -> np.ndarray:
        """(H, W, 3) of frame ``number``, with noise, which takes room in a file."""
        noise = np.random.default_rng(number).integers(-12, 13, (48, 64, 1))
        return np.repeat(20 + 6 * number + noise, 3, axis=2).astype(np.uint8)

    def number(self, picture: Any) -> int:
        """Which frame it is, by its grey."""
        return round((float(np.asarray(picture).mean()) - 20) / 6)

    def write(
        self,
        name: str,
        pictures: Sequence[np.ndarray] | int,
        *,
        times: Sequence[float] | None = None,
        turned: tuple[int, bool, bool] | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Path:
        """Frames, or so many greys, ten a second or each at a time of its own in seconds.

        ``turned`` is how it is to be shown: degrees counterclockwise, then mirrored left to right,
        upside down.
        """
        if isinstance(pictures, int):
            pictures = [self.grey(number) for number in range(pictures)]
        path = self._folder / name
        with av.open(f"file:{path}", "w", options=dict(options or {})) as container:
            stream = container.add_stream("mpeg4", rate=10, options={"g": "2", "qmax": "3"})
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            if path.suffix != ".avi":  # whose frames all take the same time
                stream.codec_context.time_base = Fraction(1, 1000)
            if turned is not None:
                stream.set_display_rotation(*turned)
            for number, picture in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                time = number / 10 if times is None else times[number]
                frame.time_base, frame.pts = Fraction(1, 1000), round(1000 * time)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    def cut(self, path: Path, share: float) -> Path:
        """The beginning of a file, as a file of its own."""
        shorter = path.with_name(f"cut-{path.name}")
        shorter.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
        return shorter

    def sound(self, name: str) -> Path:
        """A file of sound alone."""
        path = self._folder / name
        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=8000)
            frame = av.AudioFrame(format="fltp", layout="mono", samples=1024)
            frame.sample_rate, frame.pts = 8000, 0
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return path

    def shown(self, path: Path) -> list[tuple[float, np.ndarray]]:
        """The times and pictures of a video, as PyAV reads them."""
        with av.open(f"file:{path}") as container:
            return [
                (float(frame.pts * frame.time_base), frame.to_ndarray(format="rgb24"))
                for frame in container.decode(video=0)
            ]


@pytest.fixture
def clips(tmp_path: Path) -> Clips:
    """Writes clips into the test's folder, and reads them."""
    return Clips(tmp_path)


def _ini(entry_points: Mapping[str, Mapping[str, str]]) -> str:
    return "\n".join(
        line
        for group, points in entry_points.items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in points.items()))
    )
