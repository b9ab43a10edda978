"""What is kept of a visitor, and what is not."""

import asyncio

import numpy as np
import pytest
from crowdkit_page.session import Sessions

from crowdkit_core import create
from crowdkit_core.errors import DataError, UsageError


def send(desk, content, name="a.jpg"):
    async def save(path):
        path.write_bytes(content)

    return asyncio.run(desk.receive(name, save))


def test_a_corrected_photo_is_a_data_set_at_once(desk, photo_bytes):
    send(desk, photo_bytes())
    desk.click(10, 20)
    desk.click(40, 30)
    asyncio.run(desk.keep())
    dataset = create("dataset", "folder", root=desk.session.corrections.folder, split="all")
    (sample,) = [dataset[index] for index in range(len(dataset))]
    assert np.asarray(sample.points).tolist() == [[10, 20], [40, 30]]


def test_undo_to_the_beginning_takes_the_photo_out_of_the_data_set(desk, photo_bytes):
    send(desk, photo_bytes())
    for action in (lambda: desk.click(10, 20), desk.undo):
        action()
        asyncio.run(desk.keep())
    assert len(desk.session.corrections) == 0
    assert desk.photo.kept == ""


def test_corrections_come_back_after_the_server_was_killed(desk, studio, limits, photo_bytes):
    send(desk, photo_bytes(), "yesterday.jpg")
    desk.click(10, 20)
    asyncio.run(desk.keep())
    # nothing is closed: this is what a new server finds
    sessions = Sessions(studio.sessions.folder, studio.sessions.corrections, limits)
    again = sessions.of("visitor-one")
    again.restore()
    (photo,) = again.photos
    assert (photo.name, photo.dots.xy, photo.dots.is_corrected) == (
        "yesterday.jpg",
        ((10.0, 20.0),),
        True,
    )
    again.restore()
    assert len(again.photos) == 1
    again.remove(photo)
    assert len(again.corrections) == 1, "only the page forgets it"


def test_given_photos_are_there_for_everyone_once(tmp_path, limits, photo_bytes):
    given = tmp_path / "given.jpg"
    given.write_bytes(photo_bytes())
    sessions = Sessions(tmp_path / "up", tmp_path / "kept", limits, [given])
    for visitor in ("visitor-one", "visitor-two"):
        session = sessions.of(visitor)
        session.restore()
        session.restore()
        (photo,) = session.photos
        assert photo.name == "given.jpg"
    session.keep(photo, photo.dots.accepted())
    again = Sessions(tmp_path / "up2", tmp_path / "kept", limits, [given]).of("visitor-two")
    again.restore()
    (photo,) = again.photos
    assert photo.dots.is_corrected
    session.clear()
    assert given.exists()


def test_visitors_do_not_see_each_other(desk, studio, photo_bytes):
    (photo,) = send(desk, photo_bytes())
    other = studio.sessions.of("visitor-two")
    assert other.photos == []
    assert other.photo(photo.key) is None
    assert other.corrections.folder != desk.session.corrections.folder
    assert studio.sessions.of("visitor-one").photo(photo.key) is photo


def test_there_are_at_most_so_many_visitors(studio):
    for name in ("visitor-one", "visitor-two"):
        studio.sessions.of(name)
    with pytest.raises(UsageError, match="2 people are using this page"):
        studio.sessions.of("visitor-three")


def test_uploads_are_removed_after_a_time_and_corrections_stay(tmp_path, limits, photo_bytes):
    now = [0.0]
    sessions = Sessions(tmp_path / "up", tmp_path / "kept", limits, clock=lambda: now[0])
    session = sessions.of("visitor-one")
    path = session.free_path("a.jpg")
    path.write_bytes(photo_bytes())
    (photo,) = session.receive(path, "a.jpg")
    session.keep(photo, photo.dots.accepted())
    now[0] = 60 * limits.minutes - 1
    sessions.of("visitor-two")
    assert path.exists()
    now[0] += 2
    sessions.sweep()
    assert not session.folder.exists()
    assert sessions.known("visitor-one") is None
    assert sessions.known("visitor-two") is not None
    assert session.corrections.names == ["a.jpg"]


def test_no_more_photos_than_the_limit(desk, limits, photo_bytes):
    for number in range(limits.files):
        send(desk, photo_bytes(colour=(number, 0, 0)))
    with pytest.raises(UsageError, match="4 photos are here already"):
        send(desk, photo_bytes())
    assert len(list(desk.session.folder.iterdir())) == 2 * limits.files


def test_two_photos_of_one_name_are_told_apart(desk, photo_bytes):
    for red in (1, 200):
        send(desk, photo_bytes(colour=(red, 0, 0)))
    assert [photo.name for photo in desk.session.photos] == ["a.jpg", "a-2.jpg"]


def test_a_file_that_is_refused_leaves_nothing(desk):
    with pytest.raises(DataError, match=r"^a\.jpg: not an image"):
        send(desk, b"text")
    assert list(desk.session.folder.iterdir()) == []


def test_clear_removes_the_files(desk, photo_bytes):
    send(desk, photo_bytes())
    desk.clear()
    assert not desk.session.folder.exists()
    assert desk.photo is None
    send(desk, photo_bytes())
    assert len(desk.session.photos) == 1
