"""Targets of batches: regions, padding, and the lengths that travel with points."""

import pytest
import torch

from crowdkit_core.density import Fixed, GeometryAdaptive
from crowdkit_core.interfaces import Batch, Target
from crowdkit_core.losses import L1, MSE
from crowdkit_core.testing.toys import ToyCounter, ToyGenerator


def points_in(size, number, seed):
    random = torch.Generator().manual_seed(seed)
    return torch.rand(number, 2, generator=random) * torch.tensor([size[1], size[0]])


def batch_of(sizes, points, lengths=None):
    height, width = (max(side) for side in zip(*sizes, strict=True))
    roi = torch.zeros(len(sizes), height, width, dtype=torch.bool)
    for mask, (h, w) in zip(roi, sizes, strict=True):
        mask[:h, :w] = True
    return Batch(
        images=torch.rand(len(sizes), 3, height, width),
        points=tuple(points),
        sizes=tuple(sizes),
        roi=None if len(set(sizes)) == 1 else roi,
        lengths=tuple(lengths or [{} for _ in sizes]),
        names=tuple(map(str, range(len(sizes)))),
    )


SIZES = [(37, 50), (24, 61), (40, 64)]


@pytest.mark.parametrize("stride", [1, 4, 8])
def test_a_padded_image_has_the_map_it_has_alone(stride):
    points = [points_in(size, 9, seed) for seed, size in enumerate(SIZES)]
    together = Target.from_batch(batch_of(SIZES, points), Fixed(sigma=6.0)).density(stride)
    for density, size, xy in zip(together, SIZES, points, strict=True):
        alone = Fixed(sigma=6.0)([xy], size, stride=stride)[0]
        rows, columns = alone.shape[-2:]
        torch.testing.assert_close(density[:, :rows, :columns], alone)
        assert density.sum() == pytest.approx(9, rel=1e-5)


