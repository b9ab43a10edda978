"""Files are replaced whole or not at all."""

import errno
from pathlib import Path

import pytest

from crowdkit_core.files import atomic_write


def write_and_fail(path: Path, content: str, error: BaseException) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(content)
        raise error


def test_the_new_content_takes_the_place_of_the_old(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_text("old")
    with atomic_write(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_the_temporary_file_lies_beside_the_target_and_keeps_its_suffix(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "map.png") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".png"
        temporary.touch()


def test_missing_folders_are_made(tmp_path: Path) -> None:
    path = tmp_path / "run" / "best" / "weights.safetensors"
    with atomic_write(path) as temporary:
        temporary.touch()
    assert path.is_file()


@pytest.mark.parametrize("written", ["", "half of it"])
def test_a_full_disk_costs_neither_the_old_file_nor_leaves_a_new_one(
    tmp_path: Path, written: str
) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left"):
        write_and_fail(path, written, OSError(errno.ENOSPC, "No space left on device"))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_disk_found_full_at_the_flush_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    path = tmp_path / "weights.safetensors"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left"), atomic_write(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupt_is_an_error_too(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(KeyboardInterrupt):
        write_and_fail(path, "half", KeyboardInterrupt())
    assert not list(tmp_path.iterdir())
