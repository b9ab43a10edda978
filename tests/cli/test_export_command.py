"""`crowdkit export` writes a file, and says what it compared."""

import re

import onnxruntime

from crowdkit_core import create
from crowdkit_core.weights import save_weights


def test_a_counter_becomes_an_onnx_file(crowdkit, photos, tmp_path):
    save_weights(tmp_path / "mcnn.safetensors", create("counter", "mcnn"), component="mcnn")
    path = tmp_path / "model.onnx"
    finished = crowdkit(
        *("export", tmp_path / "mcnn.safetensors", "--to", path, "--check", photos, "--json")
    )
    assert finished.code == 0, finished.err
    assert finished.json["images"] == 3 + 12
    assert finished.json["count_difference"] <= finished.json["tolerance"]["count"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_outputs()] == ["count", "density"]


def test_photos_that_are_not_there_are_named_first(crowdkit, tmp_path):
    finished = crowdkit("export", "people", "--to", tmp_path / "m.onnx", "--check", tmp_path / "no")
    assert finished.code == 1
    assert "no such file" in finished.err
    assert not list(tmp_path.iterdir())


def test_fewer_bits_and_their_error_are_told(crowdkit, photos, tmp_path):
    save_weights(tmp_path / "mcnn.safetensors", create("counter", "mcnn"), component="mcnn")
    path = tmp_path / "model.onnx"
    shown = ("--check", photos / "1*.png", "--calibrate", photos / "2.png")
    finished = crowdkit(
        *("export", tmp_path / "mcnn.safetensors", "--to", path, "--precision", "int8"),
        *(*shown, "--calibration-method", "minmax", "--tolerance", "1"),
    )
    assert finished.code == 0, finished.err
    file, compared = finished.out.splitlines()
    assert re.fullmatch(
        r".*model\.onnx: 0\.\d MB \(0\.\d MB before\), int8, ONNX opset \d+, .*", file
    )
    assert re.fullmatch(
        r"3 images compared: counts differ by \S+, maps by [^;]+; "
        r"\d+ of \d+ points are where torch has them(, of \d+)?",
        compared,
    )


def test_a_difference_above_the_tolerance_leaves_nothing(crowdkit, photos, tmp_path):
    save_weights(tmp_path / "mcnn.safetensors", create("counter", "mcnn"), component="mcnn")
    finished = crowdkit(
        *("export", tmp_path / "mcnn.safetensors", "--to", tmp_path / "model.onnx"),
        *("--precision", "float16", "--check", photos / "1.png", "--tolerance", "1e-9"),
    )
    assert finished.code == 1
    assert "more than 1e-09" in finished.err
    assert not (tmp_path / "model.onnx").exists()


def test_fewer_bits_without_photos_are_a_wrong_request(crowdkit, tmp_path):
    finished = crowdkit("export", "people", "--to", tmp_path / "m.onnx", "--precision", "float16")
    assert finished.code == 2
    assert "--check FOLDER" in finished.err
