"""Folders of small corrected images, and a user's own folder of weights."""

import io
from pathlib import Path

import pytest
from PIL import Image
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.data.corrections import Corrections


@pytest.fixture(autouse=True)
def own(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("CROWDKIT_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "own"


@pytest.fixture
def corrected(tmp_path):
    """Make corrections of rendered scenes."""

    def make(images=3, *, people=(5, 30), size=(64, 96), called="mine", seed=0) -> Corrections:
        corrections = Corrections(tmp_path / called)
        scenes = create("dataset", "synthetic", images=images, size=size, people=people, seed=seed)
        for scene in scenes:
            content = io.BytesIO()
            pixels = scene.image.as_subclass(Tensor).permute(1, 2, 0).contiguous()
            Image.fromarray(pixels.numpy()).save(content, "PNG")
            points = scene.points.as_subclass(Tensor).numpy()
            corrections.add(content.getvalue(), points, name=f"{scene.name}.png")
        return corrections

    return make
