"""Bad input gets one line that names what is wrong, the right exit code, and no traceback."""

import io
import pickle
import struct
import zlib

import pytest
import scipy.io
import torch
from PIL import Image

from crowdkit_core import create
from crowdkit_core.registry import lookup
from crowdkit_core.weights import save_weights


@pytest.fixture
def refused(crowdkit):
    """Run a command that must be refused; gives its error."""

    def run(*arguments, code, names):
        finished = crowdkit(*arguments)
        assert finished.code == code, finished.out + finished.err
        message = finished.err.strip()
        assert message.startswith("crowdkit: "), message
        assert "Traceback" not in finished.err + finished.out
        first = message.splitlines()[0]
        for name in names:
            assert name in first, message
        return message

    return run


def png_header(width, height):
    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b""))


def truncated_jpeg():
    file = io.BytesIO()
    Image.effect_noise((200, 200), 80).convert("RGB").save(file, "JPEG")
    return file.getvalue()[:3000]


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("missing.jpg", None, "no such file"),
        ("empty.jpg", b"", "empty"),
        ("truncated.jpg", truncated_jpeg(), "truncated"),
        ("text.png", b"not a picture", "not an image"),
        ("bomb.png", png_header(30_000, 30_000), "cannot be read as an image"),
    ],
    ids=["missing", "empty", "truncated", "text", "bomb"],
)
def test_images(refused, weights, tmp_path, name, content, cause):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    arguments = ("count", tmp_path / name, "--weights", weights)
    finished = refused(*arguments, code=1, names=[name])
    assert cause in finished.lower()


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        (["1.png,nan,5"], ["annotations.csv", "nan"]),
        (["1.png,5000,5"], ["1.png", "5000"]),
        (["1.png,five,5"], ["annotations.csv", "five"]),
        (["1.png,5,5", "2.png,5,5"], ["2.png"]),
    ],
    ids=["nan", "far-outside", "no-number", "no-image"],
)
def test_points(refused, tmp_path, rows, names):
    for name in ("1.png", "3.png"):
        Image.new("RGB", (64, 48)).save(tmp_path / name)
    (tmp_path / "annotations.csv").write_text("\n".join(["image,x,y", *rows, "3.png,5,5"]))
    options = ["--counter", "mcnn", "--dataset", "folder", "--set", f"dataset.root={tmp_path}"]
    options += ["--set", "dataset.validation_every=2"]
    refused("train", *options, "--output", tmp_path / "run", code=1, names=names)
    assert not (tmp_path / "run").exists()


