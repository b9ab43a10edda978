"""Weights files of every format, whole and broken."""

import builtins
import errno
import json
import os
import pickle
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import safetensors.torch
import torch
from torch import nn

from crowdkit_core import create
from crowdkit_core.density import Fixed
from crowdkit_core.errors import WeightsError
from crowdkit_core.weights import read_weights, save_half, save_weights

STATE = OrderedDict(weight=torch.arange(6.0).reshape(2, 3), bias=torch.tensor([0.5, -1.0]))

Writer = Callable[[dict[str, Any], Path], None]


def write_zip(state: dict[str, Any], path: Path) -> None:
    torch.save(state, path)


def write_legacy(state: dict[str, Any], path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


def write_hdf5(state: dict[str, Any], path: Path) -> None:
    with h5py.File(path, "w") as file:
        for key, value in state.items():
            file[key] = value.numpy()


def write_safetensors(state: dict[str, Any], path: Path) -> None:
    safetensors.torch.save_file(dict(state), path)


WRITERS = [write_zip, write_legacy, write_hdf5, write_safetensors]
every_format = pytest.mark.parametrize("write", WRITERS, ids=lambda w: w.__name__)
every_pickle = pytest.mark.parametrize("write", WRITERS[:2], ids=lambda w: w.__name__)


def assert_one_line(error: pytest.ExceptionInfo[WeightsError], path: Path) -> None:
    assert str(path) in error.value.message
    assert "\n" not in error.value.message


@every_format
def test_the_content_decides_the_format_not_the_suffix(write: Writer, tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    write(STATE, path)
    state = read_weights(path).state
    assert set(state) == set(STATE)
    for key, value in STATE.items():
        torch.testing.assert_close(state[key], value, rtol=0, atol=0)


@every_pickle
@pytest.mark.parametrize("wrapper", ["state_dict", "model_state_dict", "model", "weights"])
def test_a_checkpoint_is_unwrapped(write: Writer, wrapper: str, tmp_path: Path) -> None:
    path = tmp_path / "best.pth.tar"
    write({"epoch": 3, "best_prec1": np.float64(66.4), wrapper: STATE, "optimizer": {}}, path)
    assert set(read_weights(path).state) == set(STATE)


@every_format
@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_wrapper_prefixes_are_removed(write: Writer, prefix: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    write({prefix + key: value for key, value in STATE.items()}, path)
    assert set(read_weights(path).state) == set(STATE)


def test_a_prefix_that_not_every_key_has_stays(tmp_path: Path) -> None:
    path = tmp_path / "weights"
    write_zip({"module.weight": STATE["weight"], "bias": STATE["bias"]}, path)
    assert set(read_weights(path).state) == {"module.weight", "bias"}


def test_hdf5_groups_become_dots(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["branch/conv.weight"] = np.ones((2, 2), np.float32)
    assert set(read_weights(path).state) == {"branch.conv.weight"}


@every_format
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.99])
def test_a_file_cut_short_is_named(write: Writer, kept: float, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    write({key: value.repeat(50, *[1] * (value.ndim - 1)) for key, value in STATE.items()}, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(WeightsError, match="cut short") as error:
        read_weights(path)
    assert_one_line(error, path)


def test_missing_folder_and_empty_files_are_named(tmp_path: Path) -> None:
    empty = tmp_path / "empty.safetensors"
    empty.touch()
    for path, cause in [
        (tmp_path / "nowhere.pth", "no such weights file"),
        (tmp_path, "is a folder"),
        (empty, "empty"),
    ]:
        with pytest.raises(WeightsError, match=cause) as error:
            read_weights(path)
        assert_one_line(error, path)


def test_a_web_page_is_no_weights_file(tmp_path: Path) -> None:
    path = tmp_path / "best.pth"
    path.write_text("<!DOCTYPE html><title>Google Drive - Quota exceeded</title>")
    with pytest.raises(WeightsError, match="not a weights file") as error:
        read_weights(path)
    assert_one_line(error, path)


class Dangerous:
    """A pickle that would leave a mark if it were executed."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("how", ["zip", "legacy", "plain", "plain protocol 4"])
def test_code_in_a_pickle_is_never_executed(how: str, tmp_path: Path) -> None:
    path, mark = tmp_path / "weights.pth", tmp_path / "executed"
    content = {"state_dict": STATE, "extra": Dangerous(mark)}
    if how == "zip":
        write_zip(content, path)
    elif how == "legacy":
        write_legacy(content, path)
    else:
        path.write_bytes(pickle.dumps(Dangerous(mark), protocol=4 if "4" in how else 2))
    with pytest.raises(WeightsError, match=r"not executed|was executed") as error:
        read_weights(path)
    assert_one_line(error, path)
    assert not mark.exists()


def test_a_pickled_module_is_refused_with_its_class(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save(nn.Linear(2, 2), path)
    with pytest.raises(WeightsError, match=r"torch\.nn\.modules\.linear\.Linear") as error:
        read_weights(path)
    assert_one_line(error, path)
    assert "state_dict" in error.value.hint


@every_pickle
@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ({"epoch": 3, "weight": STATE["weight"]}, "'epoch' is a int"),
        ([1.0, 2.0], "holds a list"),
        (STATE["weight"], "holds a Tensor"),
        ({}, "no tensors"),
        ({"state_dict": {}}, "no tensors"),
    ],
)
def test_content_that_is_not_named_tensors(
    write: Writer, content: Any, cause: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    write(content, path)
    with pytest.raises(WeightsError, match=cause) as error:
        read_weights(path)
    assert_one_line(error, path)


def test_text_in_hdf5_is_not_a_tensor(tmp_path: Path) -> None:
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["name"] = "mcnn"
    with pytest.raises(WeightsError, match=r"not a tensor|something else than numbers") as error:
        read_weights(path)
    assert_one_line(error, path)


def test_missing_h5py_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.h5"
    write_hdf5(STATE, path)
    real = builtins.__import__

    def without_h5py(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "h5py":
            raise ImportError("No module named 'h5py'")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_h5py)
    with pytest.raises(WeightsError, match="h5py") as error:
        read_weights(path)
    assert "crowdkit-core[hdf5]" in error.value.hint


@dataclass(frozen=True)
class Nested:
    width: int = 3


def test_saved_weights_say_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    module = nn.Linear(3, 2)
    options = {"sizes": (1, 2), "where": Path("a/b"), "nested": Nested(), "scale": 0.5}
    facts = {"mae": 12.5, "validated_on_test": True}
    save_weights(path, module, component="mcnn", options=options, facts=facts)
    file = read_weights(path)
    assert file.path == path
    assert file.component == "mcnn"
    assert file.options == {"sizes": [1, 2], "where": "a/b", "nested": {"width": 3}, "scale": 0.5}
    assert file.facts == facts
    torch.testing.assert_close(dict(file.state), dict(module.state_dict()), rtol=0, atol=0)


def test_a_module_whose_child_is_called_module_keeps_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(path, nn.ModuleDict({"module": nn.Linear(1, 1)}))
    assert set(read_weights(path).state) == {"module.weight", "module.bias"}


def test_tied_weights_are_saved_under_both_names(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    shared = nn.Linear(2, 2)
    save_weights(path, nn.Sequential(shared, shared))
    state = read_weights(path).state
    torch.testing.assert_close(state["0.weight"], state["1.weight"])


def test_the_metadata_is_one_json_key(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(path, nn.Linear(1, 1), component="mcnn")
    with safetensors.safe_open(path, "pt") as file:
        metadata = file.metadata()
    assert set(metadata) == {"crowdkit"}
    header = json.loads(metadata["crowdkit"])
    assert set(header) == {"version", "component", "distribution", "options", "facts", "crc32"}


def test_a_component_among_the_options_is_recorded_as_a_recipe_has_it(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    base = create("density_generator", "fixed", sigma=3.0)
    save_weights(path, nn.Linear(1, 1), options={"base": base})
    assert read_weights(path).options == {"base": {"name": "fixed", "sigma": 3.0}}
    with pytest.raises(WeightsError, match=r"plain values .* Fixed was not made by its registered"):
        save_weights(path, nn.Linear(1, 1), options={"base": Fixed(sigma=3.0)})


@pytest.mark.parametrize("header", ["{", "[1]"])
def test_a_damaged_header_is_named(header: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(dict(STATE), path, metadata={"crowdkit": header})
    with pytest.raises(WeightsError, match="header") as error:
        read_weights(path)
    assert_one_line(error, path)


def test_options_that_are_not_plain_values_are_refused_before_writing(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(WeightsError, match="plain values") as error:
        save_weights(path, nn.Linear(1, 1), options={"module": object()})
    assert_one_line(error, path)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_while_saving_keeps_the_old_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(path, nn.Linear(3, 2), component="mcnn")
    before = path.read_bytes()

    def full(state: Any, temporary: Path, metadata: Any) -> None:
        Path(temporary).write_bytes(before[:20])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("crowdkit_core.weights.files.save_file", full)
    with pytest.raises(WeightsError, match="No space left") as error:
        save_weights(path, nn.Linear(3, 2))
    assert_one_line(error, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_half_the_size_with_what_the_file_says(tmp_path: Path) -> None:
    net = nn.Linear(64, 64)
    net.register_buffer("steps", torch.tensor([7, 2**40]))
    net.register_buffer("wide", torch.tensor([1.0, 70000.0], dtype=torch.float64))
    net.register_buffer("endless", torch.tensor([1.0, float("inf")]))
    options = {"width": 64, "pretrained": "somewhere/vgg16.pth"}
    save_weights(tmp_path / "a.safetensors", net, component="x", options=options, facts={"mae": 2})
    save_half(tmp_path / "b.safetensors", read_weights(tmp_path / "a.safetensors"))
    packed = read_weights(tmp_path / "b.safetensors")
    assert (packed.component, packed.options, packed.facts) == ("x", {"width": 64}, {"mae": 2})
    dtypes = {key: value.dtype for key, value in packed.state.items()}
    assert dtypes == {
        "weight": torch.float16,
        "bias": torch.float16,
        "steps": torch.int64,
        "wide": torch.float32,
        "endless": torch.float16,
    }
    assert packed.state["steps"].tolist() == [7, 2**40]
    assert packed.state["wide"].tolist() == [1.0, 70000.0]
    torch.testing.assert_close(packed.state["weight"].float(), net.weight, rtol=1e-3, atol=1e-6)
    whole, half = ((tmp_path / f"{name}.safetensors").stat().st_size for name in "ab")
    assert half < 0.6 * whole
