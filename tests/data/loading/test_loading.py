from dataclasses import replace

import pytest
import torch

from crowdkit_core.data import (
    Augmentation,
    EpochSampler,
    Folder,
    collate,
    evaluation_indices,
    measure_lengths,
    sample_seed,
    training_loader,
)
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.interfaces import Annotation, Dataset, Points

AUGMENT = Augmentation(crop_size=(16, 16), scale=(0.8, 1.3), gamma=(0.8, 1.2))


class Crowds(Dataset):
    """Eleven images in memory; index 3 breaks if asked to."""

    split = "train"

    def __init__(self, make_sample, *, broken=False):
        points = [[[1.0 + i, 2.0]] * i for i in range(11)]
        self.samples = [make_sample(p, name=str(i)) for i, p in enumerate(points)]
        self.broken = broken

    def __len__(self):
        return len(self.samples)

    def annotation(self, index):
        sample = self.samples[index]
        points = sample.points.as_subclass(torch.Tensor)
        return Annotation(name=sample.name, size=sample.size, points=points)

    def __getitem__(self, index):
        if self.broken and index == 3:
            raise DataError("3.jpg: cut short", hint="fetch it again")
        return self.samples[index]


@pytest.fixture
def crowds(make_sample):
    return Crowds(make_sample)


def loaded(dataset, **options):
    options = {"batch_size": 4, "transform": AUGMENT, "seed": 7, "epoch": 2} | options
    return list(training_loader(dataset, **options))


def assert_same(first, second):
    assert len(first) == len(second) > 0
    for a, b in zip(first, second, strict=True):
        assert a.names == b.names
        assert torch.equal(a.images, b.images)
        assert all(torch.equal(p, q) for p, q in zip(a.points, b.points, strict=True))


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on one core
def test_workers_change_nothing(crowds):
    assert_same(loaded(crowds), loaded(crowds, workers=2))


def test_ranks_share_each_global_batch(crowds):
    whole = loaded(crowds)
    ranks = [loaded(crowds, rank=rank, world_size=2) for rank in range(2)]
    for batch, first, second in zip(whole, *ranks, strict=True):
        assert batch.names == first.names + second.names
        assert torch.equal(batch.images, torch.cat([first.images, second.images]))


def test_an_epoch_repeats_and_another_differs(crowds):
    assert_same(loaded(crowds), loaded(crowds))
    other = [batch.names for batch in loaded(crowds, epoch=3)]
    assert other != [batch.names for batch in loaded(crowds)]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_loader_serves_later_epochs(crowds, workers):
    options = {"batch_size": 4, "transform": AUGMENT, "seed": 7}
    loader = training_loader(crowds, **options, epoch=0, workers=workers)
    list(loader)
    loader.batch_sampler.epoch = 2
    assert_same(list(loader), loaded(crowds))


