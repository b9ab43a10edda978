"""Event files are read back by TensorBoard itself."""

import numpy as np
import pytest
from crowdkit_tensorboard.tracker import TensorBoard
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from crowdkit_core.interfaces import TrackedRun

PICTURE = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def run_in(folder, *, resumed=False):
    return TrackedRun(directory=folder, recipe='x = "1"', settings={}, resumed=resumed)


def track(folder, epochs, *, resumed=False, losses):
    tracker = TensorBoard()
    tracker.start(run_in(folder, resumed=resumed))
    for epoch in epochs:
        tracker.log_pictures({"street": PICTURE}, epoch=epoch)
        tracker.log_values({"loss/loss": losses[epoch]}, epoch=epoch)
    return tracker


def read(folder):
    events = EventAccumulator(str(folder / "tensorboard"))
    events.Reload()
    return events


def scalars(events, name):
    return {each.step: each.value for each in events.Scalars(name)}


def test_numbers_pictures_and_recipe_can_be_seen_while_it_trains(tmp_path) -> None:
    tracker = track(tmp_path, [1, 2], losses={1: 0.5, 2: 0.25})
    events = read(tmp_path)
    assert scalars(events, "loss/loss") == {1: 0.5, 2: 0.25}
    pictures = events.Images("held-out/street")
    assert [(each.step, each.height, each.width) for each in pictures] == [(1, 6, 8), (2, 6, 8)]
    (text,) = events.Tensors("recipe/text_summary")
    assert b'x = "1"' in text.tensor_proto.string_val[0]
    tracker.finish(completed=True)


def test_a_resumed_run_replaces_the_epochs_that_are_trained_again(tmp_path) -> None:
    track(tmp_path, [1, 2, 3], losses={1: 0.5, 2: 0.25, 3: 0.125}).finish(completed=False)
    again = track(tmp_path, [3, 4], resumed=True, losses={3: 8.0, 4: 4.0})
    again.finish(completed=True)
    events = read(tmp_path)
    assert scalars(events, "loss/loss") == {1: 0.5, 2: 0.25, 3: 8.0, 4: 4.0}
    assert [each.step for each in events.Images("held-out/street")] == [1, 2, 3, 4]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    with pytest.raises(OSError, match="tensorboard"):
        track(tmp_path, [1], losses={1: 0.5})
