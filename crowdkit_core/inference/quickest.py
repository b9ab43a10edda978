"""Measure once which way of computing a counter is the quickest on this machine."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from crowdkit_core.cards.cache import cache_folder
from crowdkit_core.files import atomic_write
from crowdkit_core.inference.ways import PLAIN, Way
from crowdkit_core.interfaces import Counter, evaluating
from crowdkit_core.precision import emulates_bf16
from crowdkit_core.processes import is_launched
from crowdkit_core.settings import hardware

IMAGE = (384, 512)
"""Height and width of the random image that is timed; what it shows hardly changes the work."""

ROUNDS = 3
"""How often each way is timed, of which the least counts."""

WORTH_IT = 0.95
"""Share of the plain way's time that another must stay below to be taken."""

_CHOSEN: WeakKeyDictionary[Counter, dict[tuple[str, ...], Way]] = WeakKeyDictionary()
"""Of each counter, the way for a device and some ways."""


def quickest_way(counter: Counter, device: torch.device | str | None, ways: Sequence[Way]) -> Way:
    """The quickest of some ways, as measured now or earlier.

    bfloat16 is not measured where the device has no instructions for it: that could take minutes.
    What is measured is kept in the user's cache (`cache_folder`), for counters that the registry
    made: it depends on their options, not on their weights, and on the device, its threads and
    torch. Processes of ``torchrun`` would disturb each other's measurement and have to agree: they
    take what is known, else the plain way, which is also that of finished networks.

    Args:
        counter: Any counter; its mode is restored afterwards.
        device: Moves the counter there; None leaves it where it is.
        ways: To choose among, the plain one included.
    """
    if not counter.trainable:  # another library computes it, in its own way
        return PLAIN
    with evaluating(counter, device) as where:
        ways = [way for way in ways if not (way.bf16 and emulates_bf16(where))]
        chosen = _CHOSEN.setdefault(counter, {})
        asked = (str(where), *map(str, ways))
        if asked not in chosen:
            chosen[asked] = _quickest(counter, where, ways)
        return chosen[asked]


def _quickest(counter: Counter, device: torch.device, ways: Sequence[Way]) -> Way:
    file = _file_of(counter, device)
    seconds = {} if file is None else _remembered(file)
    if not all(str(way) in seconds for way in ways):
        if is_launched():
            return PLAIN
        seconds |= measured_ways(counter, device, ways)
        if file is not None:
            _remember(file, _about(counter, device), seconds)
    best = min(ways, key=lambda way: seconds[str(way)])
    return best if seconds[str(best)] < WORTH_IT * seconds[str(PLAIN)] else PLAIN


def measured_ways(counter: Counter, device: torch.device, ways: Sequence[Way]) -> dict[str, float]:
    """Seconds that one image of `IMAGE` takes each way, by its name.

    The ways take turns, so that whatever else the machine does slows all of them.

    Args:
        counter: On ``device``.
        device: Where it counts.
        ways: What to time.
    """
    height, width = (max(pair) for pair in zip(IMAGE, counter.min_size, strict=True))
    random = torch.Generator().manual_seed(0)
    image = torch.rand(1, 3, height, width, generator=random).to(device)
    times: dict[str, list[float]] = {str(way): [] for way in ways}
    with evaluating(counter):
        for _ in range(1 + ROUNDS):  # the first sets things up
            for way in ways:
                with way.taken(counter, device):
                    times[str(way)].append(_seconds(counter, image))
    return {name: min(each[1:]) for name, each in times.items()}


def _seconds(counter: Counter, image: Tensor) -> float:
    _wait_for(image.device)
    before = perf_counter()
    counter(image)
    _wait_for(image.device)
    return perf_counter() - before


def _wait_for(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


def _about(counter: Counter, device: torch.device) -> dict[str, Any]:
    """What the time depends on."""
    assert counter.origin is not None  # asked before
    options = {
        name: str(value)
        for name, value in sorted(counter.origin.options.items())
        if name not in ("weights", "pretrained")
    }
    return {
        "counter": counter.origin.name,
        "distribution": counter.origin.distribution,
        "options": options,
        "parameters": sum(each.numel() for each in counter.parameters()),
        "hardware": hardware(device),
        "torch": torch.__version__,
    }


def _file_of(counter: Counter, device: torch.device) -> Path | None:
    """Where times are kept; None for a counter that only its own program knows."""
    if counter.origin is None or not counter.origin.distribution:
        return None
    about = json.dumps(_about(counter, device), sort_keys=True)
    return cache_folder() / "ways" / f"{hashlib.sha256(about.encode()).hexdigest()[:32]}.json"


def _remembered(file: Path) -> dict[str, float]:
    """Seconds by the name of a way; none where there is no such file or it is damaged."""
    try:
        seconds = json.loads(file.read_text(encoding="utf-8"))["seconds"]
        return {str(name): float(each) for name, each in seconds.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _remember(file: Path, about: Mapping[str, Any], seconds: Mapping[str, float]) -> None:
    """Keep times; a cache that cannot be written is one that is not used."""
    text = json.dumps({**about, "seconds": seconds}, indent=2)
    with suppress(OSError), atomic_write(file) as temporary:
        temporary.write_text(text, encoding="utf-8")
