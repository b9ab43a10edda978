"""Odd files are read in silence; warnings of others are left as they are."""

import warnings

import numpy as np
import pytest
from PIL import Image

from crowdkit_core.data import read_image
from crowdkit_core.data.files.silence import decoders_silenced


def test_pillow_does_not_warn_of_a_large_image(tmp_path, monkeypatch):
    Image.fromarray(np.zeros((4, 4, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.warns(Image.DecompressionBombWarning):
        Image.open(tmp_path / "a.png").close()
    assert read_image(tmp_path / "a.png").shape == (3, 4, 4)


def test_others_warn_all_the_same():
    with decoders_silenced(), pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", stacklevel=1)


def test_overlaps_leave_the_filters_as_they_were():
    before = list(warnings.filters)
    silence = decoders_silenced()
    silence.__enter__()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        silence.__exit__(None, None, None)
    assert list(warnings.filters) == before


def test_filters_may_be_reset_meanwhile():
    with warnings.catch_warnings(), decoders_silenced():
        warnings.resetwarnings()
