"""Corrections of some images are brought into the annotations of all."""

import pytest

from crowdkit_core.data.annotations import (
    Mark,
    MarkedImage,
    update_annotations,
)
from crowdkit_core.errors import DataError, SizeMismatchError


def marked(name, *xs, **more):
    return MarkedImage(name=name, marks=tuple(Mark(float(x), 1.0) for x in xs), **more)


def xs(images):
    return {image.name: [mark.x for mark in image.marks] for image in images}


OLD = [marked("a.jpg", 1, 2), marked("night/b.jpg", 3), marked("c.jpg", 4)]


class TestInPython:
    def test_what_the_correction_speaks_of_is_replaced_wholly(self):
        images, update = update_annotations(OLD, [marked("a.jpg", 9), marked("c.jpg")])
        assert xs(images) == {"a.jpg": [9], "night/b.jpg": [3], "c.jpg": []}
        assert update.replaced == {"a.jpg": (2, 1), "c.jpg": (1, 0)}
        assert (update.added, update.unchanged) == ({}, {"night/b.jpg": 1})

    @pytest.mark.parametrize("name", ["night/b.jpg", "b.jpg", "b", "Night\\B.JPG"])
    def test_an_image_may_be_named_shorter(self, name):
        images, _ = update_annotations(OLD, [marked(name, 9)])
        assert xs(images)["night/b.jpg"] == [9]
        assert len(images) == 3

    @pytest.mark.parametrize("name", ["photos/a.jpg", "a.jpg"])
    @pytest.mark.parametrize("old", ["a", "a.jpg"])
    def test_or_longer_than_before(self, name, old):
        images, _ = update_annotations([marked(old, 1)], [marked(name, 9)])
        assert xs(images) == {old: [9]}

    def test_folders_that_differ_are_other_images(self):
        with pytest.raises(DataError, match=r"not in the annotations .*'day/b\.jpg'"):
            update_annotations(OLD, [marked("day/b.jpg", 9)])

    def test_unknown_images_are_added_when_asked(self):
        images, update = update_annotations(OLD, [marked("d.jpg", 5, 6)], add=True)
        assert xs(images)["d.jpg"] == [5, 6]
        assert update.added == {"d.jpg": 2}
        assert len(update.unchanged) == 3

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            (["1/a.jpg", "2/a.jpg"], ["a.jpg"], r"'a\.jpg' may be 1/a\.jpg or 2/a\.jpg"),
            (["a.jpg"], ["1/a.jpg", "2/a.jpg"], r"'1/a\.jpg' and '2/a\.jpg' are both a\.jpg"),
        ],
    )
    def test_it_is_never_guessed_which_image_is_meant(self, old, new, message):
        with pytest.raises(DataError, match=message):
            update_annotations([*map(marked, old)], [*map(marked, new)])

    def test_facts_that_only_one_of_them_states_are_kept(self):
        old = marked("a.jpg", 1, split="test", size=(60, 80))
        (image,), _ = update_annotations([old], [marked("a.jpg", 2, split="Train")])
        assert (image.split, image.size) == ("test", (60, 80))
        with pytest.raises(SizeMismatchError, match="at 40 x 30 pixels, before at 80 x 60"):
            update_annotations([old], [marked("a.jpg", 2, size=(30, 40))])
