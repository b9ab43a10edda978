"""Square metres from points of the ground."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.data.synthetic.scene import Camera
from crowdkit_core.errors import DataError
from crowdkit_core.inference import CrowdLevel, Ground, as_zones, count, read_ground
from crowdkit_core.inference.ground import HEADS
from crowdkit_core.inference.zones import divide

CAMERA = Camera(horizon=40.0, centre=160.0, focal=300.0, height=6.0)
"""Looks over a plain: the horizon is seen in row 40."""

SQUARE = np.array([[-4.0, 12.0], [4.0, 12.0], [4.0, 20.0], [-4.0, 20.0]])
"""8 x 8 metres of ground: metres to the right, and of depth."""


def seen(places, camera=CAMERA):
    """Pixels in which a camera sees places of the ground."""
    places = np.asarray(places, dtype=float)
    return np.stack(camera.project(places[:, 0], 0.0, places[:, 1]), axis=1)


def shuffled_axes(places, angle, shift):
    """The same places measured from another origin, in another direction."""
    cos, sin = np.cos(angle), np.sin(angle)
    return places @ np.array([[cos, -sin], [sin, cos]]) + shift


@given(
    angle=st.floats(0, 6.28),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
    mirrored=st.booleans(),
    extra=st.booleans(),
)
@settings(deadline=None, max_examples=40)
def test_the_area_of_a_square_a_camera_sees(angle, shift, mirrored, extra):
    places = np.concatenate([SQUARE, [[0.0, 15.0]]]) if extra else SQUARE
    measured = shuffled_axes(places * ([-1, 1] if mirrored else [1, 1]), angle, shift)
    ground = Ground.from_points(seen(places), measured)
    other = np.array([[-3.0, 14.0], [2.0, 14.0], [2.0, 24.0], [-3.0, 24.0]])
    division = divide((480, 320), zones=zones({"square": seen(other)}), ground=ground)
    elsewhere, square = division.square_metres
    assert square == pytest.approx(50.0, rel=0.02)  # its border goes through pixels
    assert np.isnan(elsewhere)  # the sky is elsewhere
    assert (ground.residual is None) == (not extra)


@given(x=st.floats(-8, 8), depth=st.floats(8, 80))
@settings(deadline=None, max_examples=40)
def test_places_are_where_they_are(x, depth):
    ground = Ground.from_points(seen(SQUARE), SQUARE)
    assert ground.metres(seen([[x, depth]])) == pytest.approx(np.array([[x, depth]]), rel=1e-6)
    assert np.isnan(ground.metres([[10.0, 39.0]])).all()


@given(x=st.floats(20, 300), y=st.floats(60, 400))
@settings(deadline=None, max_examples=40)
def test_the_area_of_a_piece_of_the_image_is_that_of_its_corners(x, y):
    """Against the shoelace formula on the corners' places."""
    ground = Ground.from_points(seen(SQUARE), SQUARE)
    half = 0.05
    corners = [
        [x - half, y - half],
        [x + half, y - half],
        [x + half, y + half],
        [x - half, y + half],
    ]
    a, b = ground.metres(corners).T
    shoelace = abs(np.dot(a, np.roll(b, -1)) - np.dot(b, np.roll(a, -1))) / 2
    strip = np.array([y]), np.array([x - half]), np.array([x + half])
    area = ground.strip_areas(*strip, height=2 * half)
    assert area.item() == pytest.approx(shoelace, rel=1e-3)


def test_distances_between_all_points_do_as_well():
    pairs = [(i, j) for i in range(4) for j in range(i)]
    distances = [(i + 1, j + 1, float(np.linalg.norm(SQUARE[i] - SQUARE[j]))) for i, j in pairs]
    ground = Ground.from_distances(seen(SQUARE), distances)
    division = divide((480, 320), zones=zones({"square": seen(SQUARE)}), ground=ground)
    assert division.square_metres[1] == pytest.approx(64.0, rel=0.02)
    assert ground.residual == pytest.approx(0.0, abs=1e-6)
    inexact = [(i, j, metres + 0.1 * (i == 4)) for i, j, metres in distances]
    assert 0.005 < Ground.from_distances(seen(SQUARE), inexact).residual < 0.1


def test_more_points_than_four_say_how_well_they_fit():
    rng = np.random.default_rng(0)
    places = np.concatenate([SQUARE, rng.uniform([-4, 12], [4, 20], (200, 2))])
    ground = Ground.from_points(seen(places), places + rng.normal(0, 0.05, places.shape))
    assert ground.residual == pytest.approx(0.05 * 2**0.5, rel=0.1)
    assert ground.metres(seen(SQUARE)) == pytest.approx(SQUARE, abs=0.05)


