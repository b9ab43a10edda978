"""The counter `onnx` counts as the network that was exported, and says what it cannot do."""

import copy
import pickle
from typing import ClassVar

import pytest
import torch
from crowdkit_onnx.counter import ONNX

from crowdkit_core import create
from crowdkit_core.errors import IncompatibleError, OptionsError, WeightsError
from crowdkit_core.finetuning import finetune
from crowdkit_core.inference import Model, count, load_model
from crowdkit_core.inference.quickest import quickest_way
from crowdkit_core.inference.ways import BF16, FLOAT32_WAYS, PLAIN
from crowdkit_core.interfaces import Counter, Prediction, TrainingTask, evaluating
from crowdkit_core.testing import check_counter


@pytest.fixture(scope="module")
def counter(file):
    return create("counter", "onnx", file=file)


class BrightCounter(Counter):
    """How bright an image is, in pixels: no map."""

    outputs: ClassVar = {}
    direct_count = True

    def forward(self, images):
        return Prediction(count=images.mean(1).flatten(1).sum(1))


@pytest.fixture
def images():
    return torch.rand(2, 3, 75, 130, generator=torch.Generator().manual_seed(0))


def test_conforms(counter):
    check_counter(counter)


def test_the_kit_finds_a_receptive_field_that_is_too_small(file):
    counter = ONNX(file=file)
    counter.receptive_field = 2
    with pytest.raises(AssertionError, match="receptive_field is too small"):
        check_counter(counter)


def test_it_says_of_itself_what_the_exported_counter_does(counter, model):
    origin = model.counter
    for name in ("stride", "size_multiple", "receptive_field", "min_size", "direct_count"):
        assert getattr(counter, name) == getattr(origin, name), name


def test_batches_are_counted_as_by_torch(counter, model, images):
    with evaluating(model.counter), evaluating(counter):
        expected, found = model.counter(images), counter(images)
    torch.testing.assert_close(found.count, expected.count, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found.density, expected.density, rtol=1e-4, atol=1e-5)
    assert found.outputs == counter.outputs


@pytest.mark.parametrize("make", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_copies_count_alike(counter, images, make):
    assert torch.equal(make(counter)(images).count, counter(images).count)


def test_tiles_give_the_count_of_the_whole_image(counter):
    image = torch.rand(3, 210, 330, generator=torch.Generator().manual_seed(1))
    whole, tiled = (count(counter, image, tile=tile) for tile in (None, 128))
    assert tiled.count == pytest.approx(whole.count, rel=1e-4)


def test_a_count_without_a_map(tmp_path):
    Model(counter=BrightCounter()).export(tmp_path / "model.onnx")
    counter = ONNX(file=tmp_path / "model.onnx")
    check_counter(counter)
    assert counter.stride is None
    assert counter.direct_count
    found = counter(torch.ones(2, 3, 10, 20))
    assert found.density is None
    assert found.count.tolist() == [200, 200]


def test_no_way_of_torch_is_tried_on_it(counter, monkeypatch):
    monkeypatch.setattr(ONNX, "forward", None)  # which is not called
    assert quickest_way(counter, None, [*FLOAT32_WAYS, BF16]) == PLAIN


def test_training_is_refused(counter):
    generator, data = create("density_generator", "fixed"), create("dataset", "synthetic", images=2)
    with pytest.raises(IncompatibleError, match="cannot be trained: it runs a finished network"):
        TrainingTask(
            counter=counter, density_generator=generator, loss=create("loss", "mse"), train=data
        )


@pytest.mark.parametrize("by", [str, load_model])
def test_fine_tuning_is_refused(file, by, tmp_path):
    with pytest.raises(IncompatibleError, match="has nothing to train"):
        finetune(by(str(file)), tmp_path, output=tmp_path / "run")


def test_exporting_it_is_refused(counter, tmp_path):
    with pytest.raises(IncompatibleError, match="cannot be exported: it runs a finished network"):
        Model(counter=counter).export(tmp_path / "again.onnx")
    assert not list(tmp_path.iterdir())


def test_it_needs_a_file(tmp_path):
    with pytest.raises(OptionsError, match="file"):
        create("counter", "onnx")
    with pytest.raises(WeightsError, match=r"no\.onnx: cannot be opened: No such file"):
        create("counter", "onnx", file=tmp_path / "no.onnx")
