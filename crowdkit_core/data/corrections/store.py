"""Keep corrected images and their points in a folder, of which every state can be trained on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crowdkit_core.data.annotations import MarkedImage, read_annotations, write_annotations
from crowdkit_core.data.annotations.marks import SPLIT_NAMES
from crowdkit_core.data.annotations.whole_files import named_table
from crowdkit_core.data.corrections.names import free_stem, safe_stem, safe_suffix
from crowdkit_core.data.datasets.framing import frame_points, require_pixels
from crowdkit_core.data.files import IMAGE_SUFFIXES, files_in, image_size, read_image
from crowdkit_core.errors import CrowdkitError, DataError, UsageError
from crowdkit_core.files import atomic_write, remove_leftovers
from crowdkit_core.folder_lock import locked

PATIENCE = 30.0
"""Seconds to wait for another process that writes to the folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """An image and who is in it.

    Attributes:
        name: Of its file in the folder; what `Corrections` knows it by.
        path: The file, with the bytes that were given.
        points: (N, 2) x, y in pixels of the image as it is looked at, corner origin.
    """

    name: str
    path: Path
    points: NDArray[np.float64]


class Corrections:
    """Corrected images in a folder: each as it was given, with a text file of its points beside it.

    The folder is a data set `folder`, for `crowdkit data check`, `crowdkit train` and
    `crowdkit finetune`. It is one at every moment: points are there before their image is, an image
    goes before its points do, and each file takes its place at once. A process that is killed
    loses at most what it was about to add. Several may write to one folder.

    Args:
        folder: Made when the first image is added.

    Raises:
        UsageError: It is a file, or its images are annotated in another way.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise UsageError(f"{self.folder}: is a file, expected a folder for corrected images")
        other = named_table(self.folder) if self.folder.is_dir() else None
        others = [other, *(self.folder / name for name in SPLIT_NAMES)]
        for each in others:
            if each is not None and each.exists():
                raise UsageError(
                    f"{each}: the folder holds a data set of another kind",
                    hint="choose a folder of its own for corrected images",
                )

    def add(self, image: bytes | str | Path, points: ArrayLike, *, name: str = "") -> str:
        """Keep an image and its points; of an image that is there already, only the points.

        Args:
            image: The bytes of a file, or the file.
            points: (N, 2) x, y in pixels of the image as it is looked at (its EXIF orientation
                applied), corner origin; empty for nobody. Those a little outside are moved onto
                the border.
            name: What to call it; the file's own name by default. Whatever it holds, the file is
                in the folder: folders in it are left out and unusual characters replaced.

        Returns:
            The name of its file. Another image of the same name gets a number.

        Raises:
            DataError: It cannot be read as an image, or the points are not its.
            CrowdkitError: Nothing can be written to the folder.
        """
        content = image if isinstance(image, bytes) else _bytes_of(Path(image))
        called = name or ("" if isinstance(image, bytes) else Path(image).name)
        with self._writing():
            known = self._with_content(content)
            if known is not None:
                self._replace(self.folder / known, points)
                return known
            stem = free_stem(safe_stem(called), [each.stem for each in self.folder.iterdir()])
            path = self.folder / (stem + safe_suffix(called, content))
            with atomic_write(path) as temporary:
                temporary.write_bytes(content)
                xy = _points_in(points, _checked(temporary, called or path.name), called)
                self._write(path, xy)
        return path.name

    def set_points(self, name: str, points: ArrayLike) -> None:
        """Replace the points of an image.

        Raises:
            UsageError: There is no such image.
            DataError: The points are not its.
        """
        path = self._path(name)
        with self._writing():
            self._replace(path, points)

    def points(self, name: str) -> NDArray[np.float64]:
        """(N, 2) points of an image.

        Raises:
            UsageError: There is no such image.
            DataError: Its points cannot be read.
        """
        (marked,) = read_annotations(_list_of(self._path(name)), format="txt")
        return marked.points

    def remove(self, name: str) -> None:
        """Take an image and its points out of the folder.

        Raises:
            UsageError: There is no such image.
        """
        path = self._path(name)
        with self._writing():
            path.unlink(missing_ok=True)
            _list_of(path).unlink(missing_ok=True)

    @property
    def names(self) -> list[str]:
        """Names of the images that have points, in natural order."""
        found = files_in(self.folder, IMAGE_SUFFIXES)
        return [each.name for each in found if _list_of(each).is_file()]

    def __len__(self) -> int:
        return len(self.names)

    def __contains__(self, name: str) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[Correction]:
        for name in self.names:
            yield Correction(name=name, path=self.folder / name, points=self.points(name))

    def _path(self, name: str) -> Path:
        if name not in self.names:
            raise UsageError(f"{self.folder}: no corrected image named {name!r}")
        return self.folder / name

    def _with_content(self, content: bytes) -> str | None:
        """The name of the image that has exactly these bytes."""
        for name in self.names:
            path = self.folder / name
            if path.stat().st_size == len(content) and path.read_bytes() == content:
                return name
        return None

    def _replace(self, image: Path, points: ArrayLike) -> None:
        self._write(image, _points_in(points, image_size(image), image.name))

    def _write(self, image: Path, points: NDArray[np.float64]) -> None:
        marked = MarkedImage.of_points(image.name, points)
        write_annotations(self.folder, [marked], format="txt", overwrite=True)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with locked(self.folder, hint="try again", wait=PATIENCE):
                remove_leftovers(self.folder)
                yield
        except OSError as error:
            raise CrowdkitError(
                f"{self.folder}: an image cannot be kept here: {error.strerror or error}"
            ) from error


def _list_of(image: Path) -> Path:
    return image.with_suffix(".txt")


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def _checked(file: Path, called: str) -> tuple[int, int]:
    """(H, W) of an image that can be read whole."""
    try:
        height, width = read_image(file).shape[-2:]
    except DataError as error:
        raise DataError(error.message.replace(str(file), called), hint=error.hint) from error
    return height, width


def _points_in(points: ArrayLike, size: tuple[int, int], source: str) -> NDArray[np.float64]:
    try:
        xy = np.asarray(points, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{source}: points are not numbers: {error}") from error
    xy = xy.reshape(-1, 2) if xy.size == 0 else xy
    if xy.ndim != 2 or xy.shape[1] != 2:
        raise DataError(f"{source}: points have shape {xy.shape}, expected (N, 2)")
    framed, _ = frame_points(xy, size, source=source)
    require_pixels(framed, source)
    return framed
