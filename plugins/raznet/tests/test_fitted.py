"""A fusion threshold holds for the options it was fitted with, and for no others."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from crowdkit_raznet.raznet import RAZNet
from torch import Tensor

import crowdkit_core
from crowdkit_core.errors import IncompatibleError, OptionsError
from crowdkit_core.evaluation import evaluate
from crowdkit_core.interfaces import Dataset
from crowdkit_core.testing.toys import ToyDataset
from crowdkit_core.weights import read_weights, save_half, save_weights

Narrow = Callable[..., RAZNet]
KEEP = {"keep": 1, "threshold": 0.0}


@pytest.fixture
def images() -> dict[str, Dataset]:
    return {s: ToyDataset(length=2, size=(40, 56), split=s) for s in ("train", "test")}


@pytest.fixture
def weights(narrow: Narrow, images: dict[str, Dataset], tmp_path: Path) -> Path:
    """Of a counter that was fitted at depth 2, saved in half precision."""
    counter = narrow(search=KEEP)
    counter.calibrate(images["train"])
    full, path = tmp_path / "full.safetensors", tmp_path / "half.safetensors"
    save_weights(full, counter, component="raznet", options=counter.origin.options)
    save_half(path, read_weights(full))
    return path


def loaded(path: Path, **options: object) -> RAZNet:
    return crowdkit_core.create("counter", "raznet", weights=path, **options).eval()


@torch.no_grad()
def counts(counter: RAZNet) -> dict[str, Tensor]:
    return dict(counter.predict(torch.rand(1, 3, 40, 56)).counts)


def test_the_same_options_fuse(weights: Path, images: dict[str, Dataset]) -> None:
    counter = loaded(weights)
    assert not counter.needs_calibration
    assert "fusion" in counts(counter)
    report = evaluate(counter, images["test"], train=images["train"])
    assert "calibrated" not in report.stamp


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 1}, "depth 2, now 1"),
        ({"depth": 3}, "depth 2, now 3"),
        ({"threshold": 0.25}, "threshold 0.5, now 0.25"),
        ({"window": 5}, "window 3, now 5"),
        ({"search": {**KEEP, "keep": 2}}, "search.keep 1, now 2"),
        ({"fit_each_part": True}, "fit_each_part 0, now 1"),
    ],
)
def test_other_options_are_refused_until_fitted_again(
    weights: Path, images: dict[str, Dataset], options, message
) -> None:
    counter = loaded(weights, **options)
    assert counter.needs_calibration
    with pytest.raises(IncompatibleError) as refusal:
        counts(counter)
    assert refusal.value.message.endswith(f"fitted with {message}")
    assert "crowdkit eval" in str(refusal.value)
    counter.calibrate(images["train"])
    assert not counter.needs_calibration
    assert "fusion" in counts(counter)


def test_evaluation_fits_again_to_the_training_images_and_says_so(
    weights: Path, images: dict[str, Dataset]
) -> None:
    counter, same = loaded(weights, depth=3), loaded(weights, depth=3)
    report = evaluate(counter, images["test"], train=images["train"])
    assert "2 training images" in report.stamp["calibrated"]
    same.calibrate(images["train"])
    assert torch.equal(counter.fusion_threshold, same.fusion_threshold)
    assert "calibrated" in evaluate(loaded(weights, depth=3), images["train"]).stamp
    with pytest.raises(IncompatibleError, match="depth 2, now 3"):
        evaluate(loaded(weights, depth=3), images["test"])


def test_another_way_of_counting_needs_no_threshold(weights: Path) -> None:
    counter = loaded(weights, depth=3, count_by="localization+")
    assert list(counts(counter)) == ["density", "localization", "localization+", "average"]
    prediction = counter.predict(torch.rand(1, 3, 40, 56))
    assert torch.equal(prediction.count, prediction.counts["localization+"])
    torch.testing.assert_close(prediction.density.sum((1, 2, 3)), prediction.count)
    # Without a counting branch there is nothing to fuse.
    assert list(counts(loaded(weights, depth=3, counting=False)))[-1] == "localization+"


def test_a_stage_that_trains_maps_is_validated_all_the_same(weights: Path) -> None:
    counter = loaded(weights, depth=3)
    counter.restrict(["attention"])
    assert list(counts(counter))[-1] == "average"
    counter.restrict(None)
    with pytest.raises(IncompatibleError):
        counts(counter)


def test_what_zooming_is_like_does_not_matter_where_none_is(narrow: Narrow, tmp_path: Path) -> None:
    counter = narrow(depth=1)
    counter.calibrate(ToyDataset(length=1, size=(40, 56)))
    path = tmp_path / "near.safetensors"
    save_weights(path, counter, component="raznet", options=counter.origin.options)
    assert not loaded(path, zoom_window=5, search=KEEP).needs_calibration
    assert loaded(path, window=5).needs_calibration


@pytest.mark.parametrize(("theta", "refused"), [(float("inf"), False), (7.0, True)])
def test_weights_that_do_not_say_what_they_were_fitted_with(
    narrow: Narrow, tmp_path: Path, theta: float, refused: bool
) -> None:
    counter = narrow()
    counter.fusion_threshold.fill_(theta)
    state = counter.state_dict()
    del state["fitted_with"]
    path = tmp_path / "older.pth"
    torch.save(state, path)
    counter.load_weights(path)
    assert counter.needs_calibration == refused
    if refused:
        with pytest.raises(IncompatibleError, match="options that are not recorded"):
            counts(counter.eval())


def test_a_way_of_counting_that_the_network_does_not_have(narrow: Narrow) -> None:
    with pytest.raises(OptionsError, match=r"'average'.*counting branch"):
        narrow(counting=False, count_by="average")
