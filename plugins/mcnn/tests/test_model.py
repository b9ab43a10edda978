"""MCNN: its size, its reach, and the layouts it was published under."""

import os
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest
import torch
from crowdkit_mcnn.model import MCNN
from torch import Tensor
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.errors import OptionsError, WeightsError
from crowdkit_core.networks import measure_receptive_field
from crowdkit_core.testing import parametrize_with_checks
from crowdkit_core.weights import save_weights

IMAGES = torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(3))
KERNELS = {1: (9, 7, 7, 7), 2: (7, 5, 5, 5), 3: (5, 3, 3, 3)}


@parametrize_with_checks([MCNN(), MCNN(in_channels=3, fuse_activation="relu")])
def test_conformance(component: MCNN, check: Callable[[MCNN], None]) -> None:
    check(component)


@pytest.mark.parametrize(("in_channels", "expected"), [(1, 127_953), (3, 133_705)])
def test_number_of_parameters(in_channels: int, expected: int) -> None:
    counter = crowdkit_core.create("counter", "mcnn", in_channels=in_channels)
    assert sum(p.numel() for p in counter.parameters()) == expected


def test_receptive_field() -> None:
    density = measure_receptive_field(MCNN(), 4, read=lambda prediction: prediction.density)
    assert density == MCNN.receptive_field == 34


def test_the_output_scale_scales_and_nothing_else() -> None:
    counter, thrice = MCNN(output_scale=0.5), MCNN(output_scale=1.5)
    thrice.load_state_dict(counter.state_dict())
    torch.testing.assert_close(thrice(IMAGES).density, 3 * counter(IMAGES).density)


def test_a_grey_network_sees_luminance_alone() -> None:
    colour = torch.zeros(1, 3, 8, 8)
    colour[:, 1] = 0.5
    grey = torch.full_like(colour, 0.5 * 0.587)
    counter = MCNN(normalization="none", output_scale=1.0)
    torch.testing.assert_close(counter(colour).density, counter(grey).density, rtol=1e-3, atol=1e-4)


def test_the_fusion_can_be_kept_from_going_negative() -> None:
    torch.manual_seed(0)
    free, rectified = MCNN(), MCNN(fuse_activation="relu")
    torch.nn.init.constant_(free.fuse[0].bias, -1)
    rectified.load_state_dict(free.state_dict())
    assert free(IMAGES).density.min() < 0
    assert rectified(IMAGES).density.min() == 0


def published_state(prefix: str, in_channels: int) -> dict[str, Tensor]:
    """Random weights under the keys of the two layouts that join a convolution and its ReLU."""
    random = torch.Generator().manual_seed(0)
    channels = {1: (16, 32, 16, 8), 2: (20, 40, 20, 10), 3: (24, 48, 24, 12)}
    state = {}
    for branch, kernels in KERNELS.items():
        before = in_channels
        for index, kernel, after in zip((0, 2, 4, 5), kernels, channels[branch], strict=True):
            key = f"{prefix}branch{branch}.{index}.conv"
            state[f"{key}.weight"] = torch.randn(after, before, kernel, kernel, generator=random)
            state[f"{key}.weight"] /= (before * kernel**2) ** 0.5
            state[f"{key}.bias"] = torch.randn(after, generator=random) * 0.1
            before = after
    state[f"{prefix}fuse.0.conv.weight"] = torch.randn(1, 30, 1, 1, generator=random)
    state[f"{prefix}fuse.0.conv.bias"] = torch.randn(1, generator=random)
    return state


