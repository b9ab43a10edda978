import pytest
import torch

from crowdkit_core import create
from crowdkit_core.errors import UsageError
from crowdkit_core.testing import check_dataset


def blank(**options):
    return create("dataset", "blank", **{"images": 24, "size": [48, 70], **options})


def images(**options):
    return [sample.image for sample in blank(**options)]


@pytest.mark.parametrize("split", ["train", "all"])
def test_contract(split):
    check_dataset(blank(split=split))


def test_nobody_is_in_them():
    assert sum(len(sample.points) for sample in blank(split="all")) == 0


def test_a_third_is_plain_and_black_and_white_are_among_them():
    plain = [image for image in images() if image.flatten(1).unique(dim=1).shape[1] == 1]
    assert len(plain) == 8
    colours = [image[:, 0, 0].tolist() for image in plain]
    assert colours.count([0, 0, 0]) == colours.count([255, 255, 255]) == 2


def test_a_ramp_goes_one_way():
    for ramp in images()[1::3]:
        for steps in (ramp.int().diff(dim=1), ramp.int().diff(dim=2)):
            signs = steps.flatten(1).sign()
            assert ((signs >= 0).all(1) | (signs <= 0).all(1)).all()


def test_noise_is_fine_and_coarse_grey_and_coloured():
    noisy = images(images=90)[2::3]
    equal = [(image.diff(dim=2) == 0).float().mean().item() for image in noisy]
    assert min(equal) < 0.1
    assert max(equal) > 0.7
    spread = [image.float().std(dim=(1, 2)).std().item() for image in noisy]
    assert min(spread) < max(spread) / 3


def test_no_two_are_alike_and_the_seed_decides():
    train, other = images(), images(seed=1)
    assert not any(torch.equal(*pair) for pair in zip(train[1::3], other[1::3], strict=True))
    assert all(torch.equal(*pair) for pair in zip(train, images(), strict=True))
    assert len({image.numpy().tobytes() for image in train}) == 22


@pytest.mark.parametrize("options", [{"images": 0}, {"size": [0, 4]}, {"seed": -1}])
def test_a_bad_option_is_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        blank(**options)
