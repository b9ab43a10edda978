"""Draw the counts of clips over time."""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from crowdkit_core.errors import DataError
from crowdkit_core.moments import moment
from crowdkit_core.visual.canvas import INK, new_figure

COUNT, SMOOTHED = "#b3a6de", "#6a4fc3"
PANEL = (1000, 330)
"""Width and height of a clip's panel in pixels."""
FEW = 60
"""Counts that are few enough to be marked one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """The counts of a clip.

    Attributes:
        title: What its panel is called.
        times: Seconds from its beginning.
        counts: As many.
        smoothed: As many, or none.
        intervals: (low, high) of each count, or none.
        things: What was counted.
    """

    title: str
    times: Sequence[float]
    counts: Sequence[float]
    smoothed: Sequence[float] = ()
    intervals: Sequence[tuple[float, float]] = ()
    things: str = "people"


def timeline(courses: Sequence[Course]) -> Figure:
    """Picture counts over time, a panel for each clip.

    Raises:
        DataError: There is no count.
    """
    if not any(course.times for course in courses):
        raise DataError("no count to draw over time")
    width, height = PANEL
    figure = new_figure(width, height * len(courses))
    figure.set_layout_engine("constrained")
    panels = figure.subplots(len(courses), 1, squeeze=False).flat
    for axes, course in zip(panels, courses, strict=True):
        _draw(axes, course)
    return figure


def _draw(axes: Axes, course: Course) -> None:
    if course.intervals:
        low, high = zip(*course.intervals, strict=True)
        axes.fill_between(
            course.times, low, high, color=COUNT, alpha=0.25, linewidth=0, label="interval"
        )
    few = len(course.times) <= FEW
    axes.plot(
        course.times,
        course.counts,
        color=COUNT,
        linewidth=1,
        marker="o" if few else None,
        markersize=4,
        label="count",
    )
    if course.smoothed:
        axes.plot(course.times, course.smoothed, color=SMOOTHED, linewidth=2, label="median")
    axes.set_title(course.title, color=INK, loc="left", fontsize=10)
    axes.set_ylabel(course.things, color=INK)
    axes.set_ylim(bottom=0)
    axes.margins(x=0.02)
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 1.5, 2, 3, 5, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: moment(max(seconds, 0.0))))
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9, ncols=3)
