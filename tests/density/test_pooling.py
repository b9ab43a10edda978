import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.density import sum_pool
from crowdkit_core.errors import ShapeError, UsageError

sides = st.integers(1, 40)


def test_partial_blocks_keep_what_they_hold():
    density = torch.arange(15.0).view(3, 5)
    assert sum_pool(density, 2).tolist() == [
        [0 + 1 + 5 + 6, 2 + 3 + 7 + 8, 4 + 9],
        [10 + 11, 12 + 13, 14],
    ]


@given(h=sides, w=sides, a=st.integers(1, 7), b=st.integers(1, 7), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=100)
def test_composes_at_any_size(h, w, a, b, seed):
    whole_numbers = torch.randint(0, 50, (2, 1, h, w), generator=torch.manual_seed(seed)).double()
    at_once = sum_pool(whole_numbers, a * b)
    assert torch.equal(sum_pool(sum_pool(whole_numbers, a), b), at_once)
    assert torch.equal(at_once.sum((-1, -2)), whole_numbers.sum((-1, -2)))


@pytest.mark.parametrize("shape", [(7, 9), (3, 7, 9), (2, 3, 7, 9), (0, 1, 7, 9)])
def test_leading_dimensions_are_kept(shape):
    assert sum_pool(torch.zeros(shape), 4).shape == (*shape[:-2], 2, 3)


def test_gradient():
    density = torch.rand(1, 5, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: sum_pool(d, 3), density)


@pytest.mark.parametrize(
    ("density", "k", "error", "words"),
    [
        (torch.zeros(4, 4), 0, UsageError, "0 x 0"),
        (torch.zeros(4), 2, ShapeError, r"\(4,\)"),
        (torch.zeros(4, 4, dtype=torch.int64), 2, ShapeError, "int64"),
    ],
)
def test_bad_input(density, k, error, words):
    with pytest.raises(error, match=words):
        sum_pool(density, k)
