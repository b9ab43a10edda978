"""The authors' checkpoint: TensorFlow's names, layouts and padding compute the same here."""

from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

import crowdkit_core
from crowdkit_core.errors import WeightsError

TILE = (128, 256)
IMAGES = torch.rand(1, 3, *TILE, generator=torch.Generator().manual_seed(3))


class TensorFlow:
    """Just enough of tf.layers: variables named and laid out as there, images (N, H, W, C)."""

    def __init__(self) -> None:
        self.variables: dict[str, Tensor] = {}
        self._named: Counter[str] = Counter()
        self._random = torch.Generator().manual_seed(0)

    def _name(self, kind: str) -> str:
        number = self._named[kind]
        self._named[kind] += 1
        return f"{kind}_{number}" if number else kind

    def _variables(self, name: str, kernel: tuple[int, ...], inputs: int, out: int) -> Tensor:
        gain = (2 / (inputs * kernel[0] * kernel[1])) ** 0.5
        self.variables[f"{name}/kernel"] = gain * torch.randn(kernel, generator=self._random)
        self.variables[f"{name}/bias"] = 0.1 * torch.randn(out, generator=self._random)
        return self.variables[f"{name}/kernel"]

    def conv2d(
        self,
        x: Tensor,
        out: int,
        size: tuple[int, int],
        *,
        stride: int = 1,
        padding: str = "same",
        name: str | None = None,
    ) -> Tensor:
        name = name or self._name("conv2d")
        kernel = self._variables(name, (*size, x.shape[3], out), x.shape[3], out)
        padded = same(x, size, stride) if padding == "same" else x
        # Each output is the window times the kernel (H, W, in, out).
        windows = padded.unfold(1, size[0], stride).unfold(2, size[1], stride)
        return torch.einsum("nyxihw,hwio->nyxo", windows, kernel) + self.variables[f"{name}/bias"]

    def conv2d_transpose(
        self, x: Tensor, out: int, size: tuple[int, int], *, stride: int, padding: str
    ) -> Tensor:
        name = self._name("conv2d_transpose")
        kernel = self._variables(name, (*size, out, x.shape[3]), x.shape[3], out)
        # Each input spreads the kernel (H, W, out, in) over a window of the output.
        batch, height, width = x.shape[:3]
        whole = x.new_zeros(
            batch, (height - 1) * stride + size[0], (width - 1) * stride + size[1], out
        )
        for row in range(size[0]):
            for column in range(size[1]):
                spread = torch.einsum("nyxi,oi->nyxo", x, kernel[row, column])
                rows = slice(row, row + stride * (height - 1) + 1, stride)
                columns = slice(column, column + stride * (width - 1) + 1, stride)
                whole[:, rows, columns] += spread
        if padding == "same":  # the output is stride times the input
            before = [(length - stride) // 2 for length in size]
            whole = whole[:, before[0] :][:, : stride * height]
            whole = whole[:, :, before[1] :][:, :, : stride * width]
        return whole + self.variables[f"{name}/bias"]


def same(x: Tensor, size: tuple[int, int], stride: int) -> Tensor:
    """TensorFlow's SAME: ceil(length / stride) outputs, the odd zero at the end."""
    pads = []
    for length, kernel in zip(x.shape[1:3], size, strict=True):
        total = max((-(-length // stride) - 1) * stride + kernel - length, 0)
        pads.append((total // 2, total - total // 2))
    return F.pad(x, (0, 0, *pads[1], *pads[0]))


def run_authors_network(tf: TensorFlow, images: Tensor) -> dict[str, Tensor]:
    """Table 1 in the order in which the authors create their layers, as it trains."""

    def lrelu(x: Tensor) -> Tensor:
        return torch.maximum(x, 0.2 * x)

    def head(x: Tensor) -> Tensor:
        return lrelu(tf.conv2d(x, 1, (1, 1)))

    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (images.permute(0, 2, 3, 1) - mean) / std
    widths = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512)
    for number, width in enumerate(widths, start=1):
        x = tf.conv2d(x, width, (3, 3), name=f"vgg_conv_{number}").clamp_min(0)
        if number in (2, 4, 7):
            x = torch.maximum(
                torch.maximum(x[:, ::2, ::2], x[:, ::2, 1::2]),
                torch.maximum(x[:, 1::2, ::2], x[:, 1::2, 1::2]),
            )
    skips = [lrelu(tf.conv2d(x, 256, (3, 3)))]
    for _ in range(4):
        wide = lrelu(tf.conv2d(skips[-1], 512, (3, 3), stride=2))
        skips.append(lrelu(tf.conv2d(wide, 256, (3, 3))))
    last = (TILE[0] // 128, TILE[1] // 128)
    vector = lrelu(tf.conv2d(skips[-1], 1024, last, padding="valid"))
    outputs = {"count": head(vector)}
    for doublings in range(5):
        x = lrelu(tf.conv2d_transpose(vector, 256, last, stride=1, padding="valid"))
        x = torch.cat([x, skips[4]], dim=3)
        for step in range(doublings):
            x = lrelu(tf.conv2d_transpose(x, 256, (4, 4), stride=2, padding="same"))
            x = torch.cat([x, skips[3 - step]], dim=3)
        outputs[f"branch{5 - doublings}"] = head(x)
    return outputs


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Tensor]]:
    tf = TensorFlow()
    outputs = run_authors_network(tf, IMAGES)
    bookkeeping = {
        "global_step": torch.tensor(40000),
        "beta1_power": torch.tensor(0.9),
        "beta2_power_1": torch.tensor(0.9),
        **{f"{name}/Adam_1": torch.zeros_like(each) for name, each in tf.variables.items()},
    }
    path = tmp_path_factory.mktemp("tf") / "deepcount.safetensors"
    variables = {name: each.contiguous() for name, each in tf.variables.items()}
    save_file({**variables, **bookkeeping}, path)
    return path, outputs


def test_it_computes_what_the_authors_network_does(
    checkpoint: tuple[Path, dict[str, Tensor]],
) -> None:
    path, expected = checkpoint
    counter = crowdkit_core.create("counter", "deepcount", weights=path).train()
    assert counter.tile == TILE
    with torch.no_grad():
        prediction = counter(IMAGES)
    found = {"count": prediction.count.view(1, 1, 1, 1), **prediction.maps}
    assert found.keys() == expected.keys()
    for name, output in expected.items():
        torch.testing.assert_close(found[name], output.permute(0, 3, 1, 2), rtol=1e-3, atol=1e-3)


def test_symmetric_padding_is_another_network(checkpoint: tuple[Path, dict[str, Tensor]]) -> None:
    path, expected = checkpoint
    counter = crowdkit_core.create(
        "counter", "deepcount", weights=path, padding="symmetric", branches=(5,)
    )
    with torch.no_grad():
        found = counter.train()(IMAGES).maps["branch5"]
    assert not torch.allclose(found, expected["branch5"].permute(0, 3, 1, 2), rtol=0.05)


def test_names_of_hdf5_groups_and_of_graph_tensors(
    checkpoint: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    path, _ = checkpoint
    counter = crowdkit_core.create("counter", "deepcount", weights=path, branches=())
    state = crowdkit_core.weights.read_weights(path).state
    renamed = {f"{name.replace('/', '.')}:0": value.contiguous() for name, value in state.items()}
    save_file(renamed, tmp_path / "renamed.safetensors")
    again = crowdkit_core.create(
        "counter", "deepcount", weights=tmp_path / "renamed.safetensors", branches=()
    )
    for found, expected in zip(again.parameters(), counter.parameters(), strict=True):
        assert torch.equal(found, expected)


def test_a_layer_too_many_is_named(
    checkpoint: tuple[Path, dict[str, Tensor]], tmp_path: Path
) -> None:
    state = dict(crowdkit_core.weights.read_weights(checkpoint[0]).state)
    state["conv2d_16/kernel"] = torch.zeros(1, 1, 2, 1)
    save_file(state, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match=r"1 unexpected \(conv2d_16/kernel\)"):
        crowdkit_core.create("counter", "deepcount", weights=tmp_path / "other.safetensors")
