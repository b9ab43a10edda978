"""What the page knows of each visitor, and for how long."""

import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from crowdkit_core.data.corrections import Corrections
from crowdkit_core.data.corrections.names import safe_stem
from crowdkit_core.errors import UsageError
from crowdkit_page.dots import Dots
from crowdkit_page.limits import Limits
from crowdkit_page.photos import Photo, plain_name, receive, safe_suffix
from crowdkit_page.training import Training


@dataclass(kw_only=True)
class Session:
    """One visitor: a browser, by its cookie.

    Attributes:
        folder: Holds the uploads, under names of the server's making; made when there are some.
        limits: What is taken.
        corrections: Corrected photos, which stay.
        given: Files that every visitor finds here at the first visit.
        photos: In the order they came.
        weights: What to count with; None for the first that is offered.
        training: What is being trained, or was last.
        last_seen: Seconds of `time.monotonic` at the last visit.
    """

    folder: Path
    limits: Limits
    corrections: Corrections
    given: tuple[Path, ...] = ()
    photos: list[Photo] = field(default_factory=list)
    weights: str | None = None
    training: Training | None = None
    last_seen: float = field(default_factory=time.monotonic)

    @property
    def room(self) -> int:
        """How many more photos are taken."""
        return self.limits.files - len(self.photos)

    def free_path(self, name: str) -> Path:
        """Where to put a file: nothing of a visitor's name but a plain ending is in it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return self.folder / f"{secrets.token_hex(8)}{safe_suffix(name)}"

    def receive(self, path: Path, name: str) -> list[Photo]:
        """Take a file at a path of `free_path`; arguments and errors as of `photos.receive`."""
        try:
            found = receive(path, name, self.limits, self.room)
        except UsageError:
            path.unlink(missing_ok=True)
            raise
        for photo in found:
            photo.name = self._free_name(photo.name)
            self.photos.append(photo)
        return found

    def restore(self) -> None:
        """Bring what every visitor finds here, and what this one corrected on an earlier day."""
        self._restore_corrected()
        given, self.given = self.given, ()
        kept = {photo.kept for photo in self.photos}
        for file in given:
            if safe_stem(file.name) + safe_suffix(file.name) not in kept and self.room > 0:
                self._bring(file)

    def _restore_corrected(self) -> None:
        here = {photo.kept for photo in self.photos}
        for correction in self.corrections:
            if correction.name in here or self.room < 1:
                continue
            (photo,) = self._bring(correction.path)
            photo.kept = correction.name
            photo.dots = Dots.of(correction.points.tolist(), is_corrected=True)

    def _bring(self, file: Path) -> list[Photo]:
        path = self.free_path(file.name)
        shutil.copyfile(file, path)
        return self.receive(path, file.name)

    def keep(self, photo: Photo, dots: Dots) -> None:
        """Bring the corrections on the disk to what somebody made of the dots of a photo.

        Raises:
            DataError: The photo cannot be read.
            CrowdkitError: Nothing can be written to the folder.
        """
        if not dots.is_corrected:
            if photo.kept in self.corrections:
                self.corrections.remove(photo.kept)
            photo.kept = ""
        elif photo.kept in self.corrections:
            self.corrections.set_points(photo.kept, dots.xy)
        else:
            photo.kept = self.corrections.add(photo.path, dots.xy, name=photo.name)

    def photo(self, key: str) -> Photo | None:
        """The photo of a key; None of another visitor's."""
        return next((photo for photo in self.photos if photo.key == key), None)

    def remove(self, photo: Photo) -> None:
        """Forget a photo and its file."""
        self.photos.remove(photo)
        photo.remove()

    def clear(self) -> None:
        """Forget every photo and remove the files."""
        self.photos.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _free_name(self, name: str) -> str:
        """The name, numbered where another photo has it."""
        taken = {photo.name for photo in self.photos}
        return next(each for each in _numbered(plain_name(name)) if each not in taken)


def _numbered(name: str) -> Iterator[str]:
    yield name
    path, number = Path(name), 2
    while True:
        yield f"{path.stem}-{number}{path.suffix}"
        number += 1


class Sessions:
    """All visitors of one page.

    Args:
        folder: Holds a folder of uploads for each visitor, and nothing else.
        corrections: Holds a folder of corrected photos for each visitor, which stay.
        limits: What is taken from each.
        given: Files that every visitor finds here.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        folder: Path,
        corrections: Path,
        limits: Limits,
        given: Sequence[Path] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.folder = folder
        self.corrections = corrections
        self.limits = limits
        self._given = tuple(given)
        self._clock = clock
        self._sessions: dict[str, Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def of(self, visitor: str) -> Session:
        """The session of a visitor, a new one at the first visit.

        Raises:
            UsageError: There are too many visitors.
        """
        self.sweep()
        if visitor not in self._sessions:
            if len(self) >= self.limits.visitors:
                raise UsageError(
                    f"{len(self)} people are using this page, which is as many as it takes",
                    hint=f"come back in {self.limits.minutes:g} minutes",
                )
            self._sessions[visitor] = Session(
                folder=self.folder / secrets.token_hex(8),
                limits=self.limits,
                corrections=Corrections(self.corrections / visitor),
                given=self._given,
                last_seen=self._clock(),
            )
        session = self._sessions[visitor]
        session.last_seen = self._clock()
        return session

    def known(self, visitor: str) -> Session | None:
        """The session of a visitor who has one."""
        return self._sessions.get(visitor)

    def sweep(self) -> None:
        """Forget visitors who were not seen for too long, and remove their uploads."""
        oldest = self._clock() - 60 * self.limits.minutes
        for visitor, session in list(self._sessions.items()):
            if session.last_seen < oldest:
                session.clear()
                del self._sessions[visitor]

    def close(self) -> None:
        """Remove all uploads."""
        for session in self._sessions.values():
            session.clear()
        self._sessions.clear()
