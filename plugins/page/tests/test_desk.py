"""What a visitor does, without a browser."""

import asyncio
import threading

import numpy as np
import pytest
from crowdkit_page.desk import Desk
from crowdkit_page.drawing import caption, counted_png, heat_map, svg
from crowdkit_page.work import Queue
from PIL import Image

from crowdkit_core.errors import UsageError


@pytest.fixture
def with_photo(desk, photo_bytes):
    async def save(path):
        path.write_bytes(photo_bytes((64, 48)))

    asyncio.run(desk.receive("<b>street.jpg", save))
    return desk


def test_a_photo_is_counted_with_points_and_the_visitor_s_name(with_photo):
    photo = with_photo.photo
    asyncio.run(with_photo.count(photo))
    assert photo.counted.name == "<b>street.jpg"
    assert len(photo.dots) == photo.counted.found
    assert caption(photo).startswith(f"{round(photo.counted.count)} ")


def test_counting_again_leaves_corrected_dots_alone(with_photo):
    photo = with_photo.photo
    with_photo.click(5, 5)
    corrected = photo.dots
    asyncio.run(with_photo.count(photo))
    assert photo.dots is corrected


def test_zones_and_their_rest_are_the_whole_count(with_photo):
    with_photo.mode = "zone"
    for corner in ((0, 0), (32, 0), (32, 48), (0, 48)):
        with_photo.click(*corner)
    with_photo.draw(lambda places: places.with_zone("left"))
    with_photo.mode = "ground"
    for corner in ((0, 0), (64, 0), (64, 48), (0, 48)):
        with_photo.click(*corner)
    with_photo.measure(8.0, 6.0)
    photo = with_photo.photo
    asyncio.run(with_photo.count(photo))
    left, elsewhere = photo.counted.zones
    assert left.name == "left"
    assert left.count + elsewhere.count == pytest.approx(photo.counted.count, rel=1e-5)
    assert left.square_metres == pytest.approx(24.0)
    assert left.per_square_metre == pytest.approx(left.count / 24.0)


@pytest.mark.parametrize(("length", "width"), [(None, 3.0), (3.0, 0.0), (-1.0, 3.0)])
def test_lengths_that_are_none_are_refused(with_photo, length, width):
    with pytest.raises(UsageError, match="both lengths are needed"):
        with_photo.measure(length, width)


def test_a_ground_without_corners_is_refused(with_photo):
    with pytest.raises(UsageError, match="0 of 4 corners"):
        with_photo.measure(1.0, 1.0)


def test_zones_are_drawn_on_photos_of_the_same_size(with_photo, photo_bytes):
    for size in ((64, 48), (80, 48)):

        async def save(path, size=size):
            path.write_bytes(photo_bytes(size))

        asyncio.run(with_photo.receive("more.jpg", save))
    with_photo.mode = "ground"
    with_photo.click(1, 1)
    assert with_photo.draw_everywhere() == 1
    grounds = [photo.places.ground for photo in with_photo.session.photos]
    assert grounds == [((1.0, 1.0),), ((1.0, 1.0),), ()]


def test_clicks_are_in_pixels_of_the_photo_not_of_the_shown_picture(desk, photo_bytes):
    desk.session.limits = type(desk.session.limits)(megapixels=20)

    async def save(path):
        path.write_bytes(photo_bytes((3200, 2000)))

    asyncio.run(desk.receive("large.jpg", save))
    assert desk.photo.shown_size == (1000, 1600)
    desk.click(800, 500)
    assert desk.photo.dots.xy == ((1600.0, 1000.0),)
    assert 'cx="800.0" cy="500.0"' in svg(desk.photo)


def test_names_are_text_in_the_picture(with_photo):
    with_photo.mode = "zone"
    for corner in ((0, 0), (32, 0), (32, 48)):
        with_photo.click(*corner)
    with_photo.draw(lambda places: places.with_zone("<script>alert(1)</script>"))
    drawn = svg(with_photo.photo)
    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


def test_the_heat_map_has_the_shown_size_and_glows_where_people_are(with_photo, tmp_path):
    photo = with_photo.photo
    asyncio.run(with_photo.count(photo))
    (tmp_path / "heat.jpg").write_bytes(heat_map(photo))
    with Image.open(tmp_path / "heat.jpg") as shown, Image.open(photo.preview) as plain:
        assert shown.size == plain.size
        assert np.abs(np.asarray(shown, float) - np.asarray(plain, float)).mean() > 5
    assert counted_png(photo).startswith(b"\x89PNG")


def test_without_a_photo_a_click_says_what_to_do(desk):
    with pytest.raises(UsageError, match="no photo is chosen"):
        desk.click(1, 1)


def test_removing_chooses_the_next_photo(with_photo, photo_bytes):
    async def save(path):
        path.write_bytes(photo_bytes((32, 32)))

    asyncio.run(with_photo.receive("b.jpg", save))
    with_photo.remove()
    assert with_photo.photo.name == "b.jpg"
    with_photo.remove()
    assert with_photo.photo is None


def test_photos_of_two_visitors_are_never_counted_at_once(studio):
    """Work of several is done one piece after the other, in the order asked for."""
    at_once, most, order = 0, 0, []
    lock = threading.Lock()

    def job(number):
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        order.append(number)
        with lock:
            at_once -= 1
        return number

    async def all_of_them():
        return await asyncio.gather(*(studio.counting.do(job, number) for number in range(20)))

    assert asyncio.run(all_of_them()) == list(range(20)) == order
    assert most == 1


def test_too_much_waiting_work_is_refused():
    queue = Queue("test", most_waiting=1)
    gate = threading.Event()

    async def flood():
        first = [asyncio.ensure_future(queue.do(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="too many photos are waiting"):
            await queue.do(gate.wait)
        gate.set()
        await asyncio.gather(*first)

    asyncio.run(flood())
    assert queue.ahead == 0
    queue.close()


def test_errors_of_counting_have_the_visitor_s_name(with_photo, studio):
    with_photo.photo.path.write_bytes(b"gone bad")
    with pytest.raises(UsageError) as caught:
        asyncio.run(Desk(with_photo.session, studio).count(with_photo.photo))
    assert caught.value.message.startswith("<b>street.jpg: ")
    assert str(with_photo.session.folder) not in str(caught.value)
