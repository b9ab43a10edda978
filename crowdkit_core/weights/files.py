"""Read and write files of named tensors; a file's content decides its format.

The formats of plugins go by the suffix (`crowdkit_core.registry.weights_formats`).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from crowdkit_core.cards import locate
from crowdkit_core.errors import WeightsError
from crowdkit_core.files import atomic_write
from crowdkit_core.registry.weights_formats import format_reader
from crowdkit_core.weights.hdf5 import read_hdf5
from crowdkit_core.weights.headers import (
    CHECKSUM,
    METADATA_KEY,
    SAID,
    Header,
    checksum,
    parse_header,
    written_header,
)
from crowdkit_core.weights.keys import strip_prefixes, unwrap_checkpoint
from crowdkit_core.weights.pickles import read_pickle


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsFile:
    """Named tensors of a file and what the file says of itself.

    Attributes:
        path: Where it was read from.
        state: Tensors by key, as stored (wrapper prefixes such as ``module.`` removed).
        component: Registered name of what the weights belong to, if the file says it.
        distribution: The distribution that offered it, if the file says it.
        options: Options the component was created with, if the file says them.
        facts: What else was recorded: validation errors, the split they were taken on, and so on.
        known: What is known of the weights besides, as `crowdkit_core.inference.known` writes it.
    """

    path: Path
    state: Mapping[str, Tensor]
    component: str = ""
    distribution: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] | None = None


def read_weights(source: str | Path) -> WeightsFile:
    """Read named tensors from safetensors, a torch checkpoint, HDF5, or a format of a plugin.

    Pickles are read for tensors and plain values alone: whatever else one asks for is refused and
    never executed. A checkpoint's ``state_dict`` (or ``model_state_dict``, ``model``, ``weights``)
    is found, and the prefixes that distributed or compiled modules leave on every key are removed.

    Args:
        source: A file, the name of a card, or a file of the hub; see `crowdkit_core.cards.locate`.

    Raises:
        UsageError: No card has the name.
        WeightsError: Missing, empty, cut short, of an unknown format, not tensors, or unsafe.
        MissingPackageError: The plugin that reads the format is not installed.
    """
    path = locate(source).path
    head = _read_head(path)
    if _is_safetensors(head):
        return _read_safetensors(path)
    if (read := format_reader(path)) is not None:
        file: WeightsFile = read(path)
        return file
    state = unwrap_checkpoint(_reader_for(head, path)(path), path)
    return WeightsFile(path=path, state=strip_prefixes(state, "module.", "_orig_mod."))


def save_weights(
    path: str | Path,
    module: nn.Module,
    *,
    component: str = "",
    distribution: str = "",
    options: Mapping[str, Any] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write a module's state as safetensors, atomically; equal arguments give equal bytes.

    Args:
        path: Replaced only once the new file is complete.
        module: Its ``state_dict`` is written, on the CPU.
        component: Registered name, so that the file can be loaded without asking for it.
        distribution: The distribution that offers it, where another one may have the name too.
        options: What the component was created with; plain values, paths and dataclasses.
        facts: Anything else worth keeping beside the numbers, as plain values.

    Raises:
        WeightsError: A value cannot be recorded as JSON, or the file cannot be written.
    """
    path = Path(path)
    header = written_header(
        path, component=component, distribution=distribution, options=options, facts=facts
    )
    _write(path, module.state_dict(), header)


def save_half(path: str | Path, file: WeightsFile) -> None:
    """Write weights that were read once more in half the size, atomically.

    Floating tensors become float16, but for those with a value that float16 has no finite number
    for, which become float32. What the file says of itself is kept, except where training began
    (the option ``pretrained``): that is a path of one machine, and loading does not need it.

    Args:
        path: Replaced only once the new file is complete.
        file: As `read_weights` gives it.

    Raises:
        WeightsError: The file cannot be written.
    """
    path = Path(path)
    options = {name: value for name, value in file.options.items() if name != "pretrained"}
    header = written_header(
        path,
        component=file.component,
        distribution=file.distribution,
        options=options,
        facts=file.facts,
    )
    _write(path, {key: _halved(value) for key, value in file.state.items()}, header)


def _halved(value: Tensor) -> Tensor:
    if not value.is_floating_point():
        return value
    half = value.half()
    fits = bool((half.isfinite() | ~value.isfinite()).all())
    return half if fits else value.float()


def _write(path: Path, tensors: Mapping[str, Tensor], header: Header) -> None:
    # Cloned, because safetensors refuses tensors that share memory.
    state = {key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}
    content = json.dumps({**header, CHECKSUM: checksum(header, state)}, sort_keys=True)
    try:
        with atomic_write(path) as temporary:
            save_file(state, temporary, metadata={METADATA_KEY: content})
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{path}: the weights cannot be written: {error}",
            hint="an earlier file of that name is untouched",
        ) from error


def _read_head(path: Path) -> bytes:
    if path.is_dir():
        best = path / "best.safetensors"
        raise WeightsError(
            f"{path}: is a folder, expected a weights file",
            hint=f"the best weights of this run are {best}" if best.is_file() else "",
        )
    try:
        if path.exists() and not path.is_file():  # reading a pipe would wait for ever
            raise WeightsError(f"{path}: a pipe, socket or device, expected a weights file")
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights file") from None
    except OSError as error:
        raise WeightsError(f"{path}: cannot be opened: {error.strerror}") from error
    if not head:
        raise WeightsError(f"{path}: the weights file is empty (0 bytes)")
    return head


def _is_safetensors(head: bytes) -> bool:
    return head[8:9] == b"{"


def _reader_for(head: bytes, path: Path) -> Callable[[Path], object]:
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return read_hdf5
    if head.startswith(b"PK\x03\x04") and _is_numpy(path):
        raise WeightsError(
            f"{path}: is an archive of NumPy arrays, which weights are not read from",
            hint="save its arrays with safetensors.numpy.save_file",
        )
    if head.startswith((b"PK\x03\x04", b"\x80")):
        return read_pickle
    raise WeightsError(
        f"{path}: not a weights file: neither safetensors, nor a torch checkpoint, nor HDF5",
        hint="a web page or a Git LFS pointer saved in its place is the usual cause",
    )


def _is_numpy(path: Path) -> bool:
    try:
        with ZipFile(path) as file:
            names = file.namelist()
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return False
    return bool(names) and all(name.endswith(".npy") for name in names)


def _read_safetensors(path: Path) -> WeightsFile:
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # no __iter__
    except Exception as error:  # damage shows as many kinds of error
        raise WeightsError(f"{path}: damaged or cut short safetensors file: {error}") from error
    if not state:
        raise WeightsError(f"{path}: holds no tensors")
    if METADATA_KEY not in metadata:
        return WeightsFile(path=path, state=strip_prefixes(state, "module.", "_orig_mod."))
    header = parse_header(path, metadata[METADATA_KEY])
    written = header.pop(CHECKSUM, None)  # files written before there was one have none
    if written is not None and written != checksum(header, state):
        raise WeightsError(
            f"{path}: damaged: its content is not what was written, by its checksum",
            hint="get the file again; or, if it was changed on purpose, save it without the "
            f"{METADATA_KEY!r} metadata",
        )
    said = {name: header[name] for name in SAID if name in header}
    return WeightsFile(path=path, state=state, **said)
