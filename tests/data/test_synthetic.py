import dataclasses
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import linregress, spearmanr

import crowdkit_core.data.synthetic as synthetic
from crowdkit_core.data.synthetic import Synthetic, compose, render
from crowdkit_core.errors import UsageError

SMALL = {"size": (96, 128), "people": (0, 60)}


def test_same_seed_same_bits_in_any_order():
    one, other = Synthetic(images=3, **SMALL), Synthetic(images=3, **SMALL)
    forwards = [one[i] for i in range(3)]
    backwards = [other[i] for i in (2, 1, 0)][::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert torch.equal(a.image, b.image)
        assert torch.equal(a.points, b.points)


def test_another_seed_is_another_scene():
    first, second = (Synthetic(seed=s, size=(96, 128), people=(9, 9))[0] for s in (0, 1))
    assert not torch.equal(first.image, second.image)
    assert not torch.equal(first.points, second.points)


def test_a_pickled_dataset_gives_the_same_bits():
    scenes = Synthetic(images=2, **SMALL)
    assert torch.equal(pickle.loads(pickle.dumps(scenes))[1].image, scenes[1].image)


def test_annotation_is_the_samples_and_renders_nothing(monkeypatch):
    scenes = Synthetic(images=4, **SMALL)
    samples = [scenes[i] for i in range(4)]
    monkeypatch.setattr(synthetic, "render", None)
    for i, sample in enumerate(samples):
        known = scenes.annotation(i)
        assert known.name == sample.name
        assert known.size == sample.size == (96, 128)
        assert known.clipped == 0
        assert torch.equal(known.points, sample.points.as_subclass(torch.Tensor))
        assert torch.equal(known.lengths["head"], sample.lengths["head"])


def test_samples_have_the_contracts_types():
    sample = Synthetic(size=(70, 101), people=(3, 3))[0]
    assert sample.image.dtype == torch.uint8
    assert sample.image.shape == (3, 70, 101)
    assert sample.points.shape == (3, 2)
    assert sample.points.canvas_size == (70, 101)
    assert sample.lengths["head"].shape == (3,)


def test_splits_share_no_scene_and_all_joins_them():
    options = {"images": 3, "size": (64, 64), "people": (4, 8)}
    parts = [Synthetic(split=s, **options) for s in ("train", "validation", "test")]
    images = [part[i].image for part in parts for i in range(3)]
    for i, image in enumerate(images):
        assert not any(torch.equal(image, later) for later in images[i + 1 :])
    everything = Synthetic(split="all", **options)
    assert len(everything) == 9
    assert len({everything.annotation(i).name for i in range(9)}) == 9
    for i, image in enumerate(images):
        assert torch.equal(everything[i].image, image)


def test_counts_span_the_asked_range_with_the_asked_share_of_empty_scenes():
    scenes = Synthetic(images=400, size=(64, 64), people=(0, 40), empty=0.25)
    counts = np.array([len(scenes.annotation(i).points) for i in range(400)])
    assert counts.min() == 0
    assert 30 <= counts.max() <= 40
    assert 0.17 < (counts == 0).mean() < 0.33


def test_no_scene_is_empty_where_people_are_asked_for():
    scenes = Synthetic(images=60, size=(64, 64), people=(1, 5), empty=1.0)
    assert {len(scenes.annotation(i).points) for i in range(60)} == {1, 2, 3, 4, 5}


def test_empty_scenes_have_distractors():
    scenes = Synthetic(images=10, size=(64, 64), people=(0, 0))
    assert scenes[0].points.shape == (0, 2)
    assert scenes[0].lengths["head"].shape == (0,)
    assert np.mean([len(scenes.scene(i).things) for i in range(10)]) > 3


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(64, 200),
    width=st.integers(64, 200),
    fullness=st.floats(0, 1),
)
def test_any_crowd_fits_and_no_head_covers_anothers_centre(seed, height, width, fullness):
    count = int(fullness * (height * width // 48))
    people = compose((seed,), (height, width), count).people
    x, y = people.points[:, 0], people.points[:, 1]
    assert len(people.points) == count
    assert ((x > 0) & (x < width) & (y > 0) & (y < height)).all()
    assert np.array_equal(people.points % 1, np.full((count, 2), 0.5))
    apart = cdist(people.points, people.points) + np.diag(np.full(count, np.inf))
    assert (apart > 0.5 * people.heads[None, :]).all()
    assert (np.diff(people.depths) <= 0).all()


def test_every_scene_renders_at_its_size():
    for seed in range(250):
        size = (64 + 7 * seed % 60, 64 + 11 * seed % 70)
        picture = render(compose((seed,), size, 12 * seed % 40))
        assert picture.shape == (*size, 3)
        assert picture.std() > 4


@pytest.mark.parametrize("seed", range(6))
def test_heads_grow_linearly_with_the_distance_below_the_horizon(seed):
    scene = compose((seed,), (384, 512), 300)
    y, head = scene.people.points[:, 1], scene.people.heads
    assert spearmanr(y, head).statistic > 0.9
    line = linregress(y, head)
    assert line.rvalue > 0.93
    horizon = -line.intercept / line.slope
    assert horizon == pytest.approx(scene.camera.horizon, abs=0.12 * (384 - scene.camera.horizon))


@pytest.mark.parametrize("seed", range(3))
def test_each_person_shows_in_the_picture_at_their_point_and_nowhere_else(seed):
    scene = compose((seed,), (128, 192), 40)
    whole = render(scene).astype(int)
    changes = []
    for person in range(40):
        x, y = scene.people.points[person].astype(int)
        head = scene.people.heads[person]
        change = np.abs(whole - render(_without(scene, person))).max(axis=2)
        centre = change[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
        changes.append(centre.mean())
        reach = int(9 * head) + 16
        assert change[: max(y - int(2 * head) - 16, 0)].max(initial=0) == 0
        assert change[:, : max(x - reach, 0)].max(initial=0) == 0
        assert change[:, x + reach :].max(initial=0) == 0
    assert np.mean(np.array(changes) > 6) > 0.9


def _without(scene, person):
    people = scene.people
    rest = {
        field.name: np.delete(getattr(people, field.name), person, axis=0)
        for field in dataclasses.fields(people)
    }
    return dataclasses.replace(scene, people=type(people)(**rest))


def test_the_drawn_head_is_centred_on_the_point():
    """The colour of a lone person's head, painted a colour of its own, surrounds the point."""
    scene = compose((5,), (256, 256), 1)
    colours = np.zeros((1, 5, 3), np.float32)
    colours[:, :2] = (255, 0, 255)
    people = dataclasses.replace(
        scene.people,
        colours=colours,
        head_kinds=np.array([22]),
        body_kinds=np.array([1]),
    )
    marked = dataclasses.replace(scene, people=people, things=())
    empty = _without(marked, 0)
    difference = np.abs(render(marked).astype(int) - render(empty)).sum(axis=2)
    x, y = scene.people.points[0]
    head = scene.people.heads[0]
    rows = np.flatnonzero(difference[:, int(x)] > 30) + 0.5
    assert rows.min() == pytest.approx(y - head / 2, abs=0.15 * head)
    columns = np.flatnonzero(difference[int(y)] > 30) + 0.5
    assert columns.mean() == pytest.approx(x, abs=0.1 * head)


def test_pictures_tell_counts_apart():
    """A straight line from one texture number, fitted on some scenes, predicts others."""
    scenes = Synthetic(images=80, size=(96, 128), people=(2, 250))
    texture, logs = [], []
    for i in range(80):
        sample = scenes[i]
        grey = sample.image.float().mean(dim=0)
        change = grey.diff(dim=0).abs().mean() + grey.diff(dim=1).abs().mean()
        texture.append(np.log(change.item()))
        logs.append(np.log(len(sample.points)))
    line = linregress(texture[:50], logs[:50])
    guess = line.intercept + line.slope * np.array(texture[50:])
    error = np.abs(guess - logs[50:]).mean()
    assert error < 0.85 * np.abs(np.mean(logs[:50]) - logs[50:]).mean()


def test_iterating_ends_and_outside_indices_are_refused():
    scenes = Synthetic(images=2, **SMALL)
    assert len(list(scenes)) == len(scenes) == 2
    for index in (-1, 2):
        with pytest.raises(IndexError, match=f"image {index} "):
            scenes.annotation(index)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "training"}, "split='training'"),
        ({"images": 0}, "images=0"),
        ({"size": (32, 512)}, r"size=\(32, 512\)"),
        ({"people": (5, 4)}, r"people=\(5, 4\)"),
        ({"people": (-1, 4)}, r"people=\(-1, 4\)"),
        ({"size": (64, 64), "people": (0, 86)}, "do not fit"),
        ({"empty": 1.5}, r"empty=1\.5"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_impossible_options_are_refused_by_name(options, said):
    with pytest.raises(UsageError, match=said):
        Synthetic(**options)
