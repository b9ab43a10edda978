"""Weights files made to do harm, or damaged where no format would tell."""

import json
import os
import struct
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from crowdkit_core.errors import WeightsError
from crowdkit_core.weights import load_matching, read_weights, save_weights


def assert_refused(path: Path, words: str) -> None:
    with pytest.raises(WeightsError, match=words) as error:
        read_weights(path)
    assert str(path) in error.value.message
    assert "\n" not in error.value.message


def itself() -> dict[str, Any]:
    content: dict[str, Any] = {"weight": torch.ones(2)}
    content["state_dict"] = content
    return content


def in_turn() -> dict[str, Any]:
    one: dict[str, Any] = {}
    one["model"] = {"weights": one}
    return one


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("make", [itself, in_turn])
def test_a_checkpoint_that_holds_itself_has_an_end(make, zipped, tmp_path) -> None:
    path = tmp_path / "loop.pth"
    torch.save(make(), path, _use_new_zipfile_serialization=zipped)
    assert_refused(path, "a checkpoint in a checkpoint")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.eye(2).to_sparse(), "sparse"),
        (torch.ones(2, device="meta"), "sparse, quantized or empty"),
        ([1.0, 2.0], "is a list, expected a tensor"),
    ],
    ids=["sparse", "meta", "list"],
)
def test_what_has_no_value_at_each_place(value, words, tmp_path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"weight": value}, path)
    assert_refused(path, words)


def test_entries_without_names(tmp_path) -> None:
    path = tmp_path / "weights.pth"
    torch.save({1: torch.ones(2), "1": torch.ones(2)}, path)
    assert_refused(path, "entry 1 has no name")


def of_linear(tmp_path: Path, weight: torch.Tensor) -> tuple[nn.Module, Any]:
    path = tmp_path / "weights.pth"
    torch.save({"weight": weight, "bias": torch.zeros(2)}, path)
    return nn.Linear(2, 2), read_weights(path)


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        (torch.ones(2, 2, dtype=torch.int64), "weight integer instead of floating"),
        (torch.ones(2, 2, dtype=torch.uint8), "weight integer instead of floating"),
        (torch.ones(2, 2, dtype=torch.bool), "weight boolean instead of floating"),
        (torch.ones(2, 2, dtype=torch.complex64), "weight complex instead of floating"),
        (torch.tensor([[1.0, torch.nan], [1.0, 1.0]]), "weight in 1 of 4 places"),
        (torch.full((2, 2), torch.inf), "weight in 4 of 4 places"),
        (torch.ones(0, 2), r"weight \(0, 2\) instead of \(2, 2\)"),
        (torch.ones(1).as_strided((9**9, 9**9), (0, 0)), "instead of"),
    ],
    ids=["int64", "uint8", "bool", "complex", "nan", "inf", "none", "expanded"],
)
def test_values_that_are_no_weights(weight, words, tmp_path) -> None:
    module, file = of_linear(tmp_path, weight)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    with pytest.raises(WeightsError, match=words) as error:
        load_matching(module, file, file.state)
    assert "\n" not in error.value.message
    torch.testing.assert_close(dict(module.state_dict()), before)


@pytest.mark.parametrize(
    "dtype", [torch.float64, torch.float16, torch.bfloat16, torch.float8_e4m3fn]
)
def test_other_precisions_are_weights(dtype, tmp_path) -> None:
    module, file = of_linear(tmp_path, torch.full((2, 2), 0.5).to(dtype))
    load_matching(module, file, file.state)
    assert module.weight.tolist() == [[0.5, 0.5], [0.5, 0.5]]


def test_tensors_that_share_memory_are_weights(tmp_path) -> None:
    module, file = of_linear(tmp_path, torch.tensor([1.0, 2.0]).expand(2, 2))
    load_matching(module, file, file.state)
    assert module.weight.tolist() == [[1.0, 2.0], [1.0, 2.0]]


