"""ONNX files count as torch does, at every size; what cannot be exported is refused."""

import json
import sys
from dataclasses import replace
from typing import ClassVar

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from crowdkit_core import create
from crowdkit_core.cards.installed import find_card
from crowdkit_core.errors import CrowdkitError, IncompatibleError, MissingPackageError, UsageError
from crowdkit_core.inference import Calibration, Model, load_model
from crowdkit_core.inference.known import Known
from crowdkit_core.inference.sources import Reading
from crowdkit_core.interfaces import Counter, Prediction, ValueRange, evaluating
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


SCENES = [
    (scene.image.permute(1, 2, 0) * 255).round().byte().numpy()
    for scene in create("dataset", "synthetic", images=5, size=(96, 120), people=(5, 20))
]
"""Pixels of made-up crowds, (H, W, 3)."""

EVEN = Calibration(predicted=(9.0,) * 20, actual=(9.0,) * 20)


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


def _facts(path):
    properties = {each.key: each.value for each in onnx.load(path).metadata_props}
    return json.loads(properties["crowdkit"])


def test_the_file_says_what_it_is_and_all_that_is_known(tmp_path):
    known = Known.of_card(find_card("people").card)
    model = Model(
        counter=create("counter", "mcnn", in_channels=3),
        weights=known.weights,
        things="birds",
        sizing=known.sizing,
        calibration=known.calibration,
        card=known.card,
        reading=Reading(value_range=ValueRange(0.0, 4095.0)),
    )
    model.export(tmp_path / "model.onnx")
    facts = _facts(tmp_path / "model.onnx")
    told = facts.pop("known")
    assert facts == {
        "format": 1,
        "counter": "mcnn",
        "options": {"in_channels": 3},
        "precision": "float32",
        "normalization": "inside",
        "network": {
            "stride": 4,
            "size_multiple": 4,
            "receptive_field": model.counter.receptive_field,
            "min_size": list(model.counter.min_size),
            "direct_count": False,
        },
    }
    assert told["card"]["terms"] == known.card.terms
    assert Known.parsed(told, "the file") == replace(
        known, things="birds", value_range=ValueRange(0.0, 4095.0)
    )


@pytest.fixture(scope="module")
def counting():
    """A small counter whose map is that of a crowd: positive, and near nothing in most places."""
    torch.manual_seed(0)
    return Model(counter=create("counter", "mcnn"), weights="ab" * 32, calibration=EVEN)


@pytest.mark.parametrize(
    ("precision", "options", "share"),
    [
        ("float16", {}, 0.6),
        ("int8", {"calibrate": SCENES[:2]}, 0.5),
        ("int8", {"calibrate": SCENES[:2], "calibration_method": "percentile"}, 0.5),
    ],
)
def test_fewer_bits_make_a_smaller_file_that_counts_nearly_the_same(
    counting, precision, options, share, tmp_path
):
    path = tmp_path / "model.onnx"
    exported = counting.export(path, precision=precision, check=SCENES[2:], **options)
    assert list(tmp_path.iterdir()) == [path]
    assert exported.images == len(SCENES[2:])
    assert path.stat().st_size == exported.bytes < share * exported.float32_bytes
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    off = []
    for scene in SCENES[2:]:
        images = torch.from_numpy(scene).permute(2, 0, 1)[None] / 255
        count, _ = session.run(None, {"images": images.numpy()})
        with evaluating(counting.counter):
            expected = counting.counter(images).count.item()
        off.append(abs(count.item() - expected) / max(abs(expected), 1))
    assert exported.count_difference == pytest.approx(max(off), rel=1e-3, abs=1e-6)
    assert 1e-7 < exported.density_difference <= exported.tolerance.density
    known = Known.parsed(_facts(path)["known"], "the file")
    if precision == "int8":  # its counts are others than those that a calibration was made of
        assert (known.weights, known.calibration) == ("", None)
    else:
        assert (known.weights, known.calibration) == ("ab" * 32, EVEN)


@pytest.mark.parametrize(
    ("precision", "options"), [("float16", {}), ("int8", {"calibrate": SCENES[:1]})]
)
def test_fewer_bits_that_count_otherwise_are_refused(counting, precision, options, tmp_path):
    with pytest.raises(CrowdkitError, match=r"differs by \S+, more than 1e-09") as caught:
        counting.export(
            tmp_path / "model.onnx",
            precision=precision,
            check=SCENES[:2],
            tolerance=1e-9,
            **options,
        )
    assert "\n" not in caught.value.message
    assert not list(tmp_path.iterdir())


def test_points_of_both_maps_are_compared(tmp_path):
    exported = Model(counter=ToyCounter()).export(tmp_path / "model.onnx", check=SCENES[:2])
    assert exported.points > 0
    assert exported.points_matched == exported.points == exported.points_of_file


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"precision": "float16"}, "float16 without images to check"),
        ({"precision": "int8", "check": SCENES[:1]}, "int8 needs images that show which values"),
        ({"calibrate": SCENES[:1]}, "images to calibrate with, and float32 is not calibrated"),
        ({"precision": "int4"}, "precision 'int4', expected one of float32, float16, int8"),
    ],
)
def test_requests_without_sense_are_refused_first(options, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        Model(counter=CountOnly()).export(tmp_path / "model.onnx", **options)
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize(("weight_bits", "greatest"), [(7, 64), (8, 127)])
def test_weights_of_int8_take_as_many_bits_as_they_may(counting, weight_bits, greatest, tmp_path):
    path = tmp_path / "model.onnx"
    counting.export(
        path,
        precision="int8",
        check=SCENES[2:],
        calibrate=SCENES[:1],
        tolerance=1.0,
        weight_bits=weight_bits,
    )
    arrays = [onnx.numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer]
    weights = [each for each in arrays if each.dtype == np.int8 and each.ndim == 4]
    assert max(int(np.abs(each.astype(int)).max()) for each in weights) == greatest