def test_loading_leaves_the_global_random_state_alone(crowds):
    before = torch.random.get_rng_state()
    loaded(crowds, workers=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_an_epoch_shows_no_image_twice_and_leaves_out_only_the_rest():
    keys = [key for batch in EpochSampler(11, batch_size=4, seed=0, epoch=0) for key in batch]
    assert len(keys) == len({key.index for key in keys}) == 8
    shown = {
        key.index
        for epoch in range(20)
        for batch in EpochSampler(11, batch_size=4, seed=0, epoch=epoch)
        for key in batch
    }
    assert shown == set(range(11))


@pytest.mark.parametrize(
    ("options", "cause"),
    [({"batch_size": 12}, "more than the 11"), ({"batch_size": 3, "world_size": 2}, "2 processes")],
)
def test_batches_that_cannot_be_made_are_refused(crowds, options, cause):
    with pytest.raises(UsageError, match=cause):
        loaded(crowds, **options)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_in_a_worker_keeps_its_words(make_sample, workers):
    with pytest.raises(DataError) as caught:
        loaded(Crowds(make_sample, broken=True), workers=workers, batch_size=11)
    assert caught.value.message == "3.jpg: cut short"
    assert caught.value.hint == "fetch it again"


def test_measured_lengths_travel_with_the_points(crowds):
    class Measurer:
        def measure(self, points, size):
            return {"x": points[:, 0] * 1.0}

    lengths = measure_lengths(crowds, Measurer())
    for batch in loaded(crowds, transform=None, lengths=lengths):
        for points, each in zip(batch.points, batch.lengths, strict=True):
            assert torch.equal(each["x"], points[:, 0])
            assert set(each) == {"x", "sigma"}


def test_seeds_differ_and_stay_the_same_over_releases():
    seeds = {
        sample_seed(run, epoch, index)
        for run in range(10)
        for epoch in range(10)
        for index in range(10)
    }
    assert len(seeds) == 1000
    assert sample_seed(1, 2, 3) == 5464283449182725445


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_evaluation_takes_each_image_once(world_size):
    indices = [i for rank in range(world_size) for i in evaluation_indices(rank, world_size, 5)]
    assert sorted(indices) == list(range(5))


class TestCollate:
    def test_equal_sizes_without_regions_have_none(self, make_sample):
        batch = collate([make_sample([[1, 2]]), make_sample([])])
        assert batch.roi is None
        assert batch.images.dtype == torch.float32
        assert batch.images.unique().tolist() == pytest.approx([100 / 255])
        assert [len(p) for p in batch.points] == [1, 0]
        assert type(batch.points[0]) is torch.Tensor

    def test_padding_is_black_and_outside_the_region(self, make_sample):
        batch = collate([make_sample([], size=(20, 30)), make_sample([], size=(25, 10))])
        assert batch.size == (25, 30)
        assert batch.sizes == ((20, 30), (25, 10))
        assert batch.roi.sum((1, 2)).tolist() == [600, 250]
        assert torch.equal(batch.images[:, 0] > 0, batch.roi)

    def test_one_region_makes_regions_for_all(self, make_sample):
        region = torch.zeros(20, 30, dtype=torch.bool)
        batch = collate([replace(make_sample([]), roi=region), make_sample([])])
        assert batch.roi.sum((1, 2)).tolist() == [0, 600]

    def test_float_images_stay_as_they_are(self, make_sample):
        sample = replace(make_sample([]), image=torch.full((3, 20, 30), 0.25))
        assert collate([sample]).images.unique().tolist() == [0.25]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on one core
def test_files_load_in_workers(tmp_path, save_image):
    rows = ["image,x,y"]
    for n in range(4):
        save_image(tmp_path / f"{n}.png")
        rows += [f"{n}.png,{n + 1},2"]
    (tmp_path / "annotations.csv").write_text("\n".join(rows))
    dataset = Folder(root=tmp_path, split="all")
    assert isinstance(dataset[0].points, Points)
    assert_same(loaded(dataset), loaded(dataset, workers=2))


SEVERAL = Augmentation(crop_size=(16, 16), crops=3, scale=(0.8, 1.3))


class Counting(Crowds):
    """Says how often images are read."""

    def __getitem__(self, index):
        self.read = [*getattr(self, "read", []), index]
        return super().__getitem__(index)


def test_several_windows_of_an_image_come_in_its_batch_and_are_read_once(make_sample):
    dataset = Counting(make_sample)
    batches = loaded(dataset, transform=SEVERAL)
    assert [len(batch.images) for batch in batches] == [12, 12]
    for batch in batches:
        assert list(batch.names) == [name for name in batch.names[::3] for _ in range(3)]
        assert len(set(batch.names)) == 4
        assert len(batch.points) == len(batch.sizes) == 12
    assert sorted(dataset.read) == sorted(set(dataset.read))


def test_windows_depend_neither_on_workers_nor_on_ranks(crowds):
    alone = loaded(crowds, transform=SEVERAL)
    assert_same(alone, loaded(crowds, transform=SEVERAL, workers=2))
    parts = [loaded(crowds, transform=SEVERAL, rank=rank, world_size=2) for rank in (0, 1)]
    for whole, first, second in zip(alone, *parts, strict=True):
        assert whole.names == first.names + second.names
        assert torch.equal(whole.images, torch.cat([first.images, second.images]))
