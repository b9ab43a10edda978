import json
from collections.abc import Callable
from pathlib import Path
from time import sleep
from types import MappingProxyType
from typing import Any

import pytest
import tomli_w
import torch
from torch import Tensor, nn

import crowdkit_core
from crowdkit_core.cards import parse_card
from crowdkit_core.inference import Model, quickest
from crowdkit_core.inference.model import MOST_CHANGE
from crowdkit_core.inference.quickest import measured_ways, quickest_way
from crowdkit_core.inference.ways import BF16, FLOAT32_WAYS, PLAIN, Way
from crowdkit_core.interfaces import Counter, MapSpec, Prediction, evaluating
from crowdkit_core.weights import save_weights

CHANNELS_LAST = Way(channels_last=True)
EVERY_WAY = (PLAIN, CHANNELS_LAST, BF16)
CPU = torch.device("cpu")

pytestmark = pytest.mark.usefixtures("cache")


class Slow(Counter):
    """Takes longer where its weights are in the order that it does not like."""

    outputs = MappingProxyType({"density": MapSpec("density", 1)})

    def __init__(self, likes: torch.memory_format | None) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 2, 3, padding=1)
        self.likes = likes
        self.calls = 0

    def forward(self, images: Tensor) -> Prediction:
        self.calls += 1
        if self.likes and not self.convolution.weight.is_contiguous(memory_format=self.likes):
            sleep(0.05)
        return Prediction.from_density(self.convolution(images[..., :8, :8]).sum(1, True), 1)


def mcnn(**options: object) -> Counter:
    torch.manual_seed(0)
    counter: Counter = crowdkit_core.create("counter", "mcnn", **options)
    return counter


@pytest.fixture(autouse=True)
def bf16_in_hardware(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quickest, "emulates_bf16", lambda _: False)


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> dict[str, float]:
        raise AssertionError("measured again")

    monkeypatch.setattr(quickest, "measured_ways", refuse)


@pytest.fixture
def remember(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., None]:
    def make(**seconds: float) -> None:
        named = {str(way): each for way, each in zip(EVERY_WAY, seconds.values(), strict=True)}
        monkeypatch.setattr(quickest, "measured_ways", lambda *_: named)

    return make


@pytest.mark.parametrize("way", [PLAIN, CHANNELS_LAST])
def test_float32_ways_give_the_same_counts(way: Way) -> None:
    counter, image = mcnn(), torch.rand(1, 3, 61, 83)
    with evaluating(counter):
        expected = counter(image)
        with way.taken(counter, CPU):
            found = counter(image)
    torch.testing.assert_close(found.density, expected.density, rtol=1e-4, atol=1e-6)


def test_bf16_rounds_to_eight_bits() -> None:
    counter, image = mcnn(), torch.rand(1, 3, 64, 64)
    with evaluating(counter):
        expected = counter(image).density
        with BF16.taken(counter, CPU):
            found = counter(image).density
    assert not torch.allclose(found, expected, rtol=1e-4)
    torch.testing.assert_close(found, expected, rtol=0.1, atol=float(expected.abs().max()) / 50)


def test_weights_keep_their_values() -> None:
    counter = mcnn()
    before = {name: each.clone() for name, each in counter.state_dict().items()}
    with BF16.taken(counter, CPU):
        pass
    after = counter.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("likes", "expected"),
    [
        (torch.channels_last, CHANNELS_LAST),
        (torch.contiguous_format, PLAIN),
    ],
)
def test_the_quickest_is_taken(likes: torch.memory_format, expected: Way) -> None:
    assert quickest_way(Slow(likes), None, FLOAT32_WAYS) == expected


def test_a_way_that_is_hardly_quicker_is_not_worth_it(remember: Callable[..., None]) -> None:
    remember(plain=1.0, channels_last=0.96, bf16=1.0)
    assert quickest_way(Slow(None), None, EVERY_WAY) == PLAIN


def test_a_counter_is_measured_once() -> None:
    counter = Slow(None)
    quickest_way(counter, None, FLOAT32_WAYS)
    calls = counter.calls
    quickest_way(counter, None, FLOAT32_WAYS)
    assert counter.calls == calls > 0


def test_the_mode_of_a_counter_comes_back() -> None:
    counter = Slow(None).train()
    quickest_way(counter, None, FLOAT32_WAYS)
    assert counter.training
    assert counter.convolution.training


def test_small_images_are_no_trouble_for_a_counter_that_needs_large_ones() -> None:
    counter = Slow(None)
    counter.min_size = (500, 600)
    seen: list[tuple[int, ...]] = []
    counter.register_forward_pre_hook(lambda _, images: seen.append(images[0].shape))
    measured_ways(counter, CPU, [PLAIN])
    assert set(seen) == {(1, 3, 500, 600)}


