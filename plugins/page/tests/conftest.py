"""Photos and a small counter, made for each test."""

import io

import pytest
import torch
from crowdkit_page.counting import Models
from crowdkit_page.desk import Desk
from crowdkit_page.limits import Limits
from crowdkit_page.session import Sessions
from crowdkit_page.studio import Studio
from PIL import Image

from crowdkit_core.inference import Model
from crowdkit_core.testing import toys


def jpeg(size=(64, 48), colour=(90, 120, 60)):
    """The bytes of a plain JPEG of (width, height)."""
    written = io.BytesIO()
    Image.new("RGB", size, colour).save(written, "JPEG")
    return written.getvalue()


class ToyModels(Models):
    """One small counter under every name."""

    def load(self, weights):
        torch.manual_seed(0)
        return Model(counter=toys.ToyCounter())


@pytest.fixture
def photo_bytes():
    return jpeg


@pytest.fixture
def limits():
    return Limits(megapixels=1.0, megabytes=1.0, files=4, minutes=30.0, visitors=2)


@pytest.fixture
def studio(tmp_path, limits):
    uploads, corrections = tmp_path / "uploads", tmp_path / "corrections"
    made = Studio(
        sessions=Sessions(uploads, corrections, limits),
        models=ToyModels(),
        runs=tmp_path / "runs",
        files=["toy"],
    )
    yield made
    made.close()


@pytest.fixture
def desk(studio):
    return Desk(studio.sessions.of("visitor-one"), studio)
