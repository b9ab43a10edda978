"""ONNX files count as torch does, at every size; what cannot be exported is refused."""

import json
import sys
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from crowdkit_core import create
from crowdkit_core.errors import CrowdkitError, IncompatibleError, MissingPackageError, UsageError
from crowdkit_core.inference import Model, load_model
from crowdkit_core.interfaces import Counter, Prediction, evaluating
from crowdkit_core.testing.toys import ToyCounter


class CountOnly(Counter):
    """The mean of red times the number of pixels: no map."""

    outputs: ClassVar = {}

    def forward(self, images):
        return Prediction(count=images[:, 0].flatten(1).sum(1))


class Zooming(CountOnly):
    def predict(self, images):
        return self(images)


class DependsOnSize(CountOnly):
    """Takes another way for tall images, as a trace cannot."""

    def forward(self, images):
        factor = 2 if images.shape[-2] > 200 else 1
        return Prediction(count=factor * images[:, 0].flatten(1).sum(1))


class Noisy(CountOnly):
    """Counts otherwise each time."""

    def forward(self, images):
        return Prediction(count=images.flatten(1).sum(1) * torch.rand(()))


def _mcnn():
    return create("counter", "mcnn")


def _csrnet():
    return create("counter", "csrnet", backbone="resnet18")


def _zip():
    return create("counter", "zip", backbone="mobilenetv4_conv_small_050")


def _people():
    return load_model("people").counter


SLOW = [pytest.param(make, marks=pytest.mark.slow) for make in (_people, _zip)]


@pytest.mark.parametrize("make", [_mcnn, _csrnet, ToyCounter, CountOnly, *SLOW])
def test_onnxruntime_counts_as_torch_at_any_size(make, tmp_path):
    torch.manual_seed(0)
    model = Model(counter=make())
    path = tmp_path / "model.onnx"
    exported = model.export(path)
    assert exported.bytes == path.stat().st_size
    assert list(tmp_path.iterdir()) == [path]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for shape in [(1, 64, 64), (1, 65, 131), (3, 127, 96), (2, 7, 290)]:
        images = torch.rand(shape[0], 3, *shape[1:])
        with evaluating(model.counter):
            expected = model.counter(images)
        count, *density = session.run(None, {"images": images.numpy()})
        np.testing.assert_allclose(count, expected.count.numpy(), rtol=1e-4, atol=1e-3)
        if expected.density is None:
            assert not density
        else:
            largest = float(expected.density.abs().max())
            np.testing.assert_allclose(
                density[0], expected.density.numpy(), rtol=1e-4, atol=1e-4 * largest
            )


def test_the_file_says_what_it_is(tmp_path):
    counter = create("counter", "mcnn", in_channels=3)
    model = Model(counter=counter, weights="ab" * 32, things="birds")
    model.export(tmp_path / "model.onnx")
    properties = onnx.load(tmp_path / "model.onnx").metadata_props
    known = {each.key: each.value for each in properties}
    facts = json.loads(known["crowdkit"])
    assert facts == {
        "counter": "mcnn",
        "options": {"in_channels": 3},
        "things": "birds",
        "stride": 4,
        "weights_sha256": "ab" * 32,
        "sizing": "own size",
        "long_side": None,
        "normalization": "inside",
    }


def test_given_images_are_compared(tmp_path):
    image = np.zeros((41, 30, 3), dtype=np.uint8)
    image[:9, :10, 0] = 255
    exported = Model(counter=CountOnly()).export(tmp_path / "model.onnx", check=[image, image])
    assert exported.images == 3 + 2
    assert exported.density_difference is None


@pytest.mark.parametrize(
    ("counter", "why"),
    [
        (Zooming(), "'Zooming' cannot be exported: it counts by a procedure of its own"),
        (DependsOnSize(), "'DependsOnSize' cannot .* for a height of 0 to 200 alone"),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(counter, why, tmp_path):
    with pytest.raises(IncompatibleError, match=why) as caught:
        Model(counter=counter).export(tmp_path / "model.onnx")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_a_file_that_counts_otherwise_is_not_kept(tmp_path):
    (tmp_path / "model.onnx").write_text("the one before")
    with pytest.raises(CrowdkitError, match=r"counts \d+\.\d+ on noise .* more than 0\.001"):
        Model(counter=Noisy()).export(tmp_path / "model.onnx")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["the one before"]


def test_the_counter_keeps_its_mode(tmp_path):
    counter = nn.Module.train(ToyCounter())
    Model(counter=counter).export(tmp_path / "model.onnx")
    assert counter.training


def test_a_tolerance_of_nothing_is_refused(tmp_path):
    with pytest.raises(UsageError, match="tolerance is 0, must be positive"):
        Model(counter=CountOnly()).export(tmp_path / "model.onnx", tolerance=0.0)


def test_a_missing_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingPackageError, match=r"(?s)onnxscript.*crowdkit-core\[export\]"):
        Model(counter=CountOnly()).export(tmp_path / "model.onnx")
