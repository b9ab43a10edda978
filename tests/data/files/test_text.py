"""Text files as people save them: encodings, separators and decimal marks."""

import os

import pytest

from crowdkit_core.data.files import TextFile
from crowdkit_core.errors import DataError

POINTS = [["12.5", "30"], ["40", "50"]]


@pytest.fixture
def rows(tmp_path):
    """The cells of a file with some content."""

    def read(content):
        path = tmp_path / "a.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return [row for _, row in TextFile(path).rows]

    return read


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(DataError, match=r"a\.csv: a pipe"):
        _ = TextFile(tmp_path / "a.csv").lines


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(rows, encoding, newline):
    assert rows(f"12.5 30{newline}{newline}40 50{newline}".encode(encoding)) == POINTS


def test_big_endian_with_its_mark(rows):
    assert rows(b"\xfe\xff" + "12.5 30\n40 50".encode("utf-16-be")) == POINTS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("12 30\ncafé 5\n".encode("cp1252"), "line 2: .*UTF-8.*byte 0xe9.*Windows-1252"),
        ("12 30\n".encode("utf-16-le"), "line 1: a NUL character: .*UTF-16"),
        (b"12 30\n40 50\n\0\0\0\0", "line 3: a NUL character: cut short"),
        (b"\xff\xfe1\0 \0\0", "line 1: cannot be read as UTF-16-LE"),
    ],
)
def test_what_cannot_be_decoded_says_where_and_how_to_save_it(rows, content, message):
    with pytest.raises(DataError, match=rf"a\.csv: .*{message}") as caught:
        rows(content)
    assert "save it as UTF-8" in caught.value.hint


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(DataError, match="cannot be read: File name too long"):
        _ = TextFile(tmp_path / ("x" * 300)).text


@pytest.mark.parametrize(
    "content",
    [
        "12,5;30\n40;50",
        "12,5\t30\n40\t50",
        '"12,5","30"\n"40","50"',
        "12,5 30\n40 50",
        "sep=;\n12,5;30\n40;50",
        "12.5, 30\n40, 50",
        '"12.5" "30"\n"40" "50"',
        " 12.5 ; 30 \n\n ; \n40;50\n",
    ],
)
def test_separators_and_decimal_commas(rows, content):
    assert rows(content) == POINTS


@pytest.mark.parametrize(
    ("content", "numbers"),
    [
        ("1.234,5;6", ["1234.5", "6"]),
        ("1,234.5;6", ["1234.5", "6"]),
        ('"1,234","567.5"', ["1234", "567.5"]),
        ("1.234.567;12,5", ["1234567", "12.5"]),
        ("-0,25;1,5e1", ["-0.25", "1.5e1"]),
        ("1.234;5", ["1.234", "5"]),  # a point is the decimal mark where nothing else says
        ("a,b;c 1,5 d", ["a,b", "c 1,5 d"]),
    ],
)
def test_thousands_are_known_by_the_other_numbers(rows, content, numbers):
    assert rows(content) == [numbers]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("5;6\n1,234;5", "line 2: '1,234' can be read as two numbers"),
        ("12,5;1.234", r"line 1: '1\.234' has a point, and '12,5' of line 1 a decimal comma"),
        ('12,30\n"40,50', "line 2: unexpected end of data"),
    ],
)
def test_what_has_two_readings_is_refused(rows, content, message):
    with pytest.raises(DataError, match=rf"a\.csv: {message}"):
        rows(content)
