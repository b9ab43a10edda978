"""People per cell against hand-made cases and numpy's histograms."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from crowdkit_core.density import count_cells


def test_people_of_one_place_are_as_many_as_they_are():
    points = torch.tensor([[3.0, 3.0]] * 3 + [[12.0, 1.0]])
    assert count_cells(points, (8, 16), 8).tolist() == [[3, 1]]


def test_a_point_on_the_far_border_belongs_to_the_last_cell():
    points = torch.tensor([[20.0, 10.0], [0.0, 0.0], [8.0, 8.0]])
    assert count_cells(points, (10, 20), 8).tolist() == [[1, 0, 0], [0, 1, 1]]


@given(
    people=st.integers(0, 60),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    stride=st.sampled_from([8, 16, 32]),
    seed=st.integers(0, 99),
)
def test_cells_are_numpys_histogram(people, height, width, stride, seed):
    random = torch.Generator().manual_seed(seed)
    points = torch.rand(people, 2, generator=random) * torch.tensor([width, height])
    rows, columns = (np.arange(0, side + stride, stride) for side in (height, width))
    expected, *_ = np.histogram2d(points[:, 1].numpy(), points[:, 0].numpy(), bins=(rows, columns))
    found = count_cells(points, (height, width), stride).numpy()
    assert (found == expected[: found.shape[0], : found.shape[1]]).all()
    assert found.sum() == people
