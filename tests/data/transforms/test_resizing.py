"""Data sets that give their images resized: one scale for training, validation and test."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.data.transforms import Resizing, resize, resize_annotation
from crowdkit_core.errors import OptionsError
from crowdkit_core.interfaces import Annotation, Points, Sample

sides = st.integers(1, 5000)


@pytest.mark.parametrize(
    ("bounds", "size", "expected"),
    [
        ((1080, 1080), (2000, 3000), (720, 1080)),
        ((1080, 1080), (300, 200), (1080, 720)),
        ((1, 2048), (3072, 4096), (1536, 2048)),
        ((1, 2048), (600, 800), (600, 800)),
        ((1024, 2048), (384, 512), (768, 1024)),
        ((64, 64), (3, 4000), (1, 64)),
        (None, (3, 4000), (3, 4000)),
    ],
)
def test_the_longer_side_is_brought_to_the_nearer_bound(bounds, size, expected):
    assert Resizing(long_side=bounds)(size) == expected


def test_a_scale_is_of_both_sides():
    assert Resizing(scale=2.0)((158, 238)) == (316, 476)
    assert Resizing(scale=0.5)((1, 7)) == (1, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"long_side": (0, 5)}, r"long_side \(0, 5\), expected least and greatest"),
        ({"long_side": (9, 5)}, r"long_side \(9, 5\)"),
        ({"scale": 0.0}, "scale 0.0, expected a factor above 0"),
        ({"scale": float("inf")}, "scale inf"),
        ({"scale": float("nan")}, "scale nan"),
    ],
)
def test_bad_options(options, words):
    with pytest.raises(OptionsError, match=words):
        Resizing(**options)


@settings(deadline=None, max_examples=50)
@given(old=st.tuples(sides, sides), new=st.tuples(sides, sides))
def test_corners_stay_corners(old, new):
    corners = [[0.0, 0.0], [old[1], 0.0], [0.0, old[0]], [old[1], old[0]]]
    annotation = Annotation(name="a", size=old, points=torch.tensor(corners))
    points = resize_annotation(annotation, new).points
    expected = torch.tensor([[0.0, 0.0], [new[1], 0.0], [0.0, new[0]], [new[1], new[0]]])
    torch.testing.assert_close(points, expected, rtol=1e-6, atol=0)
    assert (points <= expected[3]).all()


@settings(deadline=None, max_examples=25)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    new=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    region=st.booleans(),
)
def test_an_annotation_is_resized_as_its_sample(size, new, region):
    random = torch.Generator().manual_seed(size[0])
    points = torch.rand(7, 2, generator=random) * torch.tensor([size[1], size[0]])
    roi = torch.rand(size, generator=random) < 0.5 if region else None
    lengths = {"head_width": torch.rand(7, generator=random)}
    sample = Sample(
        name="a",
        image=torch.zeros(3, *size),
        points=Points(points, canvas_size=size),
        roi=roi,
        lengths=lengths,
        group="night",
    )
    annotation = Annotation(
        name="a", size=size, points=points, roi=roi, lengths=lengths, clipped=2, group="night"
    )
    expected, found = resize(sample, new), resize_annotation(annotation, new)
    assert found.size == expected.size == new
    assert (found.name, found.clipped, found.group) == ("a", 2, "night")
    assert torch.equal(found.points, expected.points.as_subclass(torch.Tensor))
    assert torch.equal(found.lengths["head_width"], expected.lengths["head_width"])
    assert (found.roi is None) == (expected.roi is None)
    assert roi is None or torch.equal(found.roi, expected.roi)
