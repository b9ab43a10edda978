"""The generator: blurring, attention, fusion, and what it pays."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from crowdkit_adaptive_density.generator import AdaptiveGenerator
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from crowdkit_core import create
from crowdkit_core.density import Fixed, sum_pool
from crowdkit_core.errors import IncompatibleError, OptionsError, UsageError
from crowdkit_core.interfaces import Target
from crowdkit_core.testing import check_density_generator, strategies
from crowdkit_core.weights import read_weights, save_weights

SIZE = (40, 56)

ABLATIONS: dict[str, dict[str, Any]] = {
    "image attention": {"attention": "image"},
    "direct fusion": {"attention": "none"},
    "naive fusion": {"attention": "none", "fusion": "sum"},
    "attended sum": {"fusion": "sum"},
    "learned kernels": {"kernels": "learned"},
    "local loss": {"constraint": "local"},
    "hard norm": {"constraint": "hard"},
    "as printed": {"pooling": "avg", "init": "normal"},
}


def crowd(number: int = 12, size: tuple[int, int] = SIZE) -> Tensor:
    random = torch.Generator().manual_seed(number)
    return torch.rand(number, 2, generator=random) * torch.tensor([size[1], size[0]])


def parameters(generator: AdaptiveGenerator, part: str = "") -> int:
    return sum(p.numel() for n, p in generator.named_parameters() if n.startswith(part))


def test_the_networks_of_table_1() -> None:
    generator = AdaptiveGenerator()
    assert parameters(generator, "attention") == 44_229
    assert parameters(generator, "fusion") == 45_170
    assert parameters(generator) == 44_229 + 45_170


@pytest.mark.parametrize(
    ("ablation", "number"),
    [
        ("image attention", 41_925 + 45_170),  # 3 channels in place of 5: 2 * 128 * 9 fewer
        ("direct fusion", 45_170),
        ("naive fusion", 0),
        ("learned kernels", 44_229 + 45_170 + 7**2 + 13**2 + 25**2 + 49**2 + 97**2),
        ("hard norm", 44_229 + 45_170),
    ],
)
def test_what_an_ablation_learns(ablation: str, number: int) -> None:
    assert parameters(AdaptiveGenerator(**ABLATIONS[ablation])) == number


@pytest.mark.parametrize("name", [name for name in ABLATIONS if name != "image attention"])
def test_ablations_keep_the_contract(name: str) -> None:
    check_density_generator(AdaptiveGenerator(**ABLATIONS[name]))


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_it_begins_near_the_mean_of_the_blurred_maps(stride: int) -> None:
    torch.manual_seed(1)
    with torch.no_grad():
        density = AdaptiveGenerator()([crowd()], SIZE, stride=stride)
    naive = AdaptiveGenerator(**ABLATIONS["naive fusion"])([crowd()], SIZE, stride=stride)
    assert density.shape == naive.shape
    assert (density - naive).norm() < 0.15 * naive.norm()
    assert density.sum().item() == pytest.approx(12, rel=0.15)


def test_a_network_of_small_weights_begins_near_an_empty_map() -> None:
    with torch.no_grad():
        density = AdaptiveGenerator(init="normal")([crowd()], SIZE, stride=8)
    assert density.abs().sum() < 0.1


def test_average_pooling_leaves_a_64th_of_the_people() -> None:
    maps = []
    for pooling in ("sum", "avg"):
        torch.manual_seed(0)
        generator = AdaptiveGenerator(pooling=pooling)
        for each in generator.parameters():  # without biases all scales multiply
            if each.ndim == 1:
                torch.nn.init.zeros_(each)
        with torch.no_grad():
            maps.append(generator([crowd()], SIZE, stride=8))
    assert torch.allclose(maps[0], 64 * maps[1], atol=1e-6)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_blurring_loses_nobody(data: st.DataObject) -> None:
    size = data.draw(strategies.sizes(min_side=1, max_side=60))
    points = data.draw(strategies.points(size=size))
    for kernels in ("fixed", "learned"):
        blurred = AdaptiveGenerator(kernels=kernels).attend([points], size).blurred
        sums = blurred.detach().sum((0, 2, 3)).numpy()
        assert np.allclose(sums, len(points), rtol=1e-3, atol=1e-3)


def test_blurred_maps_are_gaussians_of_the_dots() -> None:
    points = torch.tensor([[28.5, 20.5]])  # the middle of a pixel, far from every border
    details = AdaptiveGenerator(sigmas=(1.0, 4.0)).details(points, SIZE)
    y, x = np.mgrid[:40, :56]
    for sigma, blurred in zip((1.0, 4.0), details["blurred"], strict=True):
        gaussian = np.exp(-((x - 28) ** 2 + (y - 20) ** 2) / (2 * sigma**2))
        reach = np.maximum(abs(x - 28), abs(y - 20)) <= 3 * sigma  # a window of 2 * 3 sigma + 1
        expected = gaussian * reach / (gaussian * reach).sum()
        assert np.allclose(blurred.numpy(), expected, atol=1e-6)


def test_kernels_begin_as_gaussians_and_change() -> None:
    fixed, learned = AdaptiveGenerator(), AdaptiveGenerator(kernels="learned")
    before = [each.attend([crowd()], SIZE).blurred for each in (fixed, learned)]
    assert torch.allclose(before[0], before[1], atol=1e-6)
    learned([crowd()], SIZE, stride=8).sum().backward()
    optimizer = torch.optim.Adam(learned.parameters(), lr=1e-3)
    optimizer.step()
    after = learned.attend([crowd()], SIZE).blurred
    assert ((after - before[1]).flatten(2).abs().amax(2) > 1e-5).all()


def test_learned_kernels_are_convolved_like_torch() -> None:
    learned = AdaptiveGenerator(sigmas=(2.0,), kernels="learned")
    (kernel,) = learned.blur.kernels
    torch.nn.init.normal_(kernel)
    size = (64, 64)
    points = torch.tensor([[32.0, 32.0], [30.5, 40.5]])  # no kernel reaches a border
    dots = torch.zeros(1, 1, *size)
    dots[0, 0, 31:33, 31:33] = 0.25  # on the corner of four pixels
    dots[0, 0, 40, 30] += 1
    expected = torch.nn.functional.conv2d(dots, kernel.flip(0, 1)[None, None], padding="same")
    assert torch.allclose(learned.attend([points], size).blurred, expected, atol=1e-5)


def test_attention_is_a_share_of_every_pixel() -> None:
    details = AdaptiveGenerator().details(crowd(), SIZE)
    assert all(each.shape == (5, *SIZE) for each in details.values())
    assert torch.allclose(details["attention"].sum(0), torch.ones(SIZE), atol=1e-5)
    assert (details["attention"] > 0).all()
    assert torch.equal(details["attended"], details["attention"] * details["blurred"])


def test_self_attention_looks_at_the_dots_and_image_attention_at_the_image() -> None:
    image, other = torch.rand(2, 1, 3, *SIZE)
    for attention, sees_dots, sees_image in (
        ("self", True, False),
        ("image", False, True),
        ("none", False, False),
    ):
        generator = AdaptiveGenerator(attention=attention)
        first, dots_changed, image_changed = (
            generator.details(points, SIZE, images=images)["attention"]
            for points, images in ((crowd(12), image), (crowd(5), image), (crowd(12), other))
        )
        assert torch.equal(first, dots_changed) is not sees_dots
        assert torch.equal(first, image_changed) is not sees_image


def test_image_attention_without_an_image() -> None:
    with pytest.raises(IncompatibleError, match="attends to images"):
        AdaptiveGenerator(attention="image")([crowd()], SIZE, stride=8)


def test_naive_fusion_is_the_mean_of_fixed_gaussians() -> None:
    naive = AdaptiveGenerator(attention="none", fusion="sum")
    assert naive.preserves_count
    points = crowd().floor() + 0.5  # the middles of pixels
    density = naive([points], SIZE, stride=8)
    widths = (1.0, 2.0, 4.0, 8.0, 16.0)
    mean = sum(Fixed(sigma=s, truncate=3.0)([points], SIZE, stride=8) for s in widths) / 5
    assert density.sum().item() == pytest.approx(12, rel=1e-5)
    assert (density - mean).abs().max() < 0.02 * mean.max()  # sampled here, integrated there


@pytest.mark.parametrize("beta", [1.0, 0.25])
def test_the_penalty_is_the_squared_error_of_the_count(beta: float) -> None:
    density = torch.zeros(2, 1, 5, 7)
    density[0, 0, 1, 2] = 9.0  # of 12: 3 too few
    density[1, 0, 0, 0] = -1.0  # of nobody
    paid = AdaptiveGenerator(beta=beta).penalty(density, [crowd(12), crowd(0)], SIZE, stride=8)
    assert paid is not None
    assert paid.item() == pytest.approx(beta * (3**2 + 1) / 2)


def test_the_local_penalty_counts_patches() -> None:
    points = torch.tensor([[1.0, 1.0], [17.0, 1.0], [40.0, 20.0]])
    size = (24, 48)  # patches of 16: 2 x 3, the lower ones half as high
    generator = AdaptiveGenerator(constraint="local", patch=16)
    right = torch.zeros(1, 1, 6, 12)
    right[0, 0, 3, 3] = right[0, 0, 0, 7] = right[0, 0, 4, 8] = 1.0
    assert generator.penalty(right, [points], size, stride=4).item() == 0
    wrong = right.roll(1, dims=-1)  # two step over a border: the first patch lacks one person
    assert generator.penalty(wrong, [points], size, stride=4).item() == pytest.approx(2 / 6)
    assert AdaptiveGenerator().penalty(wrong, [points], size, stride=4).item() == 0


def test_patches_are_whole_cells() -> None:
    generator = AdaptiveGenerator(constraint="local", patch=12)
    with pytest.raises(OptionsError, match="multiple of the stride 8"):
        generator.penalty(torch.zeros(1, 1, 5, 7), [crowd()], SIZE, stride=8)


def test_hard_normalisation_makes_the_count_right() -> None:
    torch.manual_seed(0)
    generator = AdaptiveGenerator(constraint="hard")
    with torch.no_grad():
        torch.nn.init.constant_(generator.fusion.layers[-1].bias, 0.3)
        density = generator([crowd(12), crowd(0)], SIZE, stride=8)
    assert density.sum((1, 2, 3)).tolist() == pytest.approx([12, 0], abs=1e-4)
    assert generator.penalty(density, [crowd(12), crowd(0)], SIZE, stride=8) is None


def test_the_penalty_corrects_the_count() -> None:
    torch.manual_seed(0)
    generator = AdaptiveGenerator()
    optimizer = torch.optim.Adam(generator.parameters(), lr=1e-3)
    size, paid = (16, 24), []
    points = [crowd(number, size) for number in (20, 4, 0)]
    with torch.no_grad():
        generator.fusion.layers[-1].weight.mul_(1.5)
    for _ in range(25):
        penalty = generator.penalty(generator(points, size, stride=8), points, size, stride=8)
        assert penalty is not None
        optimizer.zero_grad()
        penalty.backward()
        optimizer.step()
        paid.append(penalty.item())
    assert paid[-1] < 0.05 * paid[0]


@pytest.mark.parametrize(("height", "width"), list(product((31, 40), (45, 49))))
def test_any_size_gives_a_cell_for_every_pixel(height: int, width: int) -> None:
    size = (height, width)
    generator = AdaptiveGenerator()
    with torch.no_grad():
        density = generator([crowd(9, size)], size, stride=8)
        beyond = torch.nn.functional.pad(
            generator.attend([crowd(9, size)], size).attended, (0, -width % 8, 0, -height % 8)
        )
        padded = generator.fusion(beyond, 8)
    assert density.shape == (1, 1, -(-height // 8), -(-width // 8))
    assert torch.equal(density, padded)


def test_padding_changes_nothing() -> None:
    generator = AdaptiveGenerator()
    inside = torch.zeros(2, 64, 64, dtype=torch.bool)
    inside[0, : SIZE[0], : SIZE[1]] = True
    inside[1] = True
    batch = Target([crowd(), crowd()], (64, 64), generator, roi=inside, sizes=[SIZE, (64, 64)])
    with torch.no_grad():
        together, alone = batch.density(8)[0, 0], generator([crowd()], SIZE, stride=8)[0, 0]
    assert torch.allclose(together[:5, :7], alone, atol=1e-5)
    assert not together[5:].any()


def test_half_precision_leaves_the_blurred_maps_alone() -> None:
    generator = AdaptiveGenerator()
    exact = generator.details(crowd(), SIZE)["blurred"]
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        assert torch.equal(generator.details(crowd(), SIZE)["blurred"], exact)
        rounded = generator([crowd()], SIZE, stride=8)
    with torch.no_grad():
        density = generator([crowd()], SIZE, stride=8)
    assert rounded.dtype == torch.float32
    assert (rounded - density).norm() < 0.05 * density.norm()


def test_double_precision() -> None:
    assert AdaptiveGenerator().double()([crowd()], SIZE, stride=8).dtype == torch.float64


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sigmas": ()}, "sigmas is"),
        ({"sigmas": (1.0, 0.0)}, "sigmas is"),
        ({"beta": -1.0}, "beta is -1"),
        ({"patch": 0}, "patch is 0"),
    ],
)
def test_values_out_of_range(options: dict[str, Any], says: str) -> None:
    with pytest.raises(OptionsError, match=says):
        AdaptiveGenerator(**options)


def test_a_stride_it_cannot_make() -> None:
    with pytest.raises(UsageError, match="cannot make a map of stride 3"):
        AdaptiveGenerator()([crowd()], SIZE, stride=3)
    assert AdaptiveGenerator(fusion="sum")([crowd()], SIZE, stride=3).shape == (1, 1, 14, 19)


def test_a_file_restores_it_with_its_options(tmp_path: Path) -> None:
    options = {"sigmas": (2.0, 6.0), "kernels": "learned", "constraint": "hard"}
    generator = create("density_generator", "adaptive-generator", **options)
    assert generator.origin is not None
    path = tmp_path / "generator.safetensors"
    save_weights(path, generator, component=generator.origin.name, options=generator.origin.options)
    assert read_weights(path).component == "adaptive-generator"
    restored = create("density_generator", "adaptive-generator", weights=path)
    maps = [each([crowd()], SIZE, stride=8) for each in (generator, restored)]
    assert torch.equal(*maps)


def test_more_cells_of_the_same_map() -> None:
    """Attention and blurring do not depend on the stride: only fusion pools."""
    naive = AdaptiveGenerator(attention="none", fusion="sum")
    fine, coarse = (naive([crowd()], SIZE, stride=stride) for stride in (2, 8))
    assert torch.allclose(sum_pool(fine, 4), coarse, atol=1e-5)
