"""Weights fit a module exactly or leave it alone."""

from pathlib import Path

import pytest
import torch
from torch import nn

from crowdkit_core.errors import WeightsError
from crowdkit_core.weights import WeightsFile, load_matching


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Conv2d(2, 1, 1))


FILE = WeightsFile(path=Path("best.pth"), state={})


def test_matching_weights_are_copied_in_the_modules_dtype() -> None:
    source, target = network().double(), network()
    load_matching(target, FILE, source.state_dict())
    assert target[0].weight.dtype == torch.float32
    torch.testing.assert_close(target[0].weight, source[0].weight.float(), rtol=0, atol=0)


def test_a_misfit_names_file_module_keys_shapes_and_numbers_and_changes_nothing() -> None:
    target = network()
    before = {key: value.clone() for key, value in target.state_dict().items()}
    state = {key: value + 1 for key, value in network().state_dict().items()}
    del state["2.bias"]
    state["0.weight"] = torch.zeros(2, 3, 3, 3)
    state["extra.weight"] = torch.zeros(1)
    with pytest.raises(WeightsError) as error:
        load_matching(target, FILE, state)
    message = error.value.message
    assert "\n" not in message
    for part in [
        "best.pth",
        "Sequential",
        "1 missing (2.bias)",
        "1 unexpected (extra.weight)",
        "0.weight (2, 3, 3, 3) instead of (2, 1, 3, 3)",
    ]:
        assert part in message
    torch.testing.assert_close(dict(target.state_dict()), before, rtol=0, atol=0)


def test_long_lists_of_keys_are_cut() -> None:
    with pytest.raises(WeightsError, match=r"20 unexpected \(.*, and 16 more\)"):
        load_matching(nn.Identity(), FILE, {f"layer{i}": torch.ones(1) for i in range(20)})


def test_the_hint_says_what_the_file_says_of_itself() -> None:
    file = WeightsFile(path=Path("a"), state={}, component="csrnet", options={"backbone": "vgg16"})
    with pytest.raises(WeightsError) as error:
        load_matching(network(), file, {})
    assert "'csrnet'" in error.value.hint
    assert "vgg16" in error.value.hint
