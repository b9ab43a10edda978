"""What `crowdkit count` writes and shows of clips beside the counts themselves."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from crowdkit_core.cli.clip_progress import ClipProgress
from crowdkit_core.cli.video_options import VideoOptions
from crowdkit_core.inference import Counted, CountRow
from crowdkit_core.inference.sources import Source, is_video
from crowdkit_core.inference.timeline import clips_in
from crowdkit_core.moments import moment
from crowdkit_core.visual import save
from crowdkit_core.visual.film import Film
from crowdkit_core.visual.painting import Painter
from crowdkit_core.visual.timeline import Course, timeline


class ClipOutputs:
    """The video, the plot and the progress bar of clips; as a context, for the video's sake.

    Args:
        options: Which of them.
        sources: What is counted.
        things: What is counted in it, in the plural.
    """

    def __init__(self, options: VideoOptions, sources: Sequence[Source], things: str) -> None:
        self._plot = options.plot
        self._things = things
        self._film = None if options.video is None else Film(options.video)
        self._painter = Painter()
        self._clips = {str(each): each for each in sources if is_video(each)}
        self._progress = ClipProgress(self._clips)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.close()
        if self._film is not None:
            self._film.__exit__(kind, error, trace)

    def add(self, counted: Counted) -> None:
        """Film a counted frame and move the bar; images and stacks are let by."""
        if counted.name not in self._clips or counted.time is None:
            return
        if self._film is not None:
            picture = self._painter.paint(
                counted.pixels,
                caption=f"{moment(counted.time)}  {counted}",
                density=counted.density,
                stride=counted.stride,
                points=None if counted.points is None else counted.points.xy,
                roi=counted.roi,
                zones=counted.shown_zones,
            )
            self._film.add(picture, counted.time)
        self._progress.move(counted.name, counted.time)

    def draw(self, rows: Sequence[CountRow]) -> None:
        """Draw the counts of clips over time, where that is asked for and there are any."""
        courses = [self._course(name, clip) for name, clip in clips_in(rows).items()]
        if self._plot is not None and courses:
            save(timeline(courses), self._plot)

    def _course(self, name: str, clip: Sequence[CountRow]) -> Course:
        return Course(
            title=Path(name).name,
            times=[row.time or 0.0 for row in clip],
            counts=[row.count for row in clip],
            smoothed=[row.smoothed for row in clip if row.smoothed is not None],
            intervals=[
                (row.low, row.high) for row in clip if row.low is not None and row.high is not None
            ],
            things=self._things,
        )
