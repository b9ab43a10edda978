"""Every loss trains every counter it fits, and where it does not fit both are named."""

from dataclasses import replace

import pytest
import torch

from crowdkit_core import create, list_components
from crowdkit_core.data import collate, measure_lengths
from crowdkit_core.density import GeometryAdaptive
from crowdkit_core.errors import IncompatibleError
from crowdkit_core.interfaces import Target, require_fit
from crowdkit_core.testing.toys import ToyDataset

COUNTERS = sorted(info.name for info in list_components("counter"))
LOSSES = sorted(info.name for info in list_components("loss"))
QUICKER = {"csrnet": {"backbone": "resnet18"}, "deepcount": {"tile": (128, 128)}}
SHARES = (1e-3, 1e-4, 1e-5, 1e-6)
"""By which a straight line along the gradient would lower the loss."""


@pytest.fixture(scope="module", params=COUNTERS)
def fresh_counter(request):
    """Makes a counter with the same weights each time."""
    torch.manual_seed(0)
    counter = create("counter", request.param, **QUICKER.get(request.param, {}))
    state = {name: values.clone() for name, values in counter.state_dict().items()}

    def make():
        counter.load_state_dict(state)
        counter.zero_grad()
        return counter.train()

    return make


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_falls_or_says_what_it_misses(fresh_counter, name):
    counter, loss = fresh_counter(), create("loss", name)
    if loss.missing(counter):
        with pytest.raises(IncompatibleError) as refusal:
            require_fit(loss, counter)
        assert counter.label in str(refusal.value)
        assert loss.label in str(refusal.value)
        return
    batch, generator = prepared(loss)
    target = Target.from_batch(batch, generator)
    before = loss(counter(batch.images), target).total
    before.backward()
    with torch.no_grad():
        downhill = (loss(counter(batch.images), target).total for _ in steps(counter, before))
        assert any(after < before for after in downhill)


def steps(counter, loss):
    """Steps along the gradient, ever smaller, as absolute values have kinks."""
    moved = [(each, each.grad) for each in counter.parameters() if each.grad is not None]
    slope = sum(float(gradient.square().sum()) for _, gradient in moved)
    assert 0 < slope < float("inf")
    length = 0.0
    for share in SHARES:
        for each, gradient in moved:
            each += (length - share * float(loss) / slope) * gradient
        length = share * float(loss) / slope
        yield


def prepared(loss):
    """Two images, one of them without people, and what loss and generator measure on them."""
    data, generator = ToyDataset(length=2, size=(64, 64)), GeometryAdaptive()
    loss.fit(data, generator)
    lengths = measure_lengths(data, generator, loss)
    samples = [replace(data[i], lengths=lengths[i]) for i in range(len(data))]
    return collate(samples), generator
