"""Fetch files from the Hugging Face hub."""

import re
from pathlib import Path

from crowdkit_core.cards.card import HUB_FILE
from crowdkit_core.errors import UsageError, WeightsError
from crowdkit_core.files import sha256_of

SCHEME = "hf://"

_LOGIN = "where you are let in: hf auth login"
_NETWORK = "check the network; once fetched, a file is there without it"


def fetch_from_hub(address: str) -> Path:
    """The file of an address ``hf://org/repo@revision/path``, as the hub has it.

    Large files are checked against the sha256 that the hub keeps of them.

    Raises:
        UsageError: The address is not of that form, or names no revision.
        WeightsError: It cannot be fetched, or is damaged.
    """
    place = address.removeprefix(SCHEME)
    if re.fullmatch(HUB_FILE, place) is None:
        missing = "names no revision" if "@" not in place else "is not an address of a file"
        raise UsageError(
            f"{address} {missing}, expected hf://org/repo@revision/path",
            hint="a revision (commit, tag or branch) is needed for the same file to come each time",
        )
    path = download(place, address)
    blob = path.resolve().name  # the hub's cache calls large files by their sha256
    if re.fullmatch("[0-9a-f]{64}", blob) and (found := sha256_of(path)) != blob:
        raise WeightsError(
            f"{address}: has sha256 {found[:12]}..., the hub says {blob[:12]}...",
            hint=f"the file is damaged; delete {path.resolve()}",
        )
    return path


def download(place: str, label: str) -> Path:
    """A file of the hub, from the hub's own cache where that has it.

    Args:
        place: ``org/repo@revision/path``.
        label: How messages name what is fetched.

    Raises:
        WeightsError: There is no such file, or it cannot be fetched.
    """
    from huggingface_hub import hf_hub_download

    repository, _, rest = place.partition("@")
    revision, _, path = rest.partition("/")
    try:
        return Path(hf_hub_download(repository, path, revision=revision))
    except Exception as error:  # the hub's own, and those of the HTTP library of its version
        cause, hint = _explained(error, repository, revision, path)
        raise WeightsError(f"{label}: {cause}", hint=hint) from error


def _explained(error: Exception, repository: str, revision: str, path: str) -> tuple[str, str]:
    """What went wrong with the hub, and what to do about it."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return f"{repository} is open only to those whom its owner lets in", _LOGIN
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"the hub has no repository {repository}, or a private one", _LOGIN
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{repository} has no revision {revision!r}", ""
    if isinstance(error, errors.LocalEntryNotFoundError):
        return f"the hub cannot be reached, and its cache does not have {path!r}", _NETWORK
    if isinstance(error, errors.EntryNotFoundError):
        return f"{repository} has no file {path!r} at revision {revision!r}", ""
    reason = str(error).strip().partition("\n")[0] or type(error).__name__
    return f"{path!r} cannot be fetched from the hub: {reason}", ""
