"""Costs against published tables and counts made by hand."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from crowdkit_core import create, list_components
from crowdkit_core.errors import IncompatibleError, UsageError
from crowdkit_core.interfaces import Counter, MapSpec, Prediction
from crowdkit_core.networks.cost import measure_cost
from crowdkit_core.testing.toys import ToyCounter


class Toy(Counter):
    """A stride-1 counter whose map one function makes of images and modules."""

    def __init__(self, make_map, **modules):
        super().__init__()
        self.outputs = {"density": MapSpec("density", 1)}
        self.make_map = make_map
        for name, module in modules.items():
            self.add_module(name, module)

    def forward(self, images):
        return Prediction.from_density(self.make_map(self, images), 1)


def conv(before, after):
    return nn.Conv2d(before, after, 3, padding=1)


@pytest.fixture(scope="module")
def csrnet():
    return measure_cost(create("counter", "csrnet"), (384, 512))


def test_csrnet_against_the_published_numbers(csrnet):
    # Parameters: Li et al., CVPR 2018, 16.26 M. MACs: Chen et al., arXiv 1908.03314, Table 5.
    assert csrnet.total.parameters == 16_263_489
    back_end = [layer.macs / 1e6 for layer in csrnet.layers[10:]]
    assert back_end == pytest.approx([7248, 7248, 7248, 3624, 906, 226, 0.2], abs=0.5)
    assert [layer.outputs for layer in csrnet.layers[-2:]] == [((64, 48, 64),), ((1, 48, 64),)]


def test_two_layers_of_vgg16_counted_by_hand(csrnet):
    first, second, *_ = csrnet.layers
    assert first.macs == 384 * 512 * (3 * 3 * 3) * 64
    assert first.parameters == 3 * 3 * 3 * 64 + 64
    assert second.macs == 384 * 512 * (3 * 3 * 64) * 64
    assert second.parameters == 3 * 3 * 64 * 64 + 64


def test_a_transposed_convolution_counts_its_input_cells():
    up = nn.ConvTranspose2d(512, 256, 4, stride=2, padding=1)
    toy = Toy(lambda self, images: self.up(images.repeat(1, 171, 1, 1)[:, :512]), up=up)
    (layer,) = measure_cost(toy, (3, 4)).layers
    assert layer.outputs == ((256, 6, 8),)
    assert layer.macs == (3 * 4) * (4 * 4) * 512 * 256


TRAINED = sorted({each.name for each in list_components("counter")} - {"onnx"})  # it runs others


@pytest.mark.parametrize("name", TRAINED)
def test_parts_and_layers_of_every_counter_add_up(name):
    counter = create("counter", name)
    cost = measure_cost(counter)
    assert cost.total.parameters == sum(each.numel() for each in counter.parameters())
    assert cost.total.macs > 0
    for rows in (cost.parts, cost.layers):
        for quantity in ("parameters", "macs"):
            total = sum(getattr(row, quantity) for row in rows)
            assert total == getattr(cost.total, quantity), quantity


@settings(max_examples=10, deadline=None)
@given(rows=st.integers(1, 6), columns=st.integers(1, 6))
def test_work_grows_with_the_area(rows, columns):
    counter = ToyCounter()
    unit = measure_cost(counter, (16, 16)).total.macs
    assert measure_cost(counter, (16 * rows, 16 * columns)).total.macs == rows * columns * unit


def test_shapes_alone_give_what_a_real_run_gives():
    counter = create("counter", "mcnn", in_channels=3)
    assert measure_cost(counter, (33, 50)) == measure_cost(counter, (33, 50), device="cpu")


@pytest.mark.gpu
def test_a_gpu_gives_what_shapes_alone_give():
    counter = create("counter", "mcnn")
    assert measure_cost(counter, (64, 64), device="cuda") == measure_cost(counter, (64, 64))
    assert {each.device.type for each in counter.parameters()} == {"cpu"}


def test_a_module_used_twice_works_twice_and_weighs_once():
    twice = Toy(
        lambda self, images: self.tail(self.shared(self.shared(images))),
        shared=conv(3, 3),
        tail=conv(3, 1),
    )
    shared, tail = measure_cost(twice, (8, 8)).parts
    assert (shared.calls, tail.calls) == (2, 1)
    assert shared.macs == 2 * 3 * tail.macs
    assert shared.parameters == 3 * 3 * 3 * 3 + 3


def test_a_module_in_two_lists_counts_once():
    both = conv(3, 1)
    toy = Toy(
        lambda self, images: self.first[0](images) + self.second[0](images),
        first=nn.ModuleList([both]),
        second=nn.ModuleList([both]),
    )
    cost = measure_cost(toy, (8, 8))
    assert [part.name for part in cost.parts] == ["first.0"]
    assert cost.total.macs == cost.parts[0].macs == 2 * 64 * 27
    assert cost.total.parameters == 28


def test_work_outside_any_submodule_is_the_counters_own():
    def make_map(self, images):
        return F.conv2d(self.head(F.conv2d(images, self.before)), self.after)

    toy = Toy(make_map, head=conv(5, 2))
    toy.before = nn.Parameter(torch.ones(5, 3, 1, 1))
    toy.after = nn.Parameter(torch.ones(1, 2, 1, 1))
    head, itself = measure_cost(toy, (8, 8)).parts
    assert (head.name, head.macs) == ("head", 64 * (9 * 5) * 2)
    assert (itself.name, itself.macs, itself.parameters) == ("", 64 * (3 * 5 + 2), 17)


def test_tied_weights_weigh_once():
    toy = Toy(lambda self, images: self.b(self.a(images)), a=conv(3, 3), b=conv(3, 3))
    toy.b.weight = toy.a.weight
    a, b = measure_cost(toy, (8, 8)).parts
    assert (a.parameters, b.parameters) == (81 + 3, 3)
    assert a.macs == b.macs


def test_a_module_that_never_runs_weighs_and_does_not_work():
    toy = Toy(lambda self, images: self.head(images), head=conv(3, 1), spare=conv(3, 7))
    _, spare = measure_cost(toy, (8, 8)).parts
    assert (spare.calls, spare.outputs, spare.macs) == (0, (), 0)
    assert spare.parameters == 27 * 7 + 7


def test_the_counter_is_left_as_it_was():
    counter = create("counter", "mcnn").train()
    counter.branch1.eval()
    before = {name: value.clone() for name, value in counter.state_dict().items()}
    measure_cost(counter, (16, 16))
    measure_cost(counter, (16, 16), device="cpu")
    after = counter.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert (counter.training, counter.branch1.training) == (True, False)
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in counter.modules())


def test_what_a_counter_remembers_of_the_run_is_not_left_in_it():
    def make_map(self, images):
        self.remembered = self.head(images)
        return self.remembered

    toy = Toy(make_map, head=conv(3, 1))
    toy.remembered = real = torch.ones(1)
    measure_cost(toy, (8, 8))
    measure_cost(toy, (8, 8), device="cpu")
    assert toy.remembered is real


def test_layers_stand_in_the_order_they_run():
    toy = Toy(lambda self, images: self.b(self.a(images)), b=conv(2, 1), a=conv(3, 2))
    cost = measure_cost(toy, (8, 8))
    assert [each.name for each in cost.layers] == [each.name for each in cost.parts] == ["a", "b"]


def test_work_that_depends_on_values_needs_a_device_that_computes():
    def make_map(self, images):
        density = self.head(images)
        return self.head(images) if density.sum().item() == 0 else density

    toy = Toy(make_map, head=conv(3, 1))
    nn.init.zeros_(toy.head.weight)
    nn.init.zeros_(toy.head.bias)
    with pytest.raises(IncompatibleError, match="'Toy' does not follow from shapes") as caught:
        measure_cost(toy, (8, 8))
    assert "cpu" in caught.value.hint
    assert not any(each._forward_hooks for each in toy.modules())
    assert measure_cost(toy, (8, 8), device="cpu").total.macs == 2 * 64 * 27


def test_an_image_below_the_least_size_is_refused():
    toy = Toy(lambda self, images: self.head(images), head=conv(3, 1))
    toy.min_size = (32, 16)
    with pytest.raises(UsageError, match="8x20 image: expected at least 32x16"):
        measure_cost(toy, (8, 20))
