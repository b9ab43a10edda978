"""`python -m crowdkit_onnx` prints and writes what `crowdkit count` does."""

import json
import shutil

import onnx
import pytest
from click.testing import CliRunner
from crowdkit_onnx.__main__ import main
from PIL import Image

from crowdkit_core.cli.app import crowdkit
from crowdkit_core.inference import Calibration, Model

from .conftest import mcnn


def alone(capsys, *arguments):
    code = main([*map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def with_crowdkit(*arguments):
    done = CliRunner().invoke(crowdkit, ["count", *map(str, arguments)], catch_exceptions=False)
    assert done.exit_code == 0
    return done.stdout, done.stderr


def test_same_lines_and_tables(capsys, file, scenes, tmp_path, monkeypatch):
    monkeypatch.chdir(scenes[0].parent)
    names = [scene.name for scene in scenes]
    written = {}
    for who in ("alone", "crowdkit"):
        tables = [tmp_path / f"{who}-{name}" for name in ("counts.csv", "points.csv")]
        given = [*names, "--csv", tables[0], "--points", tables[1], "--level", 0.8]
        if who == "alone":
            code, out, err = alone(capsys, *given, "--model", file)
            assert code == 0
        else:
            out, err = with_crowdkit(*given, "--weights", file)
        notes = {line for line in err.splitlines() if not line.startswith("crowdkit")}
        written[who] = [out, notes, *(table.read_text() for table in tables)]
    assert written["alone"] == written["crowdkit"]
    out = written["alone"][0]
    assert f"{len(scenes)} images\t" in out
    assert "birds" in out
    assert "(80 %:" in out


@pytest.mark.parametrize("model_file", ["file", "plain_file"])
def test_same_json(capsys, model_file, scenes, request):
    file = request.getfixturevalue(model_file)
    code, out, _ = alone(capsys, scenes[1], "--model", file, "--json")
    assert code == 0
    assert json.loads(out) == json.loads(with_crowdkit(scenes[1], "--weights", file, "--json")[0])


def test_points_as_json(capsys, file, scenes, tmp_path):
    blank = tmp_path / "blank" / "black.png"
    blank.parent.mkdir()
    Image.new("RGB", (64, 64)).save(blank)
    for who, table in (("alone", tmp_path / "a.json"), ("crowdkit", tmp_path / "b.json")):
        given = [scenes[1], "--points", table]
        if who == "alone":
            alone(capsys, *given, "--model", file)
        else:
            with_crowdkit(*given, "--weights", file)
    assert json.loads((tmp_path / "a.json").read_text()) == json.loads(
        (tmp_path / "b.json").read_text()
    )


def test_a_bad_file_is_named_and_the_others_are_counted(capsys, file, scenes, tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    code, out, err = alone(capsys, text, scenes[0], "--model", file, "--quiet")
    assert code == 1
    assert err == f"crowdkit_onnx: {text}: not an image, or its header is damaged\n"
    assert out.startswith(f"{scenes[0]}\t")


def _deep(path):
    Image.new("I;16", (64, 64)).save(path)


def _animation(path):
    frames = [Image.new("RGB", (64, 64), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("deep.png", _deep, "more than 8 bits"),
        ("moving.gif", _animation, "2 frames or pages"),
        ("empty.png", lambda path: path.touch(), "the file is empty"),
        ("folder.png", lambda path: path.mkdir(), "a folder"),
        ("nothing.png", lambda path: None, "no such file"),
    ],
)
def test_what_is_not_one_plain_picture(capsys, file, tmp_path, name, make, said):
    path = tmp_path / name
    make(path)
    code, out, err = alone(capsys, path, "--model", file, "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith(f"crowdkit_onnx: {path}: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_picture_cut_short(capsys, file, scenes, tmp_path):
    cut = tmp_path / "cut.png"
    cut.write_bytes(scenes[2].read_bytes()[:2000])
    code, out, err = alone(capsys, cut, "--model", file, "--quiet")
    assert (code, out) == (1, "")
    assert err.startswith(f"crowdkit_onnx: {cut}: cannot be read as an image: ")


def _foreign(path, file):
    graph = onnx.load(file)
    del graph.metadata_props[:]
    onnx.save(graph, path)


def _newer(path, file):
    graph = onnx.load(file)
    facts = {**json.loads(graph.metadata_props[0].value), "format": 99}
    onnx.helper.set_model_props(graph, {"crowdkit": json.dumps(facts)})
    onnx.save(graph, path)


def _damaged(path, file):
    graph = onnx.load(file)
    onnx.helper.set_model_props(graph, {"crowdkit": json.dumps({"format": 1})})
    onnx.save(graph, path)


@pytest.mark.parametrize(
    ("make", "code", "said"),
    [
        (lambda path, file: None, 2, "no such file"),
        (lambda path, file: path.write_text("text"), 1, "cannot be read as an ONNX file"),
        (_foreign, 1, "not an ONNX file that crowdkit exported"),
        (_newer, 1, "format 99"),
        (_damaged, 1, "what it says of itself is damaged"),
    ],
)
def test_what_is_no_model(capsys, file, scenes, tmp_path, make, code, said):
    path = tmp_path / "model.onnx"
    make(path, file)
    got, out, err = alone(capsys, scenes[0], "--model", path)
    assert (got, out) == (code, "")
    assert err.startswith(f"crowdkit_onnx: {path}: ")
    assert said in err
    assert err.count("\n") == 1


def test_a_level_that_needs_more_images(capsys, scenes, tmp_path):
    few = tmp_path / "few.onnx"
    calibration = Calibration(predicted=(9.0,) * 12, actual=(10.0,) * 12)
    Model(counter=mcnn(), calibration=calibration).export(few)
    code, out, err = alone(capsys, scenes[0], "--model", few, "--level", 0.95)
    assert code == 0
    assert "%" not in out
    said = "no interval: the calibration has 12 images, a level of 0.95 needs 19"
    assert f"{scenes[0]}: {said}\n" in err


@pytest.mark.parametrize(
    ("which", "options", "said"),
    [
        ("file", ["--level", 1.5], "level 1.5, expected a probability"),
        ("plain_file", ["--level", 0.9], "no counts of known images"),
        ("file", ["--csv", "counts.txt"], "counts.txt: tables are written as .csv or .json"),
        ("file", ["--points", "points"], "points: tables are written as .csv or .json"),
    ],
)
def test_wrong_usage(capsys, which, options, said, scenes, request):
    file = request.getfixturevalue(which)
    code, out, err = alone(capsys, scenes[0], "--model", file, *options)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_the_model_has_to_be_named(scenes):
    with pytest.raises(SystemExit) as stop:
        main([str(scenes[0])])
    assert stop.value.code == 2


def test_terms_are_shown_and_controls_are_not(capsys, file, scenes, tmp_path):
    graph = onnx.load(file)
    (facts,) = (json.loads(each.value) for each in graph.metadata_props)
    facts["known"]["card"] = {
        "terms": "For\nresearch\x1b[2J only.",
        "sha256": "",
        "localizer": None,
    }
    onnx.helper.set_model_props(graph, {"crowdkit": json.dumps(facts)})
    onnx.save(graph, tmp_path / "terms.onnx")
    odd = tmp_path / "odd\x1bname.png"
    shutil.copy(scenes[0], odd)
    code, out, err = alone(capsys, odd, "--model", tmp_path / "terms.onnx")
    assert code == 0
    assert err.splitlines()[0].endswith("terms.onnx: For research\\u001b[2J only.")
    assert "odd\\u001bname.png\t" in out
    assert (
        "terms of use" not in alone(capsys, odd, "--model", tmp_path / "terms.onnx", "--quiet")[2]
    )
