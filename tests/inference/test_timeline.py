"""Counts over time: the median within a window, and what a clip comes to."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crowdkit_core.inference import CountRow
from crowdkit_core.inference.sources import Span
from crowdkit_core.inference.timeline import ClipCounts, smoothed


def row(count, time, file="clip.mp4"):
    return CountRow(
        file=file,
        count=count,
        whole_count=count,
        width=4,
        height=3,
        approximate=False,
        time=time,
    )


COUNTS = st.lists(
    st.tuples(st.floats(0, 500), st.integers(0, 12)), min_size=1, max_size=30
)  # counts, and quarters of seconds to the next one


@given(COUNTS, st.sampled_from([0.25, 0.5, 1.0, 3.0]))
def test_medians_are_of_all_counts_in_the_window(counts, window):
    rows, time = [], 0.0
    for count, quarters in counts:
        rows.append(row(count, time))
        time += quarters / 4
    for each in smoothed(rows, Span.of(window, "smooth")):
        near = [other.count for other in rows if abs(other.time - each.time) <= window / 2]
        assert each.smoothed == pytest.approx(median(near))


@given(COUNTS, st.sampled_from([1, 2, 3, 5, 8]))
def test_a_window_of_frames_goes_by_their_places(counts, window):
    rows = [row(count, float(place)) for place, (count, _) in enumerate(counts)]
    side = (window - 1) // 2
    for place, each in enumerate(smoothed(rows, Span.of(f"{window}f", "smooth"))):
        near = [other.count for other in rows[max(place - side, 0) : place + side + 1]]
        assert each.smoothed == pytest.approx(median(near))


def test_a_flash_does_not_show_and_clips_and_images_are_kept_apart():
    rows = [row(count, float(time)) for time, count in enumerate([5.0, 5.0, 90.0, 6.0, 6.0])]
    other = [row(1.0, 0.0, "other.mp4"), row(7.0, None, "photo.jpg")]
    found = smoothed([*rows, *other], Span.of("3f", "smooth"))
    assert [each.smoothed for each in found] == [5.0, 5.0, 6.0, 6.0, 6.0, 1.0, None]
    assert [each.count for each in found] == [5.0, 5.0, 90.0, 6.0, 6.0, 1.0, 7.0]


def test_what_a_clip_comes_to():
    rows = [row(1.0, 0.0), row(9.0, 72.5), row(9.0, 80.0), row(2.0, 81.0)]
    assert str(ClipCounts.of(rows)) == "4 frames: mean 5.2, median 5.5, maximum 9.0 at 1:12.5"
