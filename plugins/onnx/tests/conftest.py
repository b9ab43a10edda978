"""A small counter as a model and as an ONNX file, and rendered scenes to count."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from crowdkit_core import create
from crowdkit_core.inference import Calibration, Model, Sizing

ROTATED = Image.Exif()
ROTATED[0x0112] = 6


def mcnn():
    """An untrained `mcnn` whose map has some persons everywhere."""
    torch.manual_seed(3)
    counter = create("counter", "mcnn")
    with torch.no_grad():
        last = list(counter.parameters())[-2:]
        last[0].mul_(30)
        last[1].fill_(0.02)
    return counter


def known_counts(number=40):
    """A calibration that gives small and large counts intervals of their own."""
    predicted = np.linspace(5, 300, number)
    actual = predicted * np.linspace(0.7, 1.4, number)[::-1]
    return Calibration(predicted=tuple(predicted.tolist()), actual=tuple(actual.tolist()))


@pytest.fixture(scope="session")
def model():
    """Shown at long sides up to 160, and again larger where heads are near."""
    sizing = Sizing.trained_on((64, 160), (4.6, 40.0))
    calibration = replace(known_counts(), sizing=sizing.described())
    localizer = create("localizer", "local-maxima")
    return Model(
        counter=mcnn(), sizing=sizing, calibration=calibration, localizer=localizer, things="birds"
    )


@pytest.fixture(scope="session")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "small.onnx"
    model.export(path)
    return path


@pytest.fixture(scope="session")
def plain_file(tmp_path_factory):
    """Of a counter of which nothing is known."""
    path = tmp_path_factory.mktemp("plain") / "plain.onnx"
    Model(counter=mcnn()).export(path)
    return path


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Rendered scenes in sizes odd and even, upright and turned, grey and with a palette."""
    folder = tmp_path_factory.mktemp("scenes")
    for number, (height, width) in enumerate([(96, 128), (131, 75), (301, 257), (40, 50)]):
        size = (max(height, 64), max(width, 64))
        (scene,) = create("dataset", "synthetic", images=1, size=size, people=(40, 80), empty=0.0)
        pixels = scene.image.permute(1, 2, 0)[:height, :width].numpy()
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / f"{number}.png")
    first = Image.open(folder / "2.png")
    first.save(folder / "turned.jpg", exif=ROTATED, quality=90)
    first.convert("L").save(folder / "grey.jpg")
    first.convert("P").save(folder / "palette.png")
    return sorted(folder.iterdir())
