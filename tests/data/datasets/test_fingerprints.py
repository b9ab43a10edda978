import pytest

from crowdkit_core.data import Folder, fingerprint


@pytest.fixture
def folder(tmp_path, save_image):
    save_image(tmp_path / "a.png")
    save_image(tmp_path / "b.png")
    return tmp_path


def print_of(folder, *rows):
    (folder / "annotations.csv").write_text("\n".join(["image,x,y", *rows]))
    return fingerprint(Folder(root=folder, split="all"))


def test_it_names_totals_and_repeats(folder):
    first = print_of(folder, "a.png,1,2", "b.png,3,4", "b.png,5,6")
    assert first.startswith("2 images, 3 people, sha256 ")
    assert print_of(folder, "a.png,1,2", "b.png,3,4", "b.png,5,6") == first


def test_every_change_of_points_changes_it(folder):
    variants = [
        ("a.png,1,2", "b.png,3,4"),
        ("a.png,1,2", "b.png,3,4.5"),
        ("a.png,2,1", "b.png,3,4"),
        ("a.png,1,2", "a.png,3,4", "b.png,,"),
        ("a.png,,", "b.png,1,2", "b.png,3,4"),
    ]
    assert len({print_of(folder, *rows) for rows in variants}) == len(variants)


def test_a_name_and_a_size_change_it(folder, save_image):
    first = print_of(folder, "a.png,1,2", "b.png,3,4")
    save_image(folder / "b.png", (40, 61))
    second = print_of(folder, "a.png,1,2", "b.png,3,4")
    (folder / "b.png").rename(folder / "c.png")
    third = print_of(folder, "a.png,1,2", "c.png,3,4")
    assert len({first, second, third}) == 3