def test_people_per_square_metre(make_counter):
    """Two people in a zone of 50 square metres, seen by a counter of bright pixels."""
    zone = seen([[-3.0, 14.0], [2.0, 14.0], [2.0, 24.0], [-3.0, 24.0]])
    image = torch.zeros(3, 480, 320, dtype=torch.uint8)
    for x, y in seen([[0.5, 16.5], [1.0, 17.0]]).astype(int):
        image[0, y, x] = 255
    ground = Ground.from_points(seen(SQUARE), SQUARE)
    counter = make_counter("BrightnessCounter")
    counted = count(counter, image, zones={"stage": zone.tolist()}, ground=ground)
    stage, elsewhere = counted.zones
    assert stage.per_square_metre == pytest.approx(2 / 50, rel=0.02)
    assert counted.per_square_metre == pytest.approx(stage.per_square_metre)
    assert counted.square_metres == pytest.approx(stage.square_metres)
    assert (stage.level.walkway, stage.level.queueing, stage.level.danger) == ("A", "A", "")
    assert elsewhere.square_metres is elsewhere.per_square_metre is elsewhere.level is None

    dense = counted.ground_density(square=2.0)
    assert dense.shape == counted.density.shape
    assert dense[:40].isnan().all()
    assert dense[41:].isfinite().all()
    columns, rows = np.meshgrid(np.arange(320.0), np.arange(480) + 0.5)
    areas = ground.strip_areas(rows, columns, columns + 1)
    assert np.nansum(dense.numpy() * areas) == pytest.approx(2.0, rel=1e-4)
    assert np.nanmax(dense) == pytest.approx(0.5, rel=0.1)  # both in one square of 4 square metres


@pytest.mark.parametrize("stature", [0.0, HEADS])
def test_a_crowd_is_as_dense_as_it_stands_when_heads_are_counted_in_their_plane(stature):
    """One person on each square metre, seen by their heads or by their feet, from 6 metres."""
    across, depth = np.meshgrid(np.arange(-40.5, 40), np.arange(5.5, 90))
    x, y = CAMERA.project(across.ravel(), stature, depth.ravel())
    zone = np.array([[100.0, 120.0], [240.0, 120.0], [280.0, 240.0], [40.0, 240.0]])
    division = divide((480, 320), zones=zones({"a": zone}), ground=plane_of(stature))
    inside = (x >= 0) & (x < 320) & (y >= 0) & (y < 480)
    points = torch.from_numpy(np.stack([x, y], axis=1)[inside])
    number = (division.owners.at(points) == 1).sum()
    assert number / division.square_metres[1] == pytest.approx(1.0, rel=0.05)


def plane_of(stature):
    ground = Ground.from_points(seen(SQUARE), SQUARE)
    return ground.at_heads(CAMERA.height) if stature else ground


def test_an_area_without_zones(make_counter):
    image = torch.zeros(3, 480, 320, dtype=torch.uint8)
    ground = Ground.from_points(seen(SQUARE), SQUARE)
    counter = make_counter("BrightnessCounter")
    inside = count(counter, image, roi=seen(SQUARE).tolist(), ground=ground)
    assert inside.square_metres == pytest.approx(64.0, rel=0.02)
    assert inside.per_square_metre == 0.0
    assert inside.zones == ()
    whole = count(counter, image, ground=ground)
    assert whole.per_square_metre is None
    assert "the image reaches the horizon of the ground" in whole.notes[0]


def test_a_zone_with_the_sky_in_it_is_refused_by_name():
    ground = Ground.from_points(seen(SQUARE), SQUARE)
    sky = zones({"low": seen(SQUARE), "sky": [[0, 20], [50, 20], [50, 90]]})
    with pytest.raises(DataError, match="zone 'sky' reaches the horizon"):
        divide((480, 320), zones=sky, ground=ground)
    far = zones({"far": [[0, 41], [50, 41], [50, 90]]})
    (note,) = divide((480, 320), zones=far, ground=ground).notes
    assert note.startswith("the far end of zone 'far' is hardly measured")


SWAPPED = SQUARE[[1, 0, 2, 3]]


