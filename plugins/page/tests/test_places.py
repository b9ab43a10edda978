"""Zones and the ground, by clicks."""

from dataclasses import replace

import pytest
from crowdkit_page.places import DrawnZone, Places

from crowdkit_core.errors import DataError, UsageError

SQUARE = ((0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0))


def drawn(corners=SQUARE, name="gate"):
    places = Places()
    for corner in corners:
        places = places.with_corner(corner)
    return places.with_zone(name)


def test_a_zone_is_finished_and_covers_its_pixels():
    places = drawn()
    assert places.zones == (DrawnZone("gate", SQUARE),)
    assert places.begun == ()
    (zone,) = places.as_zones().zones
    window = zone.shape.window((200, 300))
    assert zone.shape.inside(window).sum() == 100 * 100
    assert places.without_zone("gate") == Places()


@pytest.mark.parametrize(
    ("places", "name", "message"),
    [
        (Places(begun=SQUARE[:2]), "gate", "a zone needs 3 corners, this one has 2"),
        (Places(begun=SQUARE), "  ", "a zone needs a name"),
        (replace(drawn(), begun=SQUARE), "gate", "there is a zone named 'gate' already"),
    ],
)
def test_bad_zones_are_refused_in_a_line(places, name, message):
    with pytest.raises(UsageError) as caught:
        places.with_zone(name)
    assert caught.value.message == message


def test_a_name_with_a_meaning_is_refused():
    with pytest.raises(DataError, match="elsewhere"):
        drawn(name="elsewhere").as_zones()


def test_names_are_proposed():
    assert Places().next_name == "zone 1"
    assert drawn(name="zone 1").next_name == "zone 2"


def test_corners_are_taken_back():
    assert Places(begun=SQUARE).undone().begun == SQUARE[:3]
    assert Places().undone() == Places()


def test_four_corners_and_two_lengths_are_a_ground():
    places = Places(length=5.0, width=10.0)
    for corner in SQUARE:
        assert places.as_ground() is None
        places = places.with_ground_corner(corner)
    assert places.as_ground().metres([[50, 20]]).round(6).tolist() == [[2.5, 2.0]]
    assert replace(places, width=None).as_ground() is None


def test_a_fifth_corner_begins_anew():
    assert Places(ground=SQUARE).with_ground_corner((3.0, 4.0)).ground == ((3.0, 4.0),)


def test_corners_in_a_line_are_refused():
    line = tuple((10.0 * step, 5.0) for step in range(4))
    with pytest.raises(DataError, match="on a line"):
        Places(ground=line, length=5, width=5).as_ground()
