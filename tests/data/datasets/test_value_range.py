"""Data sets of microscopy files show all their images by one range of values."""

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from crowdkit_core import create
from crowdkit_core.data.datasets.dots import Dots
from crowdkit_core.errors import CrowdkitError
from crowdkit_core.interfaces import ValueRange
from crowdkit_core.testing import check_dataset

DOTS = np.zeros((40, 40), dtype=np.uint8)
DOTS[5, 7] = DOTS[20, 30] = 255


@pytest.fixture
def cells(tmp_path):
    """Twelve 16-bit images; the test images are ten times as bright as the others."""
    random = np.random.default_rng(0)
    for index in range(12):
        values = random.integers(100, 400, (40, 40)).astype(np.uint16)
        tifffile.imwrite(tmp_path / f"{index:02d}cell.tif", values * (10 if index > 8 else 1))
        Image.fromarray(DOTS).save(tmp_path / f"{index:02d}dots.png")
    return tmp_path


def test_every_split_is_shown_by_the_range_of_the_training_images(cells):
    options = {"root": cells, "test_last": 3, "validation_every": 3}
    parts = [Dots(**options, split=split) for split in ("train", "validation", "test")]
    known = {part.value_range for part in parts}
    assert len(known) == 1
    assert 100 <= known.pop().low < 400
    assert parts[2][0].image.unique().tolist() == [255]  # beyond what training saw
    check_dataset(parts[0])


def test_a_range_is_chosen_by_an_option_and_by_a_program(cells):
    chosen = create("dataset", "dots", root=cells, value_range=[0, 4000])
    assert chosen.value_range == ValueRange(0.0, 4000.0)
    known = Dots(root=cells).with_value_range(ValueRange(0.0, 4000.0))
    assert torch.equal(known[0].image, chosen[0].image)
    with pytest.raises(CrowdkitError, match="the lower one first"):
        create("dataset", "dots", root=cells, value_range=[4000, 0])


def test_joined_parts_are_shown_by_the_range_they_share(cells):
    part = {"name": "dots", "options": {"root": str(cells), "value_range": (0.0, 500.0)}}
    joined = create("dataset", "joined", parts={"cells": part, "crowds": {"name": "synthetic"}})
    assert joined.value_range == ValueRange(0.0, 500.0)
    other = joined.with_value_range(ValueRange(0.0, 1000.0))
    assert other[0].image.float().mean() < joined[0].image.float().mean()


def test_stacks_are_projected(cells):
    with pytest.raises(CrowdkitError, match="3 frames, expected one image"):
        _with_stacks(cells, None)[0]
    image = _with_stacks(cells, "max")[0].image
    assert image.shape == (3, 40, 40)
    assert image[0, 2, 3] == 255


def _with_stacks(cells, project):
    stack = np.full((3, 40, 40), 100, dtype=np.uint16)
    stack[1, 2, 3] = 4000
    for path in cells.glob("*cell.tif"):
        tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZYX"})
    return Dots(root=cells, project=project, value_range=(100.0, 4000.0))
