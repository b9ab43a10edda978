"""Start the page: a server for this machine, or one that asks for a token."""

import shutil
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
import uvicorn
from fastapi import FastAPI, Request
from nicegui import app as pages
from nicegui import ui
from starlette.responses import Response

from crowdkit_core.errors import CrowdkitError
from crowdkit_core.folder_lock import locked
from crowdkit_page.access import VISITOR, Access, Rules
from crowdkit_page.counting import Models
from crowdkit_page.desk import Desk
from crowdkit_page.drawing import heat_map, thumbnail
from crowdkit_page.layout import Page
from crowdkit_page.limits import Limits
from crowdkit_page.photos import Photo
from crowdkit_page.session import Sessions
from crowdkit_page.studio import Studio

SWEEP = 60.0
"""Seconds from one look for uploads that are to be removed to the next."""

GRACE = 2
"""Seconds that open pages have to take their leave when the server ends."""

RECONNECT = 30.0
"""Seconds for which a page waits for a browser that lost its connection."""


def serve(
    folder: Path,
    *,
    host: str,
    port: int,
    token: str,
    limits: Limits,
    photos: Sequence[Path] = (),
    weights: Sequence[str] = (),
    device: torch.device | None = None,
) -> None:
    """Serve the page until it is interrupted.

    Args:
        folder: Holds ``corrections`` and ``runs``, which stay, and ``uploads``, which do not.
        host: Where to listen.
        port: Likewise.
        token: What visitors need; empty for a page of this machine alone.
        limits: What is taken from a visitor.
        photos: Files that every visitor finds on the page.
        weights: Offered before the installed ones.
        device: Where to count.

    Raises:
        UsageError: There are no weights, or another page uses the folder.
        CrowdkitError: The folder cannot be made.
    """
    with locked(folder, hint="choose another: --folder"):
        uploads = folder / "uploads"
        shutil.rmtree(uploads, ignore_errors=True)  # what a page that was killed left
        uploads.mkdir(parents=True)
        tempfile.tempdir = str(uploads)  # so what is half received goes with them
        studio = Studio(
            sessions=Sessions(uploads, folder / "corrections", limits, photos),
            models=Models(device),
            runs=folder / "runs",
            files=weights,
        )
        studio.weights()
        served = application(studio, token=token)
        settings = uvicorn.Config(
            served, host=host, port=port, log_level="warning", timeout_graceful_shutdown=GRACE
        )
        signal.signal(signal.SIGTERM, _end)  # uvicorn stops, and sends itself the signal again
        try:
            uvicorn.Server(settings).run()
        except KeyboardInterrupt:
            pass  # which is how it is ended
        finally:
            studio.close()
            shutil.rmtree(uploads, ignore_errors=True)


def _end(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def application(studio: Studio, *, token: str) -> Access:
    """The page as an ASGI application; one for each process, as NiceGUI has it."""
    ui.page("/", title="crowdkit")(_index(studio))
    pages.get("/photos/{key}/{kind}")(_pictures(studio))
    pages.on_startup(lambda: pages.timer(SWEEP, studio.sessions.sweep))
    served = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    ui.run_with(served, reconnect_timeout=RECONNECT, show_welcome_message=False)
    return Access(served, Rules(token=token, most_bytes=studio.limits.bytes))


def _index(studio: Studio) -> Callable[[Request], object]:
    async def index(request: Request) -> None:
        try:
            visitor: str = request.scope[VISITOR]
            desk = Desk(studio.sessions.of(visitor), studio)
            await desk.restore()
            Page(desk, studio).build()
            ui.timer(SWEEP, lambda: studio.sessions.of(visitor))  # an open page is a visit
        except CrowdkitError as error:
            ui.label(str(error)).classes("text-lg m-8")

    return index


def _pictures(studio: Studio) -> Callable[[Request, str, str], object]:
    kinds: dict[str, Callable[[Photo], bytes]] = {
        "photo.jpg": _preview,
        "heat.jpg": heat_map,
        "small.jpg": thumbnail,
    }

    async def picture(request: Request, key: str, kind: str) -> Response:
        session = studio.sessions.known(request.scope[VISITOR])
        photo = None if session is None else session.photo(key)
        if photo is None or kind not in kinds:
            return Response("no such picture", 404)
        content = await studio.pictures.do(kinds[kind], photo)
        kept = {"cache-control": "private, max-age=3600"}
        return Response(content, media_type="image/jpeg", headers=kept)

    return picture


def _preview(photo: Photo) -> bytes:
    return photo.preview.read_bytes()
