"""An ONNX file is weights like any other: size, interval and things are in it."""

import json
from dataclasses import replace

import onnx
import pytest
from crowdkit_onnx.weights import read_onnx
from PIL import Image

from crowdkit_core import create, load
from crowdkit_core.cli import main
from crowdkit_core.errors import WeightsError
from crowdkit_core.files import sha256_of
from crowdkit_core.inference import load_model
from crowdkit_core.inference.known import Known
from crowdkit_core.weights import read_weights, save_weights


@pytest.fixture
def photo(tmp_path):
    scene = create("dataset", "synthetic", images=1, size=(90, 120), people=(9, 9))[0]
    path = tmp_path / "photo.png"
    Image.fromarray((scene.image.permute(1, 2, 0) * 255).byte().numpy()).save(path)
    return path


def run(capfd, monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["crowdkit", *map(str, arguments)])
    capfd.readouterr()
    try:
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    return code, *capfd.readouterr()


def changed(path, to, change):
    """A copy of an ONNX file with other metadata."""
    graph = onnx.load(path)
    properties = {each.key: each.value for each in graph.metadata_props}
    facts = json.loads(properties.pop("crowdkit"))
    text = change(facts)
    del graph.metadata_props[:]
    onnx.helper.set_model_props(
        graph, properties if text is None else {**properties, "crowdkit": text}
    )
    onnx.save(graph, to)
    return to


def test_what_is_known_of_the_weights_is_in_the_file(file, model):
    read = read_onnx(file)
    assert (read.component, read.distribution) == ("onnx", "crowdkit-onnx")
    assert Known.parsed(read.known, "it") == Known.of_model(model)
    assert read_weights(file).known == read.known


def test_a_model_of_it_counts_as_the_one_it_is_of(file, model, photo):
    loaded = load(str(file))
    assert loaded.counter.registered_name == "onnx"
    assert Known.of_model(loaded) == Known.of_model(replace(model, weights=sha256_of(file)))
    found, expected = loaded(photo), model(photo)
    assert found.count == pytest.approx(expected.count, rel=1e-4)
    assert found.interval.high == pytest.approx(expected.interval.high, rel=1e-4)


def test_counted_on_the_command_line(file, model, photo, capfd, monkeypatch):
    code, out, err = run(capfd, monkeypatch, "count", photo, "--weights", file)
    assert code == 0, err
    count = model(photo)
    low, high = count.interval.low, count.interval.high
    assert out.strip() == f"{photo}\t{count.count:.0f} birds (90 %: {low:.0f} to {high:.0f})"
    assert "resized from 120 x 90 to" in err


def test_evaluated_on_the_command_line(file, capfd, monkeypatch):
    code, out, err = run(
        capfd,
        monkeypatch,
        *("eval", "--weights", file, "--dataset", "synthetic", "--split", "test"),
        *(
            "--set",
            "dataset.images=2",
            "--set",
            "dataset.size=[64, 90]",
            "--set",
            "dataset.people=[1, 20]",
            "--json",
        ),
    )
    assert code == 0, err
    assert "long side 160" in out


def test_weights_of_a_known_digest_keep_it(file, tmp_path):
    path = changed(
        file,
        tmp_path / "other.onnx",
        lambda facts: json.dumps({**facts, "known": {**facts["known"], "weights": "ab" * 32}}),
    )
    assert load_model(path).weights == "ab" * 32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda facts: None, "not an ONNX file that crowdkit exported"),
        (lambda facts: json.dumps({**facts, "format": 2}), "are of format 2, "),
        (lambda facts: json.dumps({**facts, "network": {"stride": 4}}), "itself is damaged: "),
        (lambda facts: json.dumps(facts)[:-9], "itself is damaged: "),
        (lambda facts: json.dumps([facts]), "itself is damaged: "),
    ],
)
def test_a_file_that_does_not_say_how_to_count_is_refused(file, tmp_path, change, message):
    path = changed(file, tmp_path / "other.onnx", change)
    with pytest.raises(WeightsError, match=message) as caught:
        load_model(path)
    assert caught.value.message.startswith(f"{path}: ")
    assert "\n" not in caught.value.message


def test_a_damaged_card_is_named(file, tmp_path):
    path = changed(
        file,
        tmp_path / "other.onnx",
        lambda facts: json.dumps({**facts, "known": {**facts["known"], "value_range": "wide"}}),
    )
    with pytest.raises(WeightsError, match=r"other\.onnx: what it says of itself is damaged: val"):
        load_model(path)


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><html>not a network</html>", b"\x08"])
def test_what_is_no_onnx_file_is_refused_in_a_line(content, tmp_path):
    path = tmp_path / "people.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"people\.onnx: onnxruntime cannot run it: ") as caught:
        load_model(path)
    assert "\n" not in caught.value.message


def test_safetensors_are_known_by_their_content_whatever_their_name(tmp_path):
    path = tmp_path / "model.onnx"
    save_weights(path, create("counter", "mcnn"), component="mcnn")
    assert load_model(path).counter.registered_name == "mcnn"
