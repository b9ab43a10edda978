"""Names from elsewhere do not reach a terminal raw."""

import json

import pytest
from PIL import Image

from crowdkit_core.errors import DataError
from crowdkit_core.printable import printable
from crowdkit_core.tables import table

HARMFUL = ["\x1b[2J", "\x9b31m", "\x07", "\r", "\n", "\x08", "\u202e", "\u2028", "\udcff", "\x7f"]
every_harm = pytest.mark.parametrize("harm", HARMFUL, ids=ascii)


@every_harm
def test_harm_is_written_out(harm) -> None:
    shown = printable(f"a{harm}b")
    assert shown == f"a\\u{ord(harm[0]):04x}{harm[1:]}b"
    assert json.loads(f'"{shown}"') == f"a{harm}b"


@pytest.mark.parametrize("text", ["café", "日本 (1).jpg", "a\\b", "שלום", "👩‍👩‍👧"])
def test_names_of_all_languages_are_shown_as_they_are(text) -> None:
    assert printable(text) == text


@every_harm
def test_errors_and_tables_are_fit_for_a_terminal(harm) -> None:
    error = DataError(f"{harm}.jpg: no such file", hint=f"one\n  two{harm.replace(chr(10), '')}")
    assert len(str(error).splitlines()) == 3
    assert harm == "\n" or harm not in str(error)
    assert harm not in table([[f"a{harm}"]], ["name"]).split("\n", 1)[1]


@pytest.mark.parametrize("harm", ["\x1b[2J", "\n", "\udcff"], ids=ascii)
def test_check_shows_no_file_name_raw(crowdkit, tmp_path, harm) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / f"a{harm}.png")
    (tmp_path / "annotations.csv").write_text("image,x,y\nother\x1b[2J.png,5,5\n")
    finished = crowdkit("data", "check", tmp_path)
    assert finished.code == 1
    for line in (finished.out + finished.err).splitlines():
        assert "\x1b" not in line
        assert line.startswith(("error", "note", "crowdkit:", "  ", "2 images", "not usable"))
    finished = crowdkit("data", "check", tmp_path, "--json")
    assert "\x1b" not in finished.out


def test_list_shows_no_component_name_raw(crowdkit, install) -> None:
    install("crowdkit-harm", {"crowdkit.losses": {"a\x1b[2Jb": "harm_m:Loss"}})
    finished = crowdkit("list", "loss")
    assert "\x1b" not in finished.out
    assert "a\\u001b[2Jb" in finished.out
