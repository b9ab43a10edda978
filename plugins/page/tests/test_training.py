"""Training on corrections, without a browser."""

import asyncio

import pytest
import torch
from crowdkit_page.training import Training, free_name

from crowdkit_core import create, load
from crowdkit_core.errors import UsageError
from crowdkit_core.weights import save_weights


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A file of a small counter, and a place for own weights."""
    monkeypatch.setenv("CROWDKIT_WEIGHTS", str(tmp_path / "own"))
    torch.manual_seed(0)
    path = tmp_path / "small.safetensors"
    save_weights(path, create("counter", "mcnn"), component="mcnn")
    return str(path)


@pytest.fixture
def corrected(desk, weights, photo_bytes):
    """A desk with four corrected photos."""
    desk.session.weights = weights
    for number in range(4):

        async def save(path, number=number):
            path.write_bytes(photo_bytes((96, 64), (40 * number, 90, 60)))

        asyncio.run(desk.receive(f"{number}.jpg", save))
        desk.photo = desk.session.photos[-1]
        desk.click(20 + number, 30)
        asyncio.run(desk.keep())
    return desk


def test_new_weights_are_offered_by_name_and_their_errors_told(corrected, studio):
    asyncio.run(corrected.train("mine"))
    training = corrected.session.training
    assert training.error == ""
    assert training.is_over
    assert training.share == 1.0
    assert len(training.records) == training.epochs
    epochs, lines = training.curve
    assert epochs == list(range(1, training.epochs + 1))
    assert list(lines) == ["error on held-out photos"]
    result = training.result
    assert len(result.held_out) == 1
    assert f"off by {result.before.mae:.1f} before" in "\n".join(training.said)
    assert result.name == "mine"
    assert "mine" in [each.name for each in studio.weights()]
    assert load("mine").card.finetuned_from.held_out == 1
    with pytest.raises(UsageError, match="already"):
        asyncio.run(corrected.train("mine"))
    assert free_name("mine") == "mine-mine"


def test_a_training_is_stopped_from_another_thread(corrected, studio):
    async def stopped():
        work = asyncio.ensure_future(corrected.train("mine"))
        await asyncio.sleep(0)
        corrected.session.training.stop()
        with pytest.raises(UsageError, match="a training is going on already"):
            await corrected.train("other")
        await work

    asyncio.run(stopped())
    training = corrected.session.training
    assert training.result.stopped
    assert len(training.records) < training.epochs


def test_nothing_to_train_on_is_said(desk):
    with pytest.raises(UsageError, match="no photo is corrected yet"):
        asyncio.run(desk.train("mine"))


def test_nobody_in_any_photo_is_told_in_words(desk, weights, photo_bytes):
    async def save(path):
        path.write_bytes(photo_bytes())

    desk.session.weights = weights
    asyncio.run(desk.receive("empty.jpg", save))
    desk.accept()
    asyncio.run(desk.keep())
    asyncio.run(desk.train("mine"))
    (line,) = desk.session.training.said
    assert "nobody is marked" in line


def test_a_free_name_is_found(weights):
    assert free_name(weights) == "small-mine"


def test_a_failure_nobody_expected_ends_the_training(monkeypatch, desk):
    from crowdkit_page import training as module

    def broken(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr(module, "finetune", broken)
    training = Training(name="mine", weights="people")
    with pytest.raises(ZeroDivisionError):
        training.run(desk.session.corrections, desk.session.folder, None)
    assert training.is_over
    assert training.said == ["training failed: ZeroDivisionError"]