def test_shares_ignore_padding_and_count_border_cells_whole():
    shares = Target.from_batch(batch_of(SIZES, [torch.zeros(0, 2)] * 3), Fixed()).shares(8)
    for share, (height, width) in zip(shares, SIZES, strict=True):
        rows, columns = -(-height // 8), -(-width // 8)
        assert (share[0, :rows, :columns] == 1).all()
        assert share.sum() == rows * columns


@pytest.mark.parametrize("loss", [MSE(), MSE(reduction="mean"), L1(), L1(reduction="mean")])
def test_a_batch_of_any_sizes_costs_the_mean_of_its_images(loss):
    points = [points_in(size, 9, seed) for seed, size in enumerate(SIZES)]
    batch = batch_of(SIZES, points)
    prediction = ToyCounter()(batch.images)
    together = loss(prediction, Target.from_batch(batch, Fixed())).total
    alone = []
    for index, (height, width) in enumerate(SIZES):
        rows, columns = -(-height // 4), -(-width // 4)
        part = type(prediction).from_density(prediction.density[index, None, :, :rows, :columns], 4)
        alone.append(loss(part, Target([points[index]], (height, width), Fixed())).total)
    torch.testing.assert_close(together, torch.stack(alone).mean())


def test_only_people_inside_the_region_are_in_it():
    roi = torch.zeros(1, 40, 64, dtype=torch.bool)
    roi[:, :, :30] = True
    inside, outside = torch.tensor([[3.0, 4.0], [29.5, 20.0]]), torch.tensor([[30.5, 20.0]])
    lengths = [{"sigma": torch.tensor([2.0, 3.0, 9.0])}]
    points = [torch.cat([inside, outside])]
    target = Target(points, (40, 64), Fixed(sigma=5.0), roi=roi, lengths=lengths)
    assert target.count.tolist() == [2]
    assert target.lengths[0]["sigma"].tolist() == [2, 3]
    for stride in (1, 8):
        density = target.density(stride)
        assert density.sum() == pytest.approx(2, rel=1e-5)
        assert not density[..., -(-30 // stride) :].any()


def test_people_on_the_far_border_are_kept_where_their_image_is_padded():
    corner = torch.tensor([[32.0, 24.0], [32.0, 3.0], [5.0, 24.0]])
    batch = batch_of([(24, 32), (48, 64)], [corner, torch.tensor([[64.0, 48.0]])])
    target = Target.from_batch(batch, Fixed(sigma=2.0))
    assert target.count.tolist() == [3, 1]
    assert target.density(8).sum((1, 2, 3)).tolist() == pytest.approx([3, 1], rel=1e-5)


def test_measured_widths_are_used_instead_of_the_crops_own():
    size = (64, 64)
    points = points_in(size, 30, 3)
    generator = GeometryAdaptive()
    sigma = generator.measure(points, size)["sigma"]
    left = points[:, 0] < 32
    crop, measured = points[left], [{"sigma": sigma[left]}]
    target = Target([crop], (64, 32), generator, lengths=measured)
    expected = generator([crop], (64, 32), sigmas=[sigma[left]])
    torch.testing.assert_close(target.density(), expected)
    assert not torch.allclose(expected, generator([crop], (64, 32)))


def test_a_map_is_made_once_per_stride():
    calls = []

    class Counting(Fixed):
        def forward(self, points, size, *, stride=1, sigmas=None, images=None):
            calls.append(stride)
            return super().forward(points, size, stride=stride)

    target = Target([points_in((16, 16), 3, 0)], (16, 16), Counting())
    for stride in (1, 4, 1, 4):
        target.density(stride)
    assert calls == [1, 4]


class Witness(ToyGenerator):
    """Notes the precision its convolution runs in."""

    def forward(self, points, size, **options):
        density = super().forward(points, size, **options)
        self.seen = density.dtype
        return density


class Exact(Witness):
    preserves_count = True


@pytest.mark.parametrize(
    ("generator", "inside"), [(Witness(), torch.bfloat16), (Exact(), torch.float32)]
)
def test_mixed_precision_is_left_to_generators_that_learn(generator, inside):
    with torch.autocast("cpu", torch.bfloat16):
        target = Target([points_in((16, 16), 3, 0)], (16, 16), generator)
        density, penalty = target.density(4), target.penalty()
    assert generator.seen == inside
    assert density.dtype == penalty.dtype == torch.float32


def test_nothing_is_paid_for_maps_of_hand_made_generators_or_for_none():
    target = Target([points_in((16, 16), 3, 0)], (16, 16), Fixed())
    target.density(4)
    assert target.penalty() is None
    assert Target([points_in((16, 16), 3, 0)], (16, 16), ToyGenerator()).penalty() is None


def test_a_penalty_judges_each_map_alone_without_padding_and_before_it_is_cut():
    """A generator that pays for its map's cells, also where nobody is, people, and widths."""

    class Paying(Fixed):
        def penalty(self, density, points, size, *, stride, sigmas=None):
            assert density.shape[-2:] == (-(-size[0] // stride), -(-size[1] // stride))
            each = [
                density[i].numel()
                + (density[i] > 0).sum()
                + 1e5 * len(xy)
                + 1e8 * sigmas[i].double().sum()
                for i, xy in enumerate(points)
            ]
            return torch.stack(each).double().mean()

    points = [points_in(size, 9, seed) for seed, size in enumerate(SIZES)]
    points[0] = torch.tensor([[3.0, 4.0], [29.0, 20.0], [40.0, 20.0]])
    sigmas = [{"sigma": torch.full((len(xy),), 5.0)} for xy in points]
    batch = batch_of(SIZES, points, sigmas)
    batch.roi[0, :, 30:] = False  # leaves 2 people
    target = Target.from_batch(batch, Paying())
    target.density(8)
    target.density(4)
    expected = 0.0
    for stride in (4, 8):
        for people, xy, size in zip((2, 9, 9), points, SIZES, strict=True):
            alone = Fixed(sigma=5.0)([xy[:people]], size, stride=stride)
            expected += (alone.numel() + int((alone > 0).sum()) + (1e5 + 1e8 * 5) * people) / 3
    assert target.strides == {4, 8}
    assert target.penalty().item() == pytest.approx(expected, rel=1e-12)


def test_the_people_of_a_learnt_map_survive_the_cut_whatever_its_signs():
    """The cut-off share is given back; where cells cancel, their sum must not blow up the map."""

    class Signed(Fixed):
        preserves_count = False

        def forward(self, points, size, **options):
            density = torch.zeros(1, 1, 1, 4)
            density[0, 0, 0] = torch.tensor([1.0, 1e-6 - 1.0, 0.5, 0.5])
            return density

    roi = torch.tensor([[[True, True, False, False]]])
    density = Target([torch.zeros(0, 2)], (1, 4), Signed(), roi=roi).density()
    assert density[0, 0, 0].tolist() == pytest.approx([1.5, -1.5, 0, 0], rel=1e-5)
