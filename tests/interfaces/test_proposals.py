"""Proposals by hand, by their symmetries, and at the edges of images."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crowdkit_core.density import Fixed
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import Counter, MapSpec, Target, predict_points, proposals_of

CORNERS = ((2.0, 2.0), (6.0, 2.0), (2.0, 6.0), (6.0, 6.0))
OUTPUTS = {
    "offsets": MapSpec("offsets", 8, 8, references=CORNERS, scored_by="proposals"),
    "proposals": MapSpec("proposals", 8, 8),
}


def drawn(rows, columns, images=1, seed=0, spread=20.0):
    random = torch.Generator().manual_seed(seed)
    offsets, logits = torch.randn(2, images, 8, rows, columns, generator=random)
    return {"offsets": spread * offsets, "proposals": 3 * logits}


def test_cells_come_in_rows_and_points_of_a_cell_too():
    maps = {"offsets": torch.zeros(1, 8, 2, 3), "proposals": torch.zeros(1, 8, 2, 3)}
    proposals = proposals_of(maps, OUTPUTS)
    assert proposals.references.shape == (24, 2)
    expected = [[2.0, 2.0], [6.0, 2.0], [2.0, 6.0], [6.0, 6.0], [10.0, 2.0]]
    assert proposals.references[:5].tolist() == expected
    assert proposals.references[12].tolist() == [2.0, 10.0]
    assert torch.equal(proposals.xy[0], proposals.references)


def test_channels_are_x_and_y_nobody_and_a_person_of_each_point():
    maps = {name: torch.zeros(1, 8, 1, 2) for name in OUTPUTS}
    maps["offsets"][0, 4, 0, 1] = 5.0  # x of the third point of the right cell
    maps["offsets"][0, 5, 0, 1] = -1.0
    maps["proposals"][0, 5, 0, 1] = 2.0
    proposals = proposals_of(maps, OUTPUTS)
    assert proposals.xy[0, 6].tolist() == [15.0, 5.0]
    assert proposals.scores[0, 6].item() == pytest.approx(1 / (1 + torch.e**-2))
    assert (proposals.scores[0, :6] == 0.5).all()


def test_maps_of_several_strides_follow_each_other():
    coarse = MapSpec("offsets", 16, 2, references=((8.0, 8.0),), scored_by="sure")
    outputs = {**OUTPUTS, "coarse": coarse, "sure": MapSpec("proposals", 16, 2)}
    more = {"coarse": torch.ones(1, 2, 1, 1), "sure": torch.zeros(1, 2, 1, 1)}
    proposals = proposals_of({**drawn(2, 2), **more}, outputs)
    assert proposals.xy.shape == (1, 17, 2)
    assert proposals.xy[0, -1].tolist() == [9.0, 9.0]


def test_gradients_are_derivatives():
    maps = {name: each.double().requires_grad_() for name, each in drawn(2, 2).items()}

    def numbers(offsets, logits):
        proposals = proposals_of({"offsets": offsets, "proposals": logits}, OUTPUTS)
        return proposals.xy, proposals.scores

    assert torch.autograd.gradcheck(numbers, (maps["offsets"], maps["proposals"]))


def sorted_points(prediction):
    points = prediction.points[0].xy
    return points[points[:, 0].argsort()]


@given(rows=st.integers(1, 4), columns=st.integers(1, 4), seed=st.integers(0, 50))
def test_a_mirrored_map_proposes_mirrored_points(rows, columns, seed):
    """Of references that are mirrored with it: the two of a row change places."""
    size = (8 * rows, 8 * columns)
    maps = drawn(rows, columns, seed=seed)
    mirrored = {
        name: each.unflatten(1, (2, 2, 2)).flip(2, -1).flatten(1, 3) for name, each in maps.items()
    }
    mirrored["offsets"][:, 0::2] *= -1
    found, other = (predict_points(m, OUTPUTS, size, threshold=0.5) for m in (maps, mirrored))
    assert torch.equal(found.count, other.count)
    flipped = other.points[0].xy * torch.tensor([-1.0, 1.0]) + torch.tensor([size[1], 0.0])
    expected = found.points[0]
    # Equal scores may come in any order; there are none in a random draw.
    torch.testing.assert_close(flipped, expected.xy, rtol=0, atol=1e-3)
    torch.testing.assert_close(other.points[0].score, expected.score)


@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    threshold=st.floats(0, 0.99),
    seed=st.integers(0, 50),
)
def test_any_size_counts_what_is_in_the_frame(height, width, threshold, seed):
    maps = drawn(-(-height // 8), -(-width // 8), images=2, seed=seed)
    prediction = predict_points(maps, OUTPUTS, (height, width), threshold=threshold)
    proposals = proposals_of(maps, OUTPUTS)
    for image, found in enumerate(prediction.points):
        x, y = proposals.references.unbind(1)
        kept = (x < width) & (y < height) & (proposals.scores[image] > threshold)
        assert prediction.count[image] == len(found.xy) == kept.sum()
        assert ((found.xy >= 0) & (found.xy <= torch.tensor([width, height]))).all()
        assert (found.score.diff() <= 0).all()
        assert ((found.score > threshold) & (found.score <= 1)).all()


@given(height=st.integers(3, 24), width=st.integers(3, 24), seed=st.integers(0, 20))
def test_padding_counts_nobody(height, width, seed):
    """Whatever cells beyond the frame say, they are cut off or propose from outside."""
    maps = drawn(3, 3, seed=seed)
    cells = (slice(None), slice(None), slice(-(-height // 8)), slice(-(-width // 8)))
    cut = {name: each[cells] for name, each in maps.items()}
    whole, alone = (predict_points(m, OUTPUTS, (height, width), threshold=0.5) for m in (maps, cut))
    assert torch.equal(whole.count, alone.count)
    assert torch.equal(sorted_points(whole), sorted_points(alone))


def test_targets_cover_their_own_pixels_and_region():
    roi = torch.zeros(2, 16, 16, dtype=torch.bool)
    roi[0, :10, :7] = True
    roi[1, :16, 8:] = True
    target = Target([torch.zeros(0, 2)] * 2, (16, 16), Fixed(), roi=roi, sizes=[(10, 16), (16, 16)])
    places = torch.tensor([[2.0, 2.0], [6.9, 9.9], [7.0, 2.0], [8.0, 15.9], [16.0, 3.0]])
    expected = [[True, True, False, False, False], [False, False, False, True, False]]
    assert target.covers(places).tolist() == expected
    padded = Target([torch.zeros(0, 2)] * 2, (16, 16), Fixed(), sizes=[(10, 16), (16, 8)])
    expected = [[True, True, True, False, False], [True, True, True, False, False]]
    assert padded.covers(places).tolist() == expected


def test_points_are_counted_inside_a_region():
    maps = {"offsets": torch.zeros(2, 8, 2, 2), "proposals": torch.zeros(2, 8, 2, 2)}
    maps["proposals"][:, 1::2] = 1.0
    prediction = predict_points(maps, OUTPUTS, (16, 16), threshold=0.5)
    assert prediction.count.tolist() == [16, 16]
    roi = torch.zeros(2, 16, 16, dtype=torch.bool)
    roi[0, :, :8] = True
    roi[1, :4, :4] = True
    assert prediction.count_inside(roi).tolist() == [8, 1]


@pytest.mark.parametrize("missing", list(OUTPUTS))
def test_maps_that_are_not_there_are_named(missing):
    maps = drawn(1, 1)
    del maps[missing]
    with pytest.raises(IncompatibleError, match="offsets"):
        proposals_of(maps, OUTPUTS)


def test_a_counter_of_other_maps_has_to_say_what_they_count():
    class Silent(Counter):
        outputs = OUTPUTS

        def forward(self, images):
            return self.read_maps(drawn(1, 1), (8, 8))

    with pytest.raises(IncompatibleError, match="does not say what its maps count"):
        Silent()(torch.zeros(1, 3, 8, 8))
