"""Open image files: what is none, is cut short or is more than one image is refused by name."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from crowdkit_core.data.files.silence import decoders_silenced
from crowdkit_core.errors import DataError, MissingFileError, TooLargeError

_HEIF_SUFFIXES = frozenset({".heic", ".heif"})
_SUBFILE_TYPE, _REDUCED = 254, 1
"""TIFF's tag that says what a page is, and its bit for a smaller copy of another."""
_CHANNELS, _EXTRA_CHANNELS, _UNSPECIFIED = 277, 338, 0
"""TIFF's tags for how many channels there are and what extra ones mean, and one that is unsaid."""


@contextmanager
def opened(path: str | Path, *, animated: bool = False) -> Iterator[Image.Image]:
    """The image of a file, its pixels not decoded yet; Pillow's complaints are silenced inside.

    Args:
        path: The file.
        animated: It may be an animation, of which the caller takes each frame.

    Raises:
        DataError: Missing, empty, cut short, no image, several images (an animation, a stack), or
            of more pixels than Pillow's limit (`TooLargeError`).
    """
    path = Path(path)
    require_file(path)
    if path.suffix.lower() in _HEIF_SUFFIXES:
        _register_heif(path)
    try:
        # large, odd metadata: only errors matter here
        # A file, not its name: Pillow maps rows of named ones by their size once turned
        with decoders_silenced(), path.open("rb") as file, Image.open(file) as image:
            if not animated:
                _require_one(image, path)
            _require_colours(image, path)
            yield image
    except DataError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(f"{path}: not an image, or its header is damaged") from error
    except Image.DecompressionBombError as error:
        raise TooLargeError(
            f"{path}: too large to be read at once, refused before decoding: {error}",
            hint="`crowdkit count` reads it in parts; for other uses cut it or save it smaller",
        ) from error
    except MemoryError:
        raise
    except Exception as error:  # decoders raise anything on a damaged file
        raise DataError(f"{path}: cannot be read as an image: {error}") from error


def is_lossy(image: Image.Image, path: str | Path) -> bool:
    """Whether an opened file's format changes pixels a little to make it smaller.

    AVIF, HEIC and JPEG 2000, each of which can be both, are taken for such.
    """
    if image.format == "WEBP":
        with Path(path).open("rb") as file:
            return file.read(16).endswith(b"VP8 ")  # VP8L is lossless
    compressed = image.format == "TIFF" and image.info.get("compression") == "jpeg"
    return compressed or image.format in {"JPEG", "MPO", "JPEG2000", "AVIF", "HEIF"}


def require_file(path: Path, expected: str = "an image") -> None:
    """Refuse what is no file, or an empty one.

    Raises:
        DataError: Says what was expected.
    """
    try:
        there = path.exists()
    except OSError as error:  # such as a name that is too long
        raise DataError(f"{path}: cannot be read as {expected}: {error.strerror}") from error
    if not there:
        raise MissingFileError(f"{path}: no such file")
    if path.is_dir():
        raise DataError(f"{path}: a folder, expected {expected} file")
    if not path.is_file():  # opening a pipe would wait for ever
        raise DataError(f"{path}: a pipe, socket or device, expected {expected} file")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: cannot be read as {expected}: {error}") from error
    if size == 0:
        raise DataError(f"{path}: the file is empty (0 bytes), expected {expected}")


def _register_heif(path: Path) -> None:
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError as error:
        raise DataError(
            f"{path}: HEIC pictures need the package pillow-heif",
            hint="pip install 'crowdkit-core[heic]', or save them as JPEG",
        ) from error


def is_one_image(image: Image.Image) -> bool:
    """Whether a file's other images, if it has any, are previews or smaller copies of its first."""
    number = getattr(image, "n_frames", 1)
    if number == 1 or image.format in {"MPO", "HEIF"}:  # a photograph and its previews
        return True
    if image.format == "TIFF" and all(_is_smaller_copy(image, page) for page in range(1, number)):
        image.seek(0)
        return True
    return False


def _require_one(image: Image.Image, path: Path) -> None:
    """Refuse files of which one image would be read and others left out without a word."""
    if is_one_image(image):
        return
    kind = "pages (frames, slices or channels)" if image.format == "TIFF" else "frames"
    raise DataError(
        f"{path}: {getattr(image, 'n_frames', 1)} {kind}, expected one image",
        hint="`crowdkit count` counts each; elsewhere save the one to use as a file of its own",
    )


def _require_colours(image: Image.Image, path: Path) -> None:
    """Refuse a TIFF with channels that are neither colours nor transparency: they would be lost."""
    tags = getattr(image, "tag_v2", {})
    if _UNSPECIFIED in tags.get(_EXTRA_CHANNELS, ()):
        raise DataError(
            f"{path}: {tags.get(_CHANNELS)} channels, expected grey or RGB",
            hint="save the channels to count in as a file of their own",
        )


def _is_smaller_copy(image: Image.Image, page: int) -> bool:
    image.seek(page)
    tags = getattr(image, "tag_v2", {})
    return bool(tags.get(_SUBFILE_TYPE, 0) & _REDUCED)
