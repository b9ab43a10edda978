"""What one visitor does with photos: choose, click, count; the page only shows it."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

from crowdkit_core.errors import UsageError
from crowdkit_core.finetuning import require_free
from crowdkit_page.counting import count_photo
from crowdkit_page.photos import Photo
from crowdkit_page.places import GROUND_CORNERS, Places
from crowdkit_page.session import Session
from crowdkit_page.studio import Studio
from crowdkit_page.training import Training

Mode = Literal["correct", "zone", "ground"]
"""What a click into the picture means."""

Save = Callable[[Path], Awaitable[None]]
"""Writes what a visitor sent to a path."""


class Desk:
    """One visitor at work.

    Args:
        session: The visitor's.
        studio: What all share.
    """

    def __init__(self, session: Session, studio: Studio) -> None:
        self.session = session
        self.studio = studio
        self.photo: Photo | None = session.photos[0] if session.photos else None
        self.mode: Mode = "correct"

    @property
    def weights(self) -> str:
        """Name of the weights to count with.

        Raises:
            UsageError: There are none.
        """
        return self.session.weights or self.studio.weights()[0].name

    async def receive(self, name: str, save: Save) -> list[Photo]:
        """Take a file; errors as of `photos.receive`."""
        path = self.session.free_path(name)
        await save(path)
        found = await self.studio.pictures.do(self.session.receive, path, name)
        if self.photo is None and found:
            self.photo = found[0]
        return found

    async def count(self, photo: Photo) -> None:
        """Count a photo; errors as of `counting.count_photo`."""
        weights, models = self.weights, self.studio.models
        photo.take_count(await self.studio.counting.do(count_photo, models, weights, photo))

    async def restore(self) -> None:
        """Bring back photos that the visitor corrected on an earlier day."""
        await self.studio.pictures.do(self.session.restore)
        if self.photo is None and self.session.photos:
            self.photo = self.session.photos[0]

    async def keep(self) -> None:
        """Put the corrections of the chosen photo on the disk; errors as of `Session.keep`."""
        photo = self._chosen()
        await self.studio.pictures.do(self.session.keep, photo, photo.dots)

    def accept(self) -> None:
        """Say that the dots of the chosen photo are right."""
        photo = self._chosen()
        photo.dots = photo.dots.accepted()

    def click(self, x: float, y: float) -> None:
        """A click into the picture, in the pixels in which it is shown."""
        photo = self._chosen()
        ratio = photo.size[1] / photo.shown_size[1]
        x, y = x * ratio, y * ratio
        if self.mode == "correct":
            photo.dots = photo.dots.clicked(x, y, photo.size)
        elif self.mode == "zone":
            photo.places = photo.places.with_corner((x, y))
        else:
            photo.places = photo.places.with_ground_corner((x, y))

    def undo(self) -> None:
        """Take back the last click of the mode."""
        photo = self._chosen()
        if self.mode == "correct":
            photo.dots = photo.dots.undone()
        elif self.mode == "zone":
            photo.places = photo.places.undone()
        else:
            photo.places = replace(photo.places, ground=photo.places.ground[:-1])

    def draw(self, change: Callable[[Places], Places]) -> None:
        """Change what is drawn on the chosen photo."""
        photo = self._chosen()
        photo.places = change(photo.places)

    def measure(self, length: float | None, width: float | None) -> None:
        """Say how long two sides of the rectangle on the ground are, in metres.

        Raises:
            UsageError: A length or a corner is missing.
            DataError: The corners are not those of a rectangle on the ground.
        """
        photo = self._chosen()
        if not length or not width or min(length, width) <= 0:
            raise UsageError("both lengths are needed, in metres")
        places = replace(photo.places, length=length, width=width)
        if places.as_ground() is None:
            raise UsageError(
                f"{len(places.ground)} of {GROUND_CORNERS} corners are clicked",
                hint="click them in the picture, round the rectangle in order",
            )
        photo.places = places

    def draw_everywhere(self) -> int:
        """Draw the chosen photo's zones and ground on all others of its size; says on how many."""
        chosen = self._chosen()
        others = [
            photo
            for photo in self.session.photos
            if photo is not chosen and photo.size == chosen.size
        ]
        for photo in others:
            photo.places = chosen.places
        return len(others)

    async def train(self, name: str) -> None:
        """Train on all that the visitor corrected, when it is its turn; `Session.training` tells.

        Raises:
            UsageError: There is nothing to train on, a training goes on, or the name is taken.
        """
        session = self.session
        if session.training is not None and not session.training.is_over:
            raise UsageError("a training is going on already")
        if not len(session.corrections):
            raise UsageError("no photo is corrected yet", hint="click heads, or press All right")
        name = name.strip()
        require_free(name)
        session.training = training = Training(name=name, weights=self.weights)
        directory = self.studio.runs / f"{name}-{secrets.token_hex(3)}"
        device = self.studio.models.device
        await self.studio.training.do(training.run, session.corrections, directory, device)

    def remove(self) -> None:
        """Forget the chosen photo."""
        photo = self._chosen()
        at = self.session.photos.index(photo)
        self.session.remove(photo)
        rest = self.session.photos
        self.photo = rest[min(at, len(rest) - 1)] if rest else None

    def clear(self) -> None:
        """Forget all photos."""
        self.session.clear()
        self.photo = None

    def _chosen(self) -> Photo:
        if self.photo is None:
            raise UsageError("no photo is chosen", hint="drop one into the page")
        return self.photo