def test_what_is_measured_is_remembered(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    first = quickest_way(mcnn(), None, FLOAT32_WAYS)
    (file,) = (tmp_path / "cache" / "ways").iterdir()
    said = json.loads(file.read_text())
    assert said["counter"] == "mcnn"
    assert said["seconds"].keys() == {str(way) for way in FLOAT32_WAYS}
    request.getfixturevalue("unmeasured")
    assert quickest_way(mcnn(), None, FLOAT32_WAYS) == first
    said["seconds"] = {str(PLAIN): 2.0, str(CHANNELS_LAST): 1.0}
    file.write_text(json.dumps(said))
    assert quickest_way(mcnn(), None, FLOAT32_WAYS) == CHANNELS_LAST


def test_other_weights_change_nothing_but_other_options_do(tmp_path: Path) -> None:
    for name in ("one", "other"):
        file = tmp_path / f"{name}.safetensors"
        save_weights(file, mcnn())
        quickest_way(mcnn(weights=file, in_channels=1), None, FLOAT32_WAYS)
    assert len(list((tmp_path / "cache" / "ways").iterdir())) == 1
    quickest_way(mcnn(in_channels=3), None, FLOAT32_WAYS)
    assert len(list((tmp_path / "cache" / "ways").iterdir())) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seconds": {"float32": "x"}}'])
def test_a_damaged_file_is_measured_again(tmp_path: Path, text: str) -> None:
    quickest_way(mcnn(), None, FLOAT32_WAYS)
    (file,) = (tmp_path / "cache" / "ways").iterdir()
    file.write_text(text)
    quickest_way(mcnn(), None, FLOAT32_WAYS)
    assert json.loads(file.read_text())["seconds"]


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder would be")
    monkeypatch.setenv("CROWDKIT_CACHE", str(blocked))
    assert quickest_way(mcnn(), None, FLOAT32_WAYS) in FLOAT32_WAYS


def test_processes_of_torchrun_take_what_is_known(
    monkeypatch: pytest.MonkeyPatch, remember: Callable[..., None]
) -> None:
    with monkeypatch.context() as launched:
        launched.setenv("TORCHELASTIC_RUN_ID", "a run")
        remember(plain=2.0, channels_last=1.0, bf16=1.0)
        assert quickest_way(mcnn(), None, FLOAT32_WAYS) == PLAIN
    assert quickest_way(mcnn(), None, FLOAT32_WAYS) == CHANNELS_LAST
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "a run")
    assert quickest_way(mcnn(), None, FLOAT32_WAYS) == CHANNELS_LAST


@pytest.mark.parametrize(
    ("change", "bf16"), [(None, False), (MOST_CHANGE, True), (2 * MOST_CHANGE, False)]
)
def test_bf16_is_taken_where_the_card_says_that_counts_stay(
    change: float | None,
    bf16: bool,
    card: Callable[..., Any],
    remember: Callable[..., None],
) -> None:
    remember(plain=3.0, channels_last=2.0, bf16=1.0)
    told = parse_card(tomli_w.dumps(card(bf16_change=change)), "the card")
    counter, image = mcnn(), torch.rand(3, 64, 64)
    counted = Model(counter=counter, card=told, way="auto")(image)
    expected = Model(counter=counter, way=BF16 if bf16 else CHANNELS_LAST)(image)
    other = Model(counter=counter, way=CHANNELS_LAST if bf16 else BF16)(image)
    assert counted.count == expected.count != other.count


def test_bf16_is_not_even_measured_where_it_is_emulated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[Way] = []
    monkeypatch.setattr(quickest, "emulates_bf16", lambda device: device == CPU)
    monkeypatch.setattr(
        quickest,
        "measured_ways",
        lambda *given: tried.extend(given[2]) or dict.fromkeys(map(str, given[2]), 1.0),
    )
    quickest_way(mcnn(), None, EVERY_WAY)
    assert tried == list(FLOAT32_WAYS)


def test_a_model_computes_plainly_unless_told_otherwise(unmeasured: None) -> None:
    counter, image = mcnn(), torch.rand(3, 64, 64)
    with evaluating(counter):
        expected = counter(image[None]).count.item()
    assert Model(counter=counter)(image).count == expected


@pytest.mark.parametrize("way", FLOAT32_WAYS)
def test_what_surrounds_a_way_still_holds_in_it(way: Way) -> None:
    counter = Slow(None)
    dtypes: list[torch.dtype] = []
    counter.convolution.register_forward_hook(lambda *said: dtypes.append(said[2].dtype))
    with evaluating(counter), torch.autocast("cpu", torch.bfloat16), way.taken(counter, CPU):
        counter(torch.rand(1, 3, 8, 8))
    assert dtypes == [torch.bfloat16]
