"""Options of `crowdkit count` for clips, streams and cameras."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crowdkit_core.errors import UsageError

if TYPE_CHECKING:  # brings torch along
    from crowdkit_core.inference.sources import Source, Span

FilePath = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoOptions:
    """What the options say, not yet looked at.

    Attributes:
        every: From one counted frame to the next.
        smooth: Window of the median over time; 0 for none.
        video: Where the counted frames go.
        plot: Where the counts over time go.
    """

    every: str | None
    smooth: str
    video: Path | None
    plot: Path | None

    @property
    def step(self) -> "Span | None":
        """From one counted frame to the next; None for all.

        Raises:
            UsageError: ``--every`` makes no sense.
        """
        from crowdkit_core.inference.sources import Span

        return None if self.every is None else Span.of(self.every, "--every")

    @property
    def window(self) -> "Span | None":
        """Of the median over time; None for none.

        Raises:
            UsageError: ``--smooth`` makes no sense.
        """
        from crowdkit_core.inference.sources import Span

        return None if self.smooth == "0" else Span.of(self.smooth, "--smooth")

    def require_fit(self, sources: Sequence["Source"]) -> None:
        """Refuse, before any work, what cannot be done with these sources.

        Raises:
            UsageError: Options for clips and no clip, a video of several, or a wrong ending.
            MissingPackageError: There is a clip, and PyAV is not installed.
        """
        from crowdkit_core.inference.sources import is_video
        from crowdkit_core.pyav import pyav
        from crowdkit_core.visual.film import SUFFIXES

        clips = [source for source in sources if is_video(source)]
        given = {"--every": self.every, "--video": self.video, "--plot": self.plot}
        for option, value in given.items():
            if value is not None and not clips:
                raise UsageError(
                    f"{option} is for clips and cameras, and there is none among the images"
                )
        if self.video is not None and len(sources) > 1:
            raise UsageError(f"--video shows one clip, and {len(sources)} files are given")
        _require_ending("--video", self.video, SUFFIXES)
        _require_ending("--plot", self.plot, (".png",))
        _ = self.step, self.window
        if clips:
            pyav()


def video_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as ``of_video``, a `VideoOptions`."""

    @wraps(command)
    def collected(
        *args: Any,
        every: str | None,
        smooth: str,
        video: Path | None,
        plot: Path | None,
        **others: Any,
    ) -> Any:
        options = VideoOptions(every=every, smooth=smooth, video=video, plot=plot)
        return command(*args, of_video=options, **others)

    for option in reversed(_OPTIONS):
        collected = option(collected)
    return collected


_OPTIONS: tuple[Callable[..., Any], ...] = (
    click.option(
        "--every",
        metavar="TIME",
        help="Of clips and cameras: count the first frame at or after each such step (1s, 500ms, "
        "2min, or 5f for frames); all frames by default.",
    ),
    click.option(
        "--smooth",
        metavar="TIME",
        default="5f",
        show_default=True,
        help="Of clips: also give the median of counts over such a window (5s, or 5f for counted "
        "frames); 0 for none.",
    ),
    click.option(
        "--video", type=FilePath, help="Write the counted frames of one clip, drawn (.mp4)."
    ),
    click.option("--plot", type=FilePath, help="Draw the counts of clips over time (.png)."),
)


def _require_ending(option: str, file: Path | None, endings: Sequence[str]) -> None:
    if file is not None and file.suffix.lower() not in endings:
        raise UsageError(f"{option} {file}: expected a name that ends in {' or '.join(endings)}")
