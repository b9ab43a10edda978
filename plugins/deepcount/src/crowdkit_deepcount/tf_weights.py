"""Read the authors' TensorFlow checkpoint.

TensorFlow numbers layers without a name in the order of their creation: the encoder, the count's
head, then branch by branch from the coarsest.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from torch import Tensor

from crowdkit_core.networks import vgg16_keys

_BOOKKEEPING = re.compile(r"(.*[/.])?(global_step|beta[12]_power(_\d+)?|.*[/.]Adam(_\d+)?)(:0)?")
_VARIABLE = re.compile(r"(?P<layer>\w+)[/.](?P<part>kernel|bias)(:0)?")


def is_tf_checkpoint(state: Mapping[str, Tensor]) -> bool:
    """Whether tensors bear the names of the authors' checkpoint."""
    return any(re.match("vgg_conv_1[/.]", key) for key in state)


def from_tf(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of the authors' checkpoint under this package's keys, in PyTorch's layout.

    Kernels are (H, W, in, out), of transposed convolutions (H, W, out, in); either way the last
    two dimensions come first, swapped. The optimizer's own variables are left out; a name that
    belongs to no layer stays, so that loading names it.
    """
    layers = dict(_layers())
    translated = {}
    for name, value in state.items():
        if _BOOKKEEPING.fullmatch(name):
            continue
        found = _VARIABLE.fullmatch(name)
        if found is None or found["layer"] not in layers:
            translated[name] = value
        elif found["part"] == "kernel":
            translated[f"{layers[found['layer']]}.weight"] = value.permute(3, 2, 0, 1)
        else:
            translated[f"{layers[found['layer']]}.bias"] = value
    return translated


def _layers() -> Iterator[tuple[str, str]]:
    """TensorFlow's name of every layer and ours."""
    front_end = [key for key in vgg16_keys("vgg", "frontend").values() if key.endswith(".weight")]
    for number, key in enumerate(front_end, start=1):
        yield f"vgg_conv_{number}", key.removesuffix(".weight")
    branches = [f"branches.branch{level}" for level in (5, 4, 3, 2, 1)]
    yield from _numbered(
        "conv2d",
        ["encoder.smooth.0"],
        *([f"encoder.halve.{i}", f"encoder.smooth.{i + 1}"] for i in range(4)),
        ["encoder.embed", "count_head"],
        [f"{branch}.head" for branch in branches],
    )
    yield from _numbered(
        "conv2d_transpose",
        *(
            [f"{branch}.expand", *(f"{branch}.grow.{i}" for i in range(doublings))]
            for doublings, branch in enumerate(branches)
        ),
    )


def _numbered(kind: str, *groups: Iterable[str]) -> Iterator[tuple[str, str]]:
    names = (name for group in groups for name in group)
    for number, name in enumerate(names):
        yield f"{kind}_{number}" if number else kind, name
