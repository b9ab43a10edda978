"""CVAT for video 1.1: a track for each person, with a shape for each frame.

The export lists every frame from a track's first to its last, those between keyframes as CVAT
interpolates them. A shape that is not part of a track is a track of one frame, followed by one in
which it is outside.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element

from crowdkit_core.data.annotations.formats.cvat_shapes import is_outside, marks_of
from crowdkit_core.data.annotations.formats.records import Record
from crowdkit_core.data.annotations.marks import BoxPoint, Mark, MarkedImage
from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

_STEP = "step="


def read_tracks(file: TextFile, root: Element, point: BoxPoint) -> list[MarkedImage]:
    """The frames in which anybody is marked, in their order.

    Raises:
        DataError: A shape cannot be read, or the frames between keyframes are missing.
    """
    step = _step(file, root)
    complete = any(shape.get("keyframe") == "0" for shape in root.iterfind("track/*"))
    marks: defaultdict[int, list[Mark]] = defaultdict(list)
    left_out: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for number, track in enumerate(root.iterfind("track"), 1):
        shapes = [*_shapes(file, f"track {number}", track)]
        _require_one_shape(shapes)
        if not complete:
            _require_every_frame(shapes, step)
        label = track.get("label", "")
        for frame, shape, said in shapes:
            if not is_outside(shape):  # the end of a track says nothing of others in its frame
                marks[frame] += marks_of(shape, said, point, left_out[frame], label=label)
                left_out[frame]["tracks"] += 1
    size = root.find("meta/*/original_size")
    sides = {} if size is None else {side.tag: side.text for side in size}
    return [
        MarkedImage(
            name=f"frame_{frame:06d}",
            marks=tuple(marks[frame]),
            size=Record(file, "original_size", sides).size("height", "width"),
            left_out=+left_out[frame],
        )
        for frame in sorted(marks)
    ]


def _shapes(file: TextFile, place: str, track: Element) -> Iterator[tuple[int, Element, Record]]:
    """The shapes of a track with their frames, in the order of these."""
    found = []
    for number, shape in enumerate(track, 1):
        said = Record(file, f"{place}, {shape.tag} {number}", shape.attrib)
        frame = said.number("frame")
        if not frame.is_integer() or frame < 0:
            raise said.error(f"frame is {frame}, expected a whole number from 0")
        found.append((int(frame), shape, said))
    return iter(sorted(found, key=lambda each: each[0]))


def _require_one_shape(shapes: list[tuple[int, Element, Record]]) -> None:
    """Refuse a person who is twice in one frame, as where two jobs overlap."""
    visible = [(frame, said) for frame, shape, said in shapes if not is_outside(shape)]
    for (frame, _), (following, said) in pairwise(visible):
        if frame == following:
            raise said.error(f"the track has two shapes in frame {frame}, expected one")


def _require_every_frame(shapes: list[tuple[int, Element, Record]], step: int) -> None:
    """Refuse a person who is there, but not said to be where, between two keyframes."""
    for (frame, shape, said), (following, *_) in pairwise(shapes):
        if following - frame > step and not is_outside(shape):
            error = said.error(f"nothing about the frames between {frame} and {following}")
            raise DataError(
                error.message,
                hint="the file has keyframes alone; import it into CVAT and export it again, as "
                "'CVAT for images 1.1' or 'CVAT for video 1.1', which have every frame",
            )


def _step(file: TextFile, root: Element) -> int:
    """Every how many frames of the video one is in the task."""
    text = root.findtext("meta/*/frame_filter") or ""
    if not text.startswith(_STEP):
        return 1
    return int(Record(file, "frame_filter", {"step": text.removeprefix(_STEP)}).number("step"))
