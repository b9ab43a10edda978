"""Files with changed bytes are read or refused in a line, whatever was changed."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import tomli_w
import torch
from PIL import Image
from torch import nn

from crowdkit_core.cards import parse_card
from crowdkit_core.data.files.matlab import load_mat
from crowdkit_core.errors import CrowdkitError
from crowdkit_core.inference import read_ground, read_zones
from crowdkit_core.inference.roi import as_roi
from crowdkit_core.inference.zones import divide
from crowdkit_core.settings import load_recipe, parse_overrides
from crowdkit_core.training.run_folder import StageFolder
from crowdkit_core.training.run_record import RunRecord, read_record
from crowdkit_core.visual import read_epochs
from crowdkit_core.weights import load_matching, read_weights, save_weights

FEW, MANY = 25, 500
BYTES = b'\x00\x01\x7f\x80\xff[{"9-'


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content with a few bytes changed, removed, added or repeated, mostly near its start."""
    data = bytearray(content)
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        place = rng.randrange(max(len(data) if rng.random() < 0.4 else min(len(data), 200), 1))
        other = rng.randrange(max(len(data), 1))
        change = rng.randrange(6)
        if change == 0 and data:
            data[place] ^= 1 << rng.randrange(8)
        elif change == 1:
            data[place : place + 1] = bytes([rng.choice(BYTES)])
        elif change == 2:
            del data[place : place + rng.choice([1, 2, 8, 64])]
        elif change == 3:
            data[place:place] = rng.randbytes(rng.choice([1, 4, 8]))
        elif change == 4:
            del data[place:]
        else:
            data[place : place + 8] = data[other : other + 8]
    return bytes(data)


def network() -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2))


def load(path: Path) -> None:
    file = read_weights(path)
    load_matching(network(), file, file.state)


def write_hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for key, value in network().state_dict().items():
            file[key] = value.numpy()


def write_mat(path: Path, *, compressed: bool) -> None:
    cells = np.array([[1, "two"], [3.0, np.eye(2)]], dtype=object)
    people = {"location": np.ones((5, 2)), "number": 5}
    scipy.io.savemat(path, {"info": people, "cells": cells}, do_compression=compressed)


def write_mat_73(path: Path) -> None:
    with h5py.File(path, "w", userblock_size=512) as file:
        file["points"] = np.ones((2, 5))
        file["#refs#/a"] = np.ones((2, 2))
        cells = file.create_dataset("cells", (2, 1), dtype=h5py.ref_dtype)
        cells[0, 0] = cells[1, 0] = file["#refs#/a"].ref
        cells.attrs["MATLAB_class"] = np.bytes_("cell")
        file["info/number"] = np.ones((1, 1))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def write_state(path: Path) -> None:
    facts = {"epoch": 1, "best_mae": 1.0, "waited": 0, "stopped": False, "history": []}
    torch.save({**facts, "modules": network().state_dict()}, path)


def write_recipe(path: Path) -> None:
    recipe = load_recipe(overrides=["counter=mcnn", "dataset.images=4", "trainer.epochs=2"])
    sizes = {"images": 4, "size": [64, 96]}
    table = {"counter": {"name": "mcnn"}, "dataset": {"name": "synthetic", **sizes}}
    path.write_text(tomli_w.dumps({**table, "run": {"seed": recipe.run.seed, "workers": 1}}))


def write_log(path: Path) -> None:
    record = {"event": "epoch_ended", "stage": "s", "epoch": 1, "losses": {"loss": 1.0}}
    path.write_text(2 * (json.dumps(record) + "\n"))


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def read_roi(path: Path) -> None:
    as_roi(path, (9, 9))


def read_divided(path: Path) -> None:
    divide((9, 9), zones=read_zones(path))


