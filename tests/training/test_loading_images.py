"""How images come to training changes nothing of what is learned."""

import os

import pytest
import torch

from crowdkit_core.data.loading import in_memory
from crowdkit_core.errors import NotEnoughMemoryError
from crowdkit_core.listeners.progress import Progress
from crowdkit_core.registry.hooks import hookimpl
from crowdkit_core.settings import RunSettings
from crowdkit_core.training import Supervised, train, workers


class Heard:
    @hookimpl
    def training_started(self, images, in_memory):
        self.images, self.in_memory = images, in_memory


def trained(toys, folder, cache: str, **run):
    parts = toys.task()
    parts.train.cache = cache
    heard = Heard()
    settings = RunSettings(directory=folder, accelerator="cpu", **run)
    result = train(parts, Supervised(epochs=2, batch_size=2), settings, listeners=[heard])
    return result, heard


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on one core
@pytest.mark.parametrize("run", [{}, {"workers": 2}])
def test_images_in_memory_change_nothing(toys, tmp_path, run):
    plain, nothing = trained(toys, tmp_path / "plain", "none")
    cached, heard = trained(toys, tmp_path / "cached", "memory", **run)
    for name, value in plain.counter.state_dict().items():
        assert torch.equal(value, cached.counter.state_dict()[name])
    assert nothing.in_memory == {}
    assert heard.in_memory == {"train": 8 * 3 * 16 * 24}


def test_the_size_is_stated(tmp_path, capsys):
    Progress().training_started({"a": 1}, {"train": 20}, {"train": 3 << 20})
    assert "kept in memory once decoded: 20 train images, 3 MiB" in capsys.readouterr().err


def test_what_does_not_fit_is_refused_before_anything_is_written(toys, tmp_path, monkeypatch):
    monkeypatch.setattr(in_memory, "available_memory", lambda: 1)
    with pytest.raises(NotEnoughMemoryError, match="8 train images"):
        trained(toys, tmp_path / "run", "memory")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("asked", "device", "cores", "processes", "number"),
    [
        ("auto", "cpu", 16, 1, 0),
        ("auto", "cuda", 16, 1, 8),
        ("auto", "cuda", 4, 1, 3),
        ("auto", "cuda", 16, 4, 3),
        ("auto", "cuda", 1, 1, 0),
        (5, "cpu", 1, 1, 5),
    ],
)
def test_workers_by_themselves(monkeypatch, asked, device, cores, processes, number):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    run = RunSettings(workers=asked)
    assert workers.worker_count(run, torch.device(device), processes=processes) == number