@pytest.fixture
def saved(tmp_path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_weights(path, nn.Linear(3, 2), component="mcnn", facts={"mae": 12.5})
    return path


@pytest.mark.parametrize("where", [-1, -9, b"12.5", b"mcnn"])
def test_a_flipped_bit_is_found(saved, where) -> None:
    content = bytearray(saved.read_bytes())
    content[where if isinstance(where, int) else content.index(where)] ^= 1
    saved.write_bytes(content)
    assert_refused(saved, "damaged")


def test_files_without_a_checksum_are_read(saved) -> None:
    old = json.dumps({"version": "0.1.0", "component": "mcnn", "options": {}, "facts": {}})
    save_file(load_file(saved), saved, metadata={"crowdkit": old})
    assert read_weights(saved).component == "mcnn"


def tensor(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


@pytest.mark.parametrize(
    "header",
    [
        {"a": tensor(shape=[-2])},
        {"a": tensor(shape=[2**70])},
        {"a": tensor(data_offsets=[0, 2**60])},
        {"a": tensor(data_offsets=[8, 0])},
        {"a": tensor(dtype="F999")},
        {"a": tensor(), "b": tensor()},
        {"a": [1]},
        {"__metadata__": {"crowdkit": "[" * 10000}, "a": tensor()},
        {"__metadata__": {"crowdkit": '{"options": 3}'}, "a": tensor()},
        {"__metadata__": {"crowdkit": '{"component": {}}'}, "a": tensor()},
        {"__metadata__": {"crowdkit": '{"facts": ' + "9" * 5000 + "}"}, "a": tensor()},
    ],
    ids=lambda header: json.dumps(header)[:60],
)
def test_headers_that_no_writer_writes(header, tmp_path) -> None:
    path = tmp_path / "a.safetensors"
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    assert_refused(path, "header|safetensors")


@pytest.mark.parametrize("length", [0, 2**40, 2**63 + 1])
def test_header_lengths_beyond_the_file(length, tmp_path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(struct.pack("<Q", length) + b"{}" + bytes(20))
    assert_refused(path, "safetensors|holds no tensors")


def test_an_array_that_no_compression_makes_so_small(tmp_path) -> None:
    path = tmp_path / "huge.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("weight", shape=(10**6, 10**6), dtype="f4", chunks=(1000, 1000))
    assert_refused(path, "cannot come out of so small a file")


def test_an_archive_of_numpy_says_what_it_is(tmp_path) -> None:
    path = tmp_path / "weights.npz"
    np.savez(path, weight=np.ones(3))
    assert_refused(path, "archive of NumPy")


SAVE = """
import sys
from torch import nn
import torch
from crowdkit_core.registry.options import checked_options
from crowdkit_core.weights import save_weights
def make(*, width: int, depth: int, scale: float, name_of: str, flip: bool): ...
given = dict(width=3, depth=2, scale=0.5, name_of="x", flip=True)
options = {**checked_options(make, given, "toy"), "some": {"b", "a", "c"}}
torch.manual_seed(0)
save_weights(sys.argv[1], nn.Linear(3, 2), component="toy", options=options, facts={"z": 1, "a": 2})
"""


@pytest.mark.slow
def test_equal_runs_give_equal_bytes_in_each_process(tmp_path) -> None:
    for seed in "123":
        path = tmp_path / f"{seed}.safetensors"
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", SAVE, str(path)], env=environment, check=True)
    contents = {path.read_bytes() for path in tmp_path.iterdir()}
    assert len(contents) == 1


def test_the_order_in_which_things_are_said_plays_no_part(tmp_path) -> None:
    for name, order in [("one", ["a", "b"]), ("two", ["b", "a"])]:
        options = OrderedDict((key, ord(key)) for key in order)
        module = nn.Linear(1, 1)
        nn.init.zeros_(module.weight)
        nn.init.zeros_(module.bias)
        save_weights(tmp_path / name, module, options=options, facts={**options, "of": options})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("name", ["a.safetensors", "a.pth"])
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path, name) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(WeightsError, match="a pipe, socket or device"):
        read_weights(tmp_path / name)
