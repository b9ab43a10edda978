"""Take files from a visitor: what they are is checked before anything of them is decoded."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import to_pil_image

from crowdkit_core.data.files import VIDEO_SUFFIXES, image_size, read_image
from crowdkit_core.data.large import is_slide
from crowdkit_core.errors import CrowdkitError, DataError, UsageError
from crowdkit_core.inference import Counted
from crowdkit_core.inference.sources import Reading, Span, clip_seconds, images_in
from crowdkit_core.interfaces import LargeImage, Size
from crowdkit_core.visual.canvas import display_size, shown_photo
from crowdkit_page.dots import Dots
from crowdkit_page.limits import MEGA, Limits
from crowdkit_page.places import Places

SIDE = 1600
"""Longer side of the picture in the browser at most, in pixels."""

FRAMES = 24
"""Of a clip at most, evenly spread over it."""

_POSTSCRIPT = (b"%!PS", b"\xc5\xd0\xd3\xc6")
"""How files begin that Pillow would have Ghostscript run."""

LONGEST_NAME = 120
"""Letters of a name; longer ones are cut before the ending."""


@dataclass(kw_only=True)
class Photo:
    """One photo of a visitor, or one frame of a clip.

    Attributes:
        name: What the visitor calls it. It is data: shown as text, never part of a path.
        path: Where the session keeps it.
        preview: A JPEG of it in `shown_size`, which is what the browser gets.
        size: (H, W) in pixels.
        time: Seconds from the beginning of its clip; None for a photo.
        counted: What a counter says of it; None before.
        dots: Where people are.
        places: What is drawn on it.
        kept: Its name among the corrections; empty while it is not there.
        key: By which its visitor's browser asks for it.
    """

    name: str
    path: Path
    preview: Path
    size: Size
    time: float | None = None
    counted: Counted | None = None
    dots: Dots = field(default_factory=Dots)
    places: Places = field(default_factory=Places)
    kept: str = ""
    key: str = field(default_factory=lambda: secrets.token_urlsafe(12))

    @property
    def shown_size(self) -> Size:
        """(H, W) in which the browser shows it: never larger than it is."""
        return _shown_size(self.size)

    def remove(self) -> None:
        """Remove its files."""
        self.path.unlink(missing_ok=True)
        self.preview.unlink(missing_ok=True)

    def take_count(self, counted: Counted) -> None:
        """Take what a counter says; dots that somebody corrected stay."""
        self.counted = replace(counted, name=self.name)
        if not self.dots.is_corrected:
            points = [] if counted.points is None else counted.points.xy.tolist()
            self.dots = Dots.of(points)


def receive(path: Path, name: str, limits: Limits, room: int) -> list[Photo]:
    """The photos of a file that a visitor sent: one, or the frames of a clip.

    Args:
        path: Where the file is; of a clip, its frames are put beside it and it is removed.
        name: What the visitor calls it.
        limits: What is taken.
        room: How many more photos are.

    Raises:
        UsageError: There is no room.
        DataError: It is neither a photo nor a clip, is damaged, or has too many pixels; the
            message has the visitor's name of it, not the server's.
    """
    name = plain_name(name)
    if room < 1:
        raise UsageError(
            f"{name}: {limits.files} photos are here already",
            hint="remove some, or all of them",
        )
    try:
        if path.suffix in VIDEO_SUFFIXES:
            return list(_frames(path, name, limits, min(room, FRAMES)))
        return [_photo(path, name, limits)]
    except CrowdkitError as error:
        path.unlink(missing_ok=True)
        raise _in_visitor_s_words(error, path, name) from error
    except (OSError, MemoryError) as error:
        path.unlink(missing_ok=True)
        raise DataError(f"{name}: cannot be read: {type(error).__name__}") from error


def plain_name(name: str) -> str:
    """A visitor's name of a file without folders and without what cannot be printed.

    Example:
        >>> plain_name("../../holiday.jpg"), plain_name("")
        ('holiday.jpg', 'photo')
    """
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip()
    if printable in {"", ".", ".."}:
        return "photo"
    if len(printable) <= LONGEST_NAME:
        return printable
    ending = Path(printable).suffix[:12]
    return printable[: LONGEST_NAME - len(ending)] + ending


def safe_suffix(name: str) -> str:
    """The ending of a name in lower case, where it is one that says what a file is.

    Example:
        >>> safe_suffix("a.JPG"), safe_suffix("a.j/../pg"), safe_suffix("a")
        ('.jpg', '', '')
    """
    suffix = Path(plain_name(name)).suffix.lower()
    return suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= 6 else ""


def _photo(path: Path, name: str, limits: Limits) -> Photo:
    if is_slide(path):
        raise DataError(f"{name}: slides are counted by `crowdkit count`, not here")
    if _begin(path).startswith(_POSTSCRIPT):
        raise DataError(f"{name}: a program for printers, not a photo")
    _require_pixels(image_size(path), name, limits)
    return _previewed(path, name, read_image(path))


def _previewed(path: Path, name: str, pixels: Tensor | LargeImage) -> Photo:
    height, width = pixels.shape[-2:]
    size = (height, width)
    preview = path.with_name(f"{path.stem}.preview.jpg")
    shown = Image.fromarray(shown_photo(pixels, _shown_size(size)))
    shown.save(preview, "JPEG", quality=90)
    return Photo(name=name, path=path, preview=preview, size=size)


def _shown_size(size: Size) -> Size:
    return display_size(size, min(SIDE, max(size)))


def _frames(path: Path, name: str, limits: Limits, most: int) -> Iterator[Photo]:
    _refuse_text(path, name)
    seconds = clip_seconds(path) or 1.0
    reading = Reading(every=Span.of(max(seconds / most, 1e-3), "every"))
    try:
        for number, frame in zip(range(most), images_in(path, reading), strict=False):
            _require_pixels(frame.pixels.shape[-2:], name, limits)
            file = path.with_name(f"{path.stem}-{number:03d}.png")
            picture: Image.Image = to_pil_image(frame.pixels)
            picture.save(file, compress_level=1)
            time = frame.time or 0.0
            shown = f"{Path(name).stem}-{time:06.1f}s.png"
            photo = _previewed(file, shown, frame.pixels)
            photo.time = time
            yield photo
    finally:
        path.unlink(missing_ok=True)


def _refuse_text(path: Path, name: str) -> None:
    """Refuse a play list that is named like a clip: FFmpeg would open the files it names."""
    if b"\0" not in _begin(path):
        raise DataError(f"{name}: cannot be read as a video: it is text")


def _begin(path: Path) -> bytes:
    with path.open("rb") as opened:
        return opened.read(1024)


def _require_pixels(size: tuple[int, ...], name: str, limits: Limits) -> None:
    height, width = size
    if height * width > limits.megapixels * MEGA:
        raise DataError(
            f"{name}: {width} x {height} is {height * width / MEGA:.0f} megapixels, at most "
            f"{limits.megapixels:g} are taken here",
            hint="make it smaller, or count it by `crowdkit count`, which reads parts of it",
        )


def _in_visitor_s_words(error: CrowdkitError, path: Path, name: str) -> CrowdkitError:
    """The error with the visitor's name in place of the server's path."""
    said = [text.replace(str(path), name) for text in (error.message, error.hint)]
    kind = UsageError if isinstance(error, UsageError) else DataError
    return kind(said[0], hint=said[1])
