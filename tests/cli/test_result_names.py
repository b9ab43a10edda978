"""Results of different images never share a file."""

import os
from pathlib import Path
from unicodedata import normalize

from hypothesis import given
from hypothesis import strategies as st

from crowdkit_core.cli.result_names import unique_names
from crowdkit_core.files import atomic_write

PATHS = st.lists(st.text(min_size=1, max_size=300).filter(lambda s: "\0" not in s), min_size=1)


@given(PATHS)
def test_names_are_different_on_every_system_and_can_be_written(texts):
    files = list(dict.fromkeys(Path(text) for text in texts))
    names = unique_names(files)
    assert list(names) == [str(file) for file in files]
    assert len({name.casefold() for name in names.values()}) == len(files)
    for name in names.values():
        assert 0 < len(f"{name}-attention.png".encode()) <= 255
        assert not set(name) & set('<>:"/\\|?*\n\t')


def test_images_of_one_name_and_names_that_systems_keep_for_themselves():
    names = unique_names([Path(each) for each in ("a/1.jpg", "a/1.png", "A/1.JPG", "con.jpg")])
    assert (names["a/1.png"], names["con.jpg"]) == ("1-png", "con_")
    assert names["a/1.jpg"].casefold() != names["A/1.JPG"].casefold()


def test_accents_written_in_two_ways():
    names = unique_names([Path("caf\u00e9.jpg"), Path("cafe\u0301.jpg"), Path("b.jpg")])
    assert len({normalize("NFC", name) for name in names.values()}) == 3


def test_the_longest_name_that_can_be_is_written(tmp_path):
    target = tmp_path / f"{'ä' * 125}.json"
    with atomic_write(target) as temporary:
        temporary.write_text("1")
    assert [os.fsencode(path.name) for path in tmp_path.iterdir()] == [os.fsencode(target.name)]
