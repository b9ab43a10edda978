"""Several zones at once: their people add up, whatever their shapes, regions and overlaps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowdkit_core.errors import DataError, IncompatibleError
from crowdkit_core.inference import Model, as_zones, count
from crowdkit_core.interfaces import MapSpec, Prediction
from crowdkit_core.testing.toys import ToyCounter

SIZE = (24, 30)
LEFT = [[0, 0], [10, 0], [10, 24], [0, 24]]
RIGHT = [[10, 0], [30, 0], [30, 24], [10, 24]]
corner = st.tuples(st.floats(-5, 35), st.floats(-5, 30))
polygon = st.lists(corner, min_size=3, max_size=5)


class MapCounter(ToyCounter):
    """Gives one map, and its sum or another count, for any image."""

    def __init__(self, density, stride, count=None):
        super().__init__()
        self.outputs = {"density": MapSpec("density", stride)}
        self.density = density
        self.total = count
        self.direct_count = count is not None

    def forward(self, images):
        prediction = Prediction.from_density(
            self.density[None, None], self.outputs["density"].stride
        )
        if self.total is None:
            return prediction
        return Prediction(
            count=torch.tensor([self.total]), density=prediction.density, stride=prediction.stride
        )


def photo(*places):
    image = torch.zeros(3, *SIZE, dtype=torch.uint8)
    for x, y in places:
        image[0, y, x] = 255
    return image


def by_name(counted):
    return {zone.name: zone for zone in counted.zones}


def test_people_are_in_their_zones_and_elsewhere(make_counter, localizer):
    zones = {"a": LEFT, "b": [[20, 0], [30, 0], [30, 24], [20, 24]]}
    image = photo((3, 4), (9, 23), (10, 0), (29, 20))
    model = Model(counter=make_counter("BrightnessCounter"), localizer=localizer)
    counted = model(image, zones=zones)
    found = by_name(counted)
    assert [zone.name for zone in counted.zones] == ["a", "b", "elsewhere"]
    assert {name: zone.count for name, zone in found.items()} == pytest.approx(
        {"a": 2, "b": 1, "elsewhere": 1}
    )
    assert [zone.points_found for zone in counted.zones] == [2, 1, 1]
    assert [zone.area_pixels for zone in counted.zones] == [240, 240, 240]
    assert counted.count == pytest.approx(4)
    assert found["a"].outline[:, :10].all()
    assert not found["a"].outline[:, 10:].any()
    assert found["a"].square_metres is found["a"].level is counted.per_square_metre is None


def test_nobody_is_counted_in_zones_to_exclude(make_counter, localizer):
    zones = {"a": LEFT, "exclude": [*LEFT[:2], [10, 12], [0, 12]], "exclude sky": RIGHT}
    image = photo((3, 4), (9, 23), (10, 0), (29, 20))
    counted = count(make_counter("BrightnessCounter"), image, zones=zones, localizer=localizer)
    assert counted.whole_count == pytest.approx(4)
    assert counted.count == pytest.approx(1)
    assert by_name(counted)["a"].count == pytest.approx(1)
    assert by_name(counted)["elsewhere"].area_pixels == 0
    assert counted.points.xy.tolist() == [[9.5, 23.5]]
    assert counted.density.sum().item() == pytest.approx(1)


def test_a_cell_that_a_border_cuts_is_shared_by_area():
    counter = MapCounter(torch.full((3, 4), 8.0), 8)
    zones = {"a": LEFT, "b": RIGHT}
    shares = by_name(count(counter, photo(), zones=zones))
    # columns of cells end at 8, 16, 24 and, cut off, 30: a has one and a quarter of the second
    assert shares["a"].count == pytest.approx(3 * 8 * 1.25)
    assert shares["b"].count == pytest.approx(3 * 8 * 2.75)


@given(
    shapes=st.lists(polygon, min_size=1, max_size=4),
    excluded=st.lists(polygon, max_size=2),
    roi=st.none() | st.just([[2, 3], [27, 1], [20, 22]]),
    stride=st.sampled_from([1, 4, 7]),
    direct=st.none() | st.floats(0, 50),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_zones_elsewhere_and_excluded_are_the_whole(shapes, excluded, roi, stride, direct, seed):
    cells = -(-SIZE[0] // stride), -(-SIZE[1] // stride)
    density = torch.rand(cells, generator=torch.Generator().manual_seed(seed)) - 0.2
    zones = {str(number): shape for number, shape in enumerate(shapes)}
    zones |= {f"exclude {number}": shape for number, shape in enumerate(excluded)}
    counter = MapCounter(density, stride, direct)
    try:
        counted = count(counter, photo(), zones=zones, roi=roi)
    except DataError:  # nothing is left of a zone
        return
    assert len(counted.zones) == len(shapes) + 1
    assert sum(zone.count for zone in counted.zones) == pytest.approx(counted.count, abs=1e-4)
    assert counted.whole_count == pytest.approx(
        density.sum().item() if direct is None else direct, abs=1e-4
    )
    outlines = torch.stack([zone.outline for zone in counted.zones])
    assert (outlines.sum(0) <= 1).all()
    if counted.roi is None:
        assert outlines.any(0).all()
        assert counted.count == counted.whole_count
    else:
        assert torch.equal(outlines.any(0), counted.roi)
        left_out = count(MapCounter(density, stride), photo(), roi=~counted.roi).count
        assert counted.count + left_out == pytest.approx(density.sum().item(), abs=1e-4)


@given(shapes=st.lists(polygon, min_size=1, max_size=3))
@settings(deadline=None, max_examples=30)
def test_a_zone_counts_what_a_region_of_its_pixels_counts(shapes):
    density = torch.rand(6, 8, generator=torch.Generator().manual_seed(0))
    counter = MapCounter(density, 4)
    try:
        zones = count(counter, photo(), zones={f"{n}": s for n, s in enumerate(shapes)}).zones
    except DataError:
        return
    for zone in zones:
        if zone.area_pixels:
            alone = count(counter, photo(), roi=zone.outline).count
            assert zone.count == pytest.approx(alone, abs=1e-4)


def test_where_zones_overlap_the_first_named_has_the_people(make_counter):
    wide = [[5, 0], [30, 0], [30, 24], [5, 24]]
    image = photo((7, 4))
    counter = make_counter("BrightnessCounter")
    first = count(counter, image, zones={"a": LEFT, "wide": wide})
    assert [zone.count for zone in first.zones] == pytest.approx([1, 0, 0])
    assert first.notes == (
        "20% of zone 'wide' lies in zones named before it, which have the people there",
    )
    second = count(counter, image, zones={"wide": wide, "a": LEFT})
    assert [zone.count for zone in second.zones] == pytest.approx([1, 0, 0])


def test_a_count_that_is_not_the_sum_of_its_map_is_shared_all_the_same():
    density = torch.zeros(24, 30)
    density[:, :10] = 1 / 240
    density[:, 10:] = 3 / 480
    counted = count(MapCounter(density, 1, 8.0), photo(), zones={"a": LEFT})
    assert [zone.count for zone in counted.zones] == pytest.approx([2, 6])
    nobody = count(MapCounter(density * 0, 1, 0.5), photo(), zones={"a": LEFT})
    assert [zone.count for zone in nobody.zones] == pytest.approx([0, 0.5])


def test_masks_and_images_of_labels():
    labels = np.zeros(SIZE, dtype=np.uint16)
    labels[:, :10], labels[:5, 20:] = 7, 300
    masks = {"7": labels == 7, "300": torch.from_numpy(labels == 300)}
    counter = MapCounter(torch.rand(24, 30, generator=torch.Generator().manual_seed(1)), 1)
    counts = [
        {zone.name: zone.count for zone in count(counter, photo(), zones=zones).zones}
        for zones in (labels, torch.from_numpy(labels.astype(np.int32)), masks)
    ]
    assert counts[0] == counts[1] == counts[2]
    assert set(counts[0]) == {"7", "300", "elsewhere"}
    with pytest.raises(
        DataError, match=r"zones: made for images of 30 x 24 pixels, this one is 8 x 6"
    ):
        count(counter, torch.zeros(3, 6, 8, dtype=torch.uint8), zones=labels)


def test_a_pure_count_cannot_be_shared_out(make_counter):
    with pytest.raises(IncompatibleError, match="cannot be shared out among zones"):
        count(make_counter("PureCounter"), photo(), zones={"a": LEFT})


@pytest.mark.parametrize(
    ("zones", "said"),
    [
        ({}, "zones: no zones"),
        ({"a": [[40, 0], [50, 0], [50, 9]]}, "zone 'a' lies outside the image (30 x 24 pixels)"),
        ({"a": RIGHT, "b": RIGHT}, "zone 'b' lies wholly in zones named before it"),
        ({"a": LEFT, "exclude": LEFT}, "zone 'a' lies wholly in zones named before it or where"),
        ({"elsewhere": LEFT}, "a zone named 'elsewhere'"),
        ({"a": LEFT, " a ": RIGHT}, "2 zones named 'a'"),
        ({"": LEFT}, "a zone without a name"),
        ({"a": [[0, 0], [1, 1]]}, "zone 'a' is not a polygon"),
        ({"a": [[0, 0], [1e12, 0], [1, 1]]}, "zone 'a' has a corner that is no place"),
        (np.zeros(SIZE), "float64 of shape (24, 30), expected whole numbers (H, W)"),
        (np.zeros(SIZE, dtype=np.uint8), "zones: no zones"),
        (np.arange(720).reshape(SIZE), "719 zones, at most 250"),
    ],
)
def test_zones_that_are_none(zones, said):
    with pytest.raises(DataError) as caught:
        count(MapCounter(torch.ones(24, 30), 1), photo(), zones=zones)
    assert said in caught.value.message


def test_images_of_one_size_share_a_division(make_counter):
    counter, zones = make_counter("BrightnessCounter"), as_zones({"a": LEFT})
    roi = torch.ones(SIZE, dtype=torch.bool)
    roi[:3] = False
    first, second = (count(counter, photo(), zones=zones, roi=roi.clone()) for _ in range(2))
    assert first.division is second.division
    assert count(counter, photo(), zones=zones).division is not first.division
