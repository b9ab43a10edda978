import pytest

from crowdkit_core.data import UCFCC50, Dots, ShanghaiTech, check

pytestmark = pytest.mark.realdata


def summary(report):
    return report.images, report.people, report.least, report.most


def test_shanghaitech_a_training_images(data_root):
    dataset = ShanghaiTech(root=data_root / "ShanghaiTech", split="all")
    train = [entry for entry in dataset.entries if entry.name.startswith("train_data")]
    counts = [len(dataset.annotation(i).points) for i in range(len(train))]
    assert (len(train), sum(counts), min(counts), max(counts)) == (300, 162_413, 33, 3138)
    clipped = [dataset.annotation(i).clipped for i in range(len(train))]
    assert sum(clipped) < 20


def test_shanghaitech_a_images_decode(data_root):
    report = check(ShanghaiTech(root=data_root / "ShanghaiTech", split="validation"))
    assert report.ok
    assert report.images == 30


def test_ucf_cc_50(data_root):
    report = check(UCFCC50(root=data_root / "UCF_CC_50", split="all"))
    assert report.ok
    assert summary(report) == (50, 63_974, 96, 4633)
    assert round(report.people / report.images, 1) == 1279.5


def test_vgg_cells(data_root):
    report = check(Dots(root=data_root / "VGG_cells", split="all"))
    assert report.findings == ()
    assert summary(report) == (200, 35_192, 74, 317)


def test_mbm(data_root):
    report = check(Dots(root=data_root / "MBM", split="all"))
    assert report.findings == ()
    assert summary(report) == (44, 5_553, 65, 195)
