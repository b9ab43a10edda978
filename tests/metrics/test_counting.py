"""MAE, RMSE, NAE and the sums they come from."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics import MeanAbsoluteError, MeanSquaredError

from crowdkit_core.errors import ShapeError
from crowdkit_core.metrics import CountErrors, mae, nae, rmse

counts = st.lists(
    st.tuples(st.floats(-10, 20_000), st.integers(0, 20_000)), min_size=1, max_size=12
)


@settings(deadline=None, max_examples=40)
@given(counts)
def test_mae_and_rmse_are_torchmetrics(pairs):
    predicted, actual = map(list, zip(*pairs, strict=True))
    absolute, squared = MeanAbsoluteError(), MeanSquaredError(squared=False)
    absolute.set_dtype(torch.float64)
    squared.set_dtype(torch.float64)
    tensors = [torch.tensor(each, dtype=torch.float64) for each in (predicted, actual)]
    assert mae(*tensors).item() == pytest.approx(absolute(*tensors).item())
    assert rmse(predicted, actual).item() == pytest.approx(squared(*tensors).item())


def test_nae_leaves_out_images_without_people():
    assert nae([5.0, 30.0, 4.0], [10, 20, 0]).item() == pytest.approx((0.5 + 0.5) / 2)
    assert nae([8.0], [10]).item() == pytest.approx(0.2)
    assert CountErrors.of([5.0, 30.0, 4.0], [10, 20, 0]).images_without_people == 1


def test_nothing_to_average_is_nan():
    assert nae([3.0], [0]).isnan()
    assert mae([], []).isnan()
    assert rmse([], []).isnan()


def test_negative_predictions_are_not_clamped():
    assert mae([-3.0], [2]).item() == 5.0


@settings(deadline=None, max_examples=40)
@given(counts, st.data())
def test_any_partition_gives_the_same_values(pairs, data):
    part = data.draw(st.lists(st.integers(0, 3), min_size=len(pairs), max_size=len(pairs)))
    merged = CountErrors.of([], [])
    for rank in range(4):
        own = [pair for pair, owner in zip(pairs, part, strict=True) if owner == rank]
        merged += CountErrors.of([p for p, _ in own], [a for _, a in own])
    predicted, actual = map(list, zip(*pairs, strict=True))
    assert merged.mae.item() == pytest.approx(mae(predicted, actual).item())
    assert merged.rmse.item() == pytest.approx(rmse(predicted, actual).item())
    assert merged.nae.item() == pytest.approx(nae(predicted, actual).item(), nan_ok=True)


def test_sums_stay_exact_where_single_precision_does_not():
    predicted = torch.full((20_000,), 16_777_217.0, dtype=torch.float64)
    actual = torch.full((20_000,), 16_777_216, dtype=torch.int64)
    assert mae(predicted, actual).item() == 1.0


@pytest.mark.parametrize(("predicted", "actual"), [([1.0], [1, 2]), ([[1.0]], [[1]])])
def test_shapes_that_would_broadcast_are_refused(predicted, actual):
    with pytest.raises(ShapeError, match="counts have shapes"):
        mae(torch.tensor(predicted), torch.tensor(actual))