def published_forward(state: dict[str, Tensor], prefix: str, images: Tensor) -> Tensor:
    """The published network written down layer by layer."""
    columns = []
    for branch in KERNELS:
        x = images
        for index in (0, 2, 4, 5):
            key = f"{prefix}branch{branch}.{index}.conv"
            weight = state[f"{key}.weight"]
            x = F.relu(F.conv2d(x, weight, state[f"{key}.bias"], padding=weight.shape[-1] // 2))
            x = F.max_pool2d(x, 2) if index < 4 else x
        columns.append(x)
    fused = f"{prefix}fuse.0.conv"
    return F.relu(F.conv2d(torch.cat(columns, 1), state[f"{fused}.weight"], state[f"{fused}.bias"]))


def test_the_published_grey_layout_computes_what_it_was_published_to(tmp_path: Path) -> None:
    state = published_state("DME.", in_channels=1)
    path = tmp_path / "mcnn_shtechA_660.h5"
    with h5py.File(path, "w") as file:
        for key, value in state.items():
            file[key] = value.numpy()
    counter = crowdkit_core.create("counter", "mcnn", weights=path)
    red, green, blue = (IMAGES * 255).unbind(1)
    grey = (0.299 * red + 0.587 * green + 0.114 * blue).unsqueeze(1)
    expected = published_forward(state, "DME.", grey)
    torch.testing.assert_close(counter(IMAGES).density, expected, rtol=2e-3, atol=1e-3)
    assert counter.origin.options["in_channels"] == 1


@pytest.mark.parametrize("prefix", ["CCN.", "CCN.module."])
def test_the_published_rgb_layout_counts_what_its_full_size_map_sums_to(
    prefix: str, tmp_path: Path
) -> None:
    state = published_state(prefix, in_channels=3)
    path = tmp_path / "best.pth"
    torch.save(state, path)
    counter = crowdkit_core.create("counter", "mcnn", weights=path, normalization="none")
    low = published_forward(state, prefix, IMAGES)
    full_size = F.interpolate(low, scale_factor=4, mode="nearest")
    torch.testing.assert_close(counter(IMAGES).count, full_size.sum((1, 2, 3)) / 100)


def test_the_bare_layout_has_no_final_activation(tmp_path: Path) -> None:
    source = MCNN(in_channels=3, normalization="bytes", output_scale=1.0)
    torch.nn.init.constant_(source.fuse[0].bias, -1e4)
    path = tmp_path / "epoch.param"
    torch.save(source.state_dict(), path)
    counter = MCNN.from_weights(path)
    torch.testing.assert_close(counter(IMAGES).density, source(IMAGES).density)
    assert counter(IMAGES).density.max() < 0


def test_own_weights_bring_their_options_back(tmp_path: Path) -> None:
    options = {"in_channels": 3, "normalization": "shanghaitech-b", "output_scale": 0.1}
    counter = crowdkit_core.create("counter", "mcnn", **options)
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="mcnn", options=counter.origin.options)
    loaded = crowdkit_core.create("counter", "mcnn", weights=path)
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)
    assert loaded.origin.options == options


def test_own_default_weights_come_back(tmp_path: Path) -> None:
    counter = crowdkit_core.create("counter", "mcnn")
    path = tmp_path / "best.safetensors"
    save_weights(path, counter, component="mcnn")
    loaded = crowdkit_core.create("counter", "mcnn", weights=path)
    torch.testing.assert_close(loaded(IMAGES).density, counter(IMAGES).density, rtol=0, atol=0)


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "csrnet.pth"
    torch.save({"state_dict": {"frontend.0.weight": torch.zeros(64, 3, 3, 3)}}, path)
    with pytest.raises(WeightsError, match=r"csrnet\.pth.*26 missing.*1 unexpected"):
        crowdkit_core.create("counter", "mcnn", weights=path)


def test_wrong_options_are_named() -> None:
    with pytest.raises(OptionsError, match="in_channels"):
        crowdkit_core.create("counter", "mcnn", in_channels=2)


@pytest.mark.slow
def test_it_learns_to_count_a_batch_it_sees_again_and_again() -> None:
    scenes = crowdkit_core.create(
        "dataset", "synthetic", images=4, size=(96, 96), people=(2, 150), empty=0.0
    )
    generator = crowdkit_core.create("density_generator", "fixed", sigma=4.0)
    images = torch.stack([scenes[i].image for i in range(4)]).float() / 255
    points = [scenes[i].points.as_subclass(Tensor) for i in range(4)]
    target = generator(points, (96, 96), stride=4)
    torch.manual_seed(0)
    counter = crowdkit_core.create("counter", "mcnn")
    optimizer = torch.optim.Adam(counter.parameters(), lr=1e-3)
    for _ in range(150):
        loss = (counter(images).density - target).square().sum((1, 2, 3)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    truth = torch.tensor([float(len(each)) for each in points])
    error = (counter(images).count - truth).abs().mean()
    assert error < 0.6 * (truth - truth.mean()).abs().mean()


@pytest.mark.realdata
def test_a_published_checkpoint_gives_plausible_counts() -> None:
    default = Path(__file__).parents[3].parent / "shared" / "data"
    root = Path(os.environ.get("CROWDKIT_DATA_ROOT", default))
    checkpoint = root.parent / "checkpoints" / "mcnn_shtechB_110.h5"
    if not checkpoint.is_file():
        pytest.fail(f"no published checkpoint at {checkpoint}")
    counter = crowdkit_core.create("counter", "mcnn", weights=checkpoint).eval()
    images = crowdkit_core.create(
        "dataset", "shanghaitech", root=root / "ShanghaiTech", part="A", split="validation"
    )
    counts, truth = [], []
    for i in range(0, len(images), 3):
        sample = images[i]
        image = sample.image.float() / (255 if sample.image.dtype == torch.uint8 else 1)
        with torch.no_grad():
            counts.append(counter(image.unsqueeze(0)).count.item())
        truth.append(len(sample.points))
    both = torch.tensor([counts, truth])
    assert both.isfinite().all()
    assert both[0].min() > 0
    assert torch.corrcoef(both)[0, 1] > 0.3