GEOJSON = (
    '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {"name": "a"},'
    ' "geometry": {"type": "Polygon", "coordinates": [[[1, 2], [8, 3], [7, 8], [1, 2]]]}}]}'
)
CVAT = (
    '<annotations><image id="0" name="a.jpg" width="9" height="9">'
    '<polygon label="a" points="1.0,2.0;8.0,3.0;7.0,8.0"/></image></annotations>'
)
GROUND = (
    '{"points": [{"image": [1, 2], "ground": [0, 0]}, {"image": [8, 3], "ground": [5, 0]},'
    ' {"image": [7, 8], "ground": [5, 5]}, {"image": [1, 7], "ground": [0, 5]},'
    ' {"image": [4, 5], "ground": [2.5, 2.5]}], "camera_height": 6}'
)
TAPE = (
    '{"points": [[1, 2], [8, 3], [7, 8], [1, 7]], "distances": [[1, 2, 3], [2, 3, 4], [3, 4, 3],'
    " [4, 1, 4], [1, 3, 5], [2, 4, 5]]}"
)

Case = tuple[str, Callable[[Path], Any], Callable[[Path], Any]]

CASES: list[Case] = [
    (
        "own.safetensors",
        lambda p: save_weights(p, network(), component="x", options={"a": 1}),
        load,
    ),
    ("zip.pth", lambda p: torch.save({"model": network().state_dict()}, p), load),
    (
        "old.pth",
        lambda p: torch.save(network().state_dict(), p, _use_new_zipfile_serialization=False),
        load,
    ),
    ("weights.h5", write_hdf5, load),
    (
        "roi.json",
        lambda p: p.write_text("[[[1, 2], [10.5, 3], [12, 15]]]"),
        lambda p: as_roi(p, (9, 9)),
    ),
    (
        "zones.json",
        lambda p: p.write_text(
            '{"a": [[1, 2], [10.5, 3], [12, 15]], "exclude": [[[0, 0], [2, 0], [0, 2]]]}'
        ),
        read_divided,
    ),
    ("zones.geojson", lambda p: p.write_text(GEOJSON), read_divided),
    ("zones.xml", lambda p: p.write_text(CVAT), read_divided),
    ("zones.npy", lambda p: np.save(p, np.eye(9, dtype=np.uint8)), read_divided),
    ("zones.png", lambda p: Image.fromarray(np.eye(9, dtype=np.uint8)).save(p), read_divided),
    ("ground.json", lambda p: p.write_text(GROUND), read_ground),
    ("tape.json", lambda p: p.write_text(TAPE), read_ground),
    ("roi.npy", lambda p: np.save(p, np.ones((9, 9), bool)), lambda p: as_roi(p, (9, 9))),
    ("v5.mat", lambda p: write_mat(p, compressed=False), load_mat),
    ("v7.mat", lambda p: write_mat(p, compressed=True), load_mat),
    ("v73.mat", write_mat_73, load_mat),
    ("recipe.toml", write_recipe, load_recipe),
    (
        "set.txt",
        lambda p: p.write_text("counter.width=64"),
        lambda p: parse_overrides([text_of(p)]),
    ),
    ("data.json", lambda p: p.write_text(RunRecord({"train": "a"}, {"b": 1}).text()), read_record),
    ("state.pt", write_state, lambda p: StageFolder(p.parent).load_state()),
    ("log.jsonl", write_log, read_epochs),
]


def attack(case: Case, folder: Path, times: int) -> None:
    name, write, read = case
    path = folder / name
    write(path)
    read(path)
    content, rng = path.read_bytes(), random.Random(name)
    for _ in range(times):
        path.write_bytes(mutated(content, rng))
        assert "\n" not in refusal(read, path)


def refusal(read: Callable[[Path], Any], path: Path) -> str:
    """Why a file is refused; empty if it is read. Any other error is raised."""
    try:
        read(path)
    except CrowdkitError as error:
        return error.message
    return ""


every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])


@every_case
def test_a_few_changes(case, tmp_path) -> None:
    attack(case, tmp_path, FEW)


@pytest.mark.slow
@every_case
def test_many_changes(case, tmp_path) -> None:
    attack(case, tmp_path, MANY)


@pytest.mark.parametrize("times", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_cards(card, tmp_path, times) -> None:
    case = (
        "card.toml",
        lambda path: path.write_text(tomli_w.dumps(card())),
        lambda path: parse_card(text_of(path), "card"),
    )
    attack(case, tmp_path, times)
