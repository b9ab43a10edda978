"""From a card to a file that holds what the card says."""

import sys
from pathlib import Path

from crowdkit_core.cards.cache import CACHE_VARIABLE, cache_folder
from crowdkit_core.cards.card import Card
from crowdkit_core.cards.hub import download
from crowdkit_core.cards.installed import InstalledCard
from crowdkit_core.errors import WeightsError
from crowdkit_core.files import atomic_write, sha256_of

CHUNK = 1 << 16
"""Bytes that are read from the web at once."""


def fetch(installed: InstalledCard) -> Path:
    """The file of a card, checked against its sha256 and size; fetched where it is not here yet.

    Raises:
        WeightsError: It is not there, cannot be fetched or kept, or holds something else.
    """
    if installed.card.file is not None:
        return _packaged(installed, installed.card.file)
    if installed.card.url is not None:
        return _kept(installed, installed.card.url)
    return _from_hub(installed)


def _packaged(installed: InstalledCard, name: str) -> Path:
    path = Path(str(installed.folder / name))
    hint = f"pip install --force-reinstall {installed.distribution}"
    if installed.is_own:
        hint = f"remove it: crowdkit weights remove {installed.card.name}"
    if not path.is_file():
        place = "beside it" if installed.is_own else "in the package"
        raise WeightsError(f"{installed.label}: its file {name} is not {place}", hint=hint)
    _require_same(path, installed, f"its file {name}", hint)
    return path


def _from_hub(installed: InstalledCard) -> Path:
    path = download(installed.card.place, installed.label)
    hint = f"delete {path.resolve()} if it is damaged; if it is not, the card is wrong"
    _require_same(path, installed, installed.card.place, hint)
    return path


def _kept(installed: InstalledCard, url: str) -> Path:
    """The file of an address in the cache, under its sha256."""
    folder = cache_folder()
    path = folder / installed.card.sha256
    try:
        if path.is_file() and not _difference(path, installed.card):
            return path
        with atomic_write(path) as temporary:
            _download(url, temporary, installed.label)
            _require_same(temporary, installed, url, "the file on the server is not the card's")
    except OSError as error:
        raise WeightsError(
            f"{folder}: fetched weights cannot be kept here: {error.strerror or error}",
            hint=f"name a folder that can be written: {CACHE_VARIABLE}=FOLDER",
        ) from error
    return path


def _download(url: str, path: Path, label: str) -> None:
    import requests
    from pooch import HTTPDownloader

    try:
        fetch_to = HTTPDownloader(progressbar=sys.stderr.isatty(), chunk_size=CHUNK)
        fetch_to(url, str(path), None)
    except requests.HTTPError as error:
        if error.response is not None:
            error.response.close()  # pooch leaves the connection open
        status = str(error).partition(" for url")[0]
        raise WeightsError(f"{label}: {url}: the server answers {status}") from error
    except requests.exceptions.ChunkedEncodingError as error:
        raise WeightsError(
            f"{label}: {url}: the download was cut short", hint="try again"
        ) from error
    except requests.RequestException as error:
        raise WeightsError(
            f"{label}: {url}: the server cannot be reached, or stopped answering",
            hint="check the network; once fetched, the file is there without it",
        ) from error


def _require_same(path: Path, installed: InstalledCard, what: str, hint: str) -> None:
    if difference := _difference(path, installed.card):
        raise WeightsError(f"{installed.label}: {what} {difference}", hint=hint)


def _difference(path: Path, card: Card) -> str:
    """What sets a file apart from a card's; empty if nothing does."""
    found, size = sha256_of(path), path.stat().st_size
    if found == card.sha256 and size == card.bytes:
        return ""
    of_size = "" if size == card.bytes else f" ({size} bytes, expected {card.bytes})"
    return f"has sha256 {found[:12]}..., expected {card.sha256[:12]}...{of_size}"