def test_a_mat_file_without_points(refused, tmp_path):
    train = tmp_path / "part_A" / "train_data"
    (train / "images").mkdir(parents=True)
    (train / "ground_truth").mkdir()
    for number in (1, 2):
        Image.new("RGB", (64, 48)).save(train / "images" / f"IMG_{number}.jpg")
        scipy.io.savemat(train / "ground_truth" / f"GT_IMG_{number}.mat", {"other": [1.0]})
    options = ["--dataset", "shanghaitech", "--set", f"dataset.root={tmp_path}"]
    options += ["--set", "dataset.validation_every=2", "--counter", "mcnn"]
    refused(
        *("train", *options, "--output", tmp_path / "run"),
        code=1,
        names=["GT_IMG_", "image_info", "other"],
    )


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--counter", "mcn"], ["mcn", "mcnn"]),
        (["--counter", "mcnn", "--loss", "l2"], ["l2"]),
        (["--counter", "mcnn", "--set", "counter.widht=3"], ["counter.widht"]),
        (["--counter", "mcnn", "--set", "counter.in_channels=two"], ["counter.in_channels", "two"]),
        (["--counter", "mcnn", "--set", "trainer.epochs=many"], ["trainer.epochs", "many"]),
        (["--counter", "mcnn", "--set", "trainer.optimization.optimizer=Adan"], ["Adan"]),
        (["--counter", "mcnn", "--set", "traner.epochs=1"], ["traner", "trainer"]),
        (["--counter", "mcnn", "--set", "epochs"], ["epochs"]),
        (["no-such-recipe"], ["no-such-recipe"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_settings(refused, tmp_path, options, names):
    refused("train", *options, "--output", tmp_path / "run", code=2, names=names)
    assert not (tmp_path / "run").exists()


@pytest.fixture
def known_plugin(monkeypatch):
    """A component that crowdkit knows of and that is not installed."""
    monkeypatch.setattr(lookup, "known_plugins", lambda _: {"elsewhere": "crowdkit-elsewhere"})
    return "elsewhere"


@pytest.mark.parametrize("command", [["info"], ["train", "--counter"]])
def test_a_known_plugin_that_is_not_installed_comes_with_its_pip_line(
    refused, known_plugin, command
):
    message = refused(*command, known_plugin, code=2, names=[known_plugin])
    assert "pip install crowdkit-elsewhere" in message


def test_all_settings_errors_come_at_once(refused):
    wrong = ["--set", "counter.widht=3", "--set", "trainer.epochs=many", "--set", "run.seed=x"]
    refused(
        *("train", "--counter", "mcnn", *wrong),
        code=2,
        names=["counter.widht", "trainer.epochs", "run.seed"],
    )


class ExecutedError(Exception):
    """Raised by a pickle that was executed."""


def explode():
    raise ExecutedError


class Bomb:
    def __reduce__(self):
        return explode, ()


@pytest.fixture
def photo(tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_a_pickle_with_code_is_not_executed(refused, photo, tmp_path):
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(Bomb()))
    torch.save({"state_dict": Bomb()}, tmp_path / "zip.pth")
    for name in ("bare.pth", "zip.pth"):
        arguments = ("count", photo, "--counter", "mcnn", "--weights", tmp_path / name)
        refused(*arguments, code=1, names=[name])


def test_a_checkpoint_cut_short(refused, weights, photo, tmp_path):
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(weights.read_bytes()[:5000])
    refused(
        "count", photo, "--counter", "mcnn", "--weights", cut, code=1, names=["cut.safetensors"]
    )


def test_a_checkpoint_of_another_architecture(refused, photo, tmp_path):
    other = tmp_path / "csrnet.safetensors"
    save_weights(other, create("counter", "csrnet", backbone="resnet18"))
    message = refused(
        *("count", photo, "--counter", "mcnn", "--weights", other),
        code=1,
        names=["csrnet.safetensors", "MCNN"],
    )
    assert "branch1.0.weight" in message
    assert "backbone" in message


def test_no_weights(refused, photo):
    refused("count", photo, "--counter", "mcnn", code=2, names=["weights"])


def test_a_device_that_is_not_there(refused, weights, photo):
    refused("count", photo, "--weights", weights, "--device", "cuda:99", code=2, names=["cuda:99"])


def test_a_full_disk_leaves_the_old_checkpoint(crowdkit, photos, tmp_path, monkeypatch):
    run = tmp_path / "run"
    options = ["--counter", "mcnn", "--dataset", "folder", "--set", f"dataset.root={photos}"]
    options += ["--output", run]
    assert crowdkit("train", *options, "--set", "trainer.epochs=1").code == 0
    kept = {file.name: file.read_bytes() for file in run.glob("*.safetensors")}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    finished = crowdkit("train", *options, "--resume", "--set", "trainer.epochs=2")
    assert finished.code == 1
    assert "No space left on device" in finished.err
    assert "Traceback" not in finished.err
    assert {file.name: file.read_bytes() for file in run.glob("*.safetensors")} == kept
    monkeypatch.undo()
    assert {file.suffix for file in run.iterdir()} <= {
        ".safetensors",
        ".json",
        ".jsonl",
        ".toml",
        ".pt",
        ".png",
    }
