import pytest
import torch

from crowdkit_core import create
from crowdkit_core.data import Augmentation, Folder, training_loader
from crowdkit_core.data.loading import InMemory, as_cached, in_memory
from crowdkit_core.errors import DataError, NotEnoughMemoryError, OptionsError
from crowdkit_core.interfaces import Dataset

AUGMENT = Augmentation(crop_size=(16, 16), scale=(0.8, 1.3), contrast=(0.7, 1.3))


class Counted(Dataset):
    """Tells in shared memory how often each image was read."""

    def __init__(self, images: Dataset) -> None:
        self.images = images
        self.split = images.split
        self.times = torch.zeros(len(images), dtype=torch.int64).share_memory_()

    def __len__(self):
        return len(self.images)

    def annotation(self, index):
        return self.images.annotation(index)

    def __getitem__(self, index):
        self.times[index] += 1
        return self.images[index]


@pytest.fixture
def photos(tmp_path, save_image):
    for name in ["0.png", "1.jpg", "2.jpg", "3.png"]:
        save_image(tmp_path / name)
    rows = [f"{name},{n + 1},2" for n, name in enumerate(["0.png", "1.jpg", "2.jpg", "3.png"])]
    (tmp_path / "annotations.csv").write_text("\n".join(["image,x,y", *rows]))
    return Counted(Folder(root=tmp_path, split="all"))


def epochs(dataset: Dataset, workers: int, number: int = 3):
    loader = training_loader(dataset, batch_size=2, transform=AUGMENT, seed=7, workers=workers)
    batches = []
    for epoch in range(number):
        loader.batch_sampler.epoch = epoch
        batches += list(loader)
    return batches


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on one core
@pytest.mark.parametrize("workers", [0, 2])
def test_each_image_is_read_once_for_all_workers_and_gives_the_same_bits(photos, workers):
    expected = epochs(photos.images, workers=0)
    cached = InMemory(photos)
    before = photos.times.clone()
    for a, b in zip(expected, epochs(cached, workers), strict=True):
        assert a.names == b.names
        assert torch.equal(a.images, b.images)
        assert all(torch.equal(p, q) for p, q in zip(a.points, b.points, strict=True))
    assert (photos.times - before).tolist() == [1, 1, 1, 1]


def test_samples_are_those_of_the_data_set(photos):
    cached = InMemory(photos)
    for index in range(len(photos)):
        first, again, own = cached[index], cached[index], photos[index]
        assert torch.equal(first.image, own.image)
        assert torch.equal(again.image, own.image)
        assert again.image.stride() == own.image.stride()
        assert torch.equal(again.points, own.points)
        assert (again.name, again.size, again.group) == (own.name, own.size, own.group)
    with pytest.raises(IndexError):
        cached[len(photos)]


def test_what_does_not_fit_is_refused_before_it_is_read(photos, monkeypatch):
    monkeypatch.setattr(in_memory, "available_memory", lambda: 1000)
    with pytest.raises(NotEnoughMemoryError, match="4 all images take 0 MiB") as caught:
        InMemory(photos)
    assert "dataset.cache" in caught.value.hint


def test_a_damaged_image_is_refused_each_time(photos):
    cached = InMemory(photos)
    photos.images.entries[1].image.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(DataError, match=r"1\.jpg"):
            cached[1]


def test_every_data_set_takes_the_option():
    options = {"images": 2, "size": (96, 128), "people": (1, 3)}
    kept = create("dataset", "synthetic", **options, cache="memory")
    assert isinstance(as_cached(kept), InMemory)
    assert as_cached(kept).label == kept.label
    plain = create("dataset", "synthetic", **options)
    assert as_cached(plain) is plain
    with pytest.raises(OptionsError, match="'none' or 'memory'"):
        create("dataset", "synthetic", **options, cache="disk")
