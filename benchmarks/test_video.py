"""What a video costs beside the network: frames a second, and memory over 10,000 frames.

OMP_NUM_THREADS=1 python -m pytest benchmarks/test_video.py -m "" -s

The clip of the speed pans over the rendered scene of the docs, 1920 x 1080 in H.264, and the
counter is that of the weights `people`. What the network is given is written down in a first run,
and given to it again alone. Memory is that of a small counter on 640 x 360, as a leak of frames
would show whatever the counter; of each frame a row is kept, as the command line does.
"""

import gc
import math
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import av
import pytest
import torch
from PIL import Image
from torch import Tensor

import crowdkit_core
from crowdkit_core.inference import CountRow, Model
from crowdkit_core.interfaces import Counter, Prediction, evaluating
from crowdkit_core.testing.toys import ToyCounter

SCENE = Path(__file__).parents[1] / "docs/pictures/scene.jpg"
FULL_HD, SMALL = (1920, 1080), (640, 360)
SPEED_FRAMES, ROUNDS = 12, 5
MEMORY_FRAMES, WARM_FRAMES = 10_000, 1_000
VIEWS = 100
MIB = 2**20


def save_clip(file: Path, size: tuple[int, int], frames: int) -> Path:
    """A pan over the scene, over and over, 25 frames a second."""
    views = [view(size, number) for number in range(min(frames, VIEWS))]
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(frames):
            frame = views[number % VIEWS]
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file


def view(size: tuple[int, int], number: int) -> av.VideoFrame:
    scene = Image.open(SCENE).convert("RGB")
    width = scene.width * 3 // 4
    height = width * size[1] // size[0]
    x = round((scene.width - width) * (1 - math.cos(2 * math.pi * number / VIEWS)) / 2)
    part = scene.crop((x, 100, x + width, 100 + height)).resize(size)
    return av.VideoFrame.from_image(part).reformat(format="yuv420p")


def shown_to(counter: Counter, model: Model, file: Path) -> list[Tensor]:
    """All that the counter is given while it counts the clip."""
    given: list[Tensor] = []
    predict = counter.predict

    def noting(images: Tensor) -> Prediction:
        given.append(images)
        return predict(images)

    counter.predict = noting  # type: ignore[method-assign]
    for _ in model.stream(file):
        pass
    del counter.predict
    return given


def seconds(frames: Iterator[object]) -> tuple[float, float]:
    """Of the clock on the wall, and of all cores."""
    started, worked = perf_counter(), process_time()
    for _ in frames:
        pass
    return perf_counter() - started, process_time() - worked


def network(counter: Counter, batches: list[Tensor]) -> Iterator[Prediction]:
    with evaluating(counter):
        for batch in batches:
            yield counter.predict(batch)


@pytest.mark.slow
def test_frames_a_second_of_full_hd(tmp_path: Path) -> None:
    file = save_clip(tmp_path / "clip.mp4", FULL_HD, SPEED_FRAMES)
    model = crowdkit_core.load("people")
    batches = shown_to(model.counter, model, file)
    turns = [
        (seconds(network(model.counter, batches)), seconds(model.stream(file)))
        for _ in range(ROUNDS)
    ]
    print(f"\n{SPEED_FRAMES} frames of 1920 x 1080, {len(batches)} passes, median of {ROUNDS}")
    for kind, clock in enumerate(("the wall's clock", "the cores' work")):
        alone, whole = (median(each[kind] for each in way) for way in zip(*turns, strict=True))
        print(
            f"by {clock}: network alone {SPEED_FRAMES / alone:.2f} frames/s, Model.stream "
            f"{SPEED_FRAMES / whole:.2f}, which is {alone / whole:.2f} of it"
        )


def resident() -> float:
    """MiB of memory that the process holds (Linux)."""
    gc.collect()
    lines = Path("/proc/self/status").read_text().splitlines()
    (held,) = (line for line in lines if line.startswith("VmRSS"))
    return int(held.split()[1]) / 1024


@pytest.mark.slow
def test_memory_of_ten_thousand_frames(tmp_path: Path) -> None:
    file = save_clip(tmp_path / "clip.mp4", SMALL, MEMORY_FRAMES)
    torch.manual_seed(0)
    rows: list[CountRow] = []
    held = {}
    for counted in Model(counter=ToyCounter()).stream(file):
        rows.append(CountRow.of(counted))
        if len(rows) in (WARM_FRAMES, MEMORY_FRAMES // 2, MEMORY_FRAMES):
            held[len(rows)] = resident()
    grown = held[MEMORY_FRAMES] - held[WARM_FRAMES]
    frame = 3 * SMALL[0] * SMALL[1] / MIB
    print("\n" + ", ".join(f"{mib:.0f} MiB after {number} frames" for number, mib in held.items()))
    print(f"grown by {grown:.1f} MiB over {MEMORY_FRAMES - WARM_FRAMES} frames of {frame:.2f} MiB")
    assert grown < 20 * frame