@pytest.mark.parametrize(
    ("image", "places", "said"),
    [
        (seen(SQUARE)[:3], SQUARE[:3], "3 points, a plane needs 4 or more"),
        (seen(SQUARE), SQUARE[:3], "4 points in the image, 3 on the ground"),
        ([[0, 0], [10, 10], [20, 20], [30, 30]], SQUARE, "points of the image lie on a line"),
        (
            [[0, 0], [10, 10], [20, 20], [30, 0]],
            SQUARE,
            "points of the image lie on a line, or all",
        ),
        (seen(SQUARE), SQUARE * [1, 0], "points of the ground lie on a line"),
        (seen(SQUARE), SWAPPED, "no camera sees these points in these places"),
        (seen(SQUARE), SQUARE * np.nan, "a point that is not finite"),
        ([["a", 0]], SQUARE, "expected pairs of numbers"),
        (
            seen([*SQUARE, [0, 16], [2, 18]]),
            [*SQUARE, [0, 16], [0, 12.5]],
            "the points do not go together: point 6 is",
        ),
    ],
)
def test_points_that_are_no_ground(image, places, said):
    with pytest.raises(DataError) as caught:
        Ground.from_points(image, places, source="ground 'g.json'")
    assert said in caught.value.message
    assert caught.value.message.startswith("ground 'g.json': ")


SIDES = [[1, 2, 8.0], [2, 3, 8.0], [3, 4, 8.0], [4, 1, 8.0]]


@pytest.mark.parametrize(
    ("distances", "said"),
    [
        (SIDES, "no distance between points 1 and 3"),
        ([*SIDES, [1, 3, 11.3], [2, 4, 30.0]], "the distances contradict each other"),
        ([[1, 2]], "expected two numbers of points and metres"),
        ([[1, 5, 3.0]], "expected two of the points 1 to 4"),
        ([[1, 2, 0]], "expected metres above 0"),
        (7, "expected two numbers of points and metres"),
    ],
)
def test_distances_that_are_none(distances, said):
    with pytest.raises(DataError) as caught:
        Ground.from_distances(seen(SQUARE), distances)
    assert said in caught.value.message


PLAIN = [
    {"image": pixel.tolist(), "ground": place.tolist()}
    for pixel, place in zip(seen(SQUARE), SQUARE, strict=True)
]


def test_files(tmp_path):
    file = tmp_path / "ground.json"
    file.write_text(json.dumps({"points": PLAIN}))
    expected = Ground.from_points(seen(SQUARE), SQUARE)
    assert read_ground(file).homography == pytest.approx(expected.homography)
    file.write_text(json.dumps({"points": PLAIN, "camera_height": 6}))
    assert read_ground(file).homography == pytest.approx(expected.at_heads(6.0).homography)
    diagonals = [[1, 3, 8 * 2**0.5], [2, 4, 8 * 2**0.5]]
    content = {"points": seen(SQUARE).tolist(), "distances": SIDES + diagonals}
    file.write_text(json.dumps(content))
    assert read_ground(file).residual == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "an empty file"),
        ("[]", "no list of points"),
        ("{", "not JSON"),
        (
            '{"points": [[1, 2], [3, 4]]}',
            "a point without its place in the image and on the ground",
        ),
        ('{"points": 3, "distances": []}', "no list of points"),
        ('{"points": [], "height": 3}', "unknown key 'height'"),
        (json.dumps({"points": PLAIN, "camera_height": 1.5}), "a camera 1.5 m above the ground"),
        (json.dumps({"points": PLAIN, "camera_height": "6"}), "camera_height is '6'"),
    ],
)
def test_files_that_are_no_ground(tmp_path, text, said):
    file = tmp_path / "ground.json"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        read_ground(file)
    assert said in caught.value.message
    assert "ground.json" in caught.value.message


@pytest.mark.parametrize(
    ("per_square_metre", "walkway", "queueing", "danger"),
    [
        (0.0, "A", "A", ""),
        (0.3, "A", "A", ""),  # 35.9 square feet a person
        (0.4, "B", "A", ""),  # 26.9
        (0.7, "C", "A", ""),  # 15.4
        (0.8, "D", "A", ""),  # 13.5
        (1.0, "D", "B", ""),  # 10.8
        (1.5, "E", "C", ""),  # 7.2
        (3.5, "F", "D", ""),  # 3.1
        (5.2, "F", "E", "dense"),  # 2.07
        (7.0, "F", "F", "fluid"),
    ],
)
def test_levels(per_square_metre, walkway, queueing, danger):
    assert CrowdLevel.of(per_square_metre) == CrowdLevel(walkway, queueing, danger)


def zones(shapes):
    return as_zones({name: np.asarray(shape).tolist() for name, shape in shapes.items()})
