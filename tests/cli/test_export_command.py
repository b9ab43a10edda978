"""`crowdkit export` writes a file, and says what it compared."""

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
    assert finished.json["count_difference"] <= finished.json["tolerance"]
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_outputs()] == ["count", "density"]


def test_photos_that_are_not_there_are_named_first(crowdkit, tmp_path):
    finished = crowdkit("export", "people", "--to", tmp_path / "m.onnx", "--check", tmp_path / "no")
    assert finished.code == 1
    assert "no such file" in finished.err
    assert not list(tmp_path.iterdir())
