import pytest

from crowdkit_core.data import Folder, check


@pytest.fixture
def photos(tmp_path, save_image):
    for name in "abcdef":
        save_image(tmp_path / f"{name}.jpg")
    return tmp_path


def run(folder, rows, **options):
    (folder / "annotations.csv").write_text("\n".join(["image,x,y", *rows]))
    return check(Folder(root=folder, split="all", validation_every=0), **options)


def kinds(report):
    return {(finding.kind, finding.name) for finding in report.findings}


def test_it_goes_on_after_each_error(photos):
    whole = (photos / "c.jpg").read_bytes()
    (photos / "b.jpg").write_bytes(b"")
    (photos / "c.jpg").write_bytes(whole[: len(whole) // 2])
    rows = ["a.jpg,1,2", "b.jpg,1,2", "c.jpg,1,2", "d.jpg,5000,2", "e.jpg,3,59", "gone.jpg,1,1"]
    report = run(photos, rows)
    assert kinds(report) == {
        ("unreadable", "b.jpg"),
        ("unreadable", "c.jpg"),
        ("outside", "d.jpg"),
        ("swapped", "e.jpg"),
        ("missing", "f.jpg"),
        ("missing", "gone.jpg"),
    }
    assert not report.ok
    assert (report.images, report.people, report.least, report.most) == (7, 2, 1, 1)
    assert all("\n" not in finding.message for finding in report.findings)
    (swapped,) = (finding for finding in report.findings if finding.kind == "swapped")
    assert "x and y seem to be swapped" in swapped.message


def test_notes_are_no_errors(photos):
    rows = [f"{name}.jpg,1,2" for name in "abc"]
    report = run(photos, [*rows, "d.jpg,,", "e.jpg,1,1", "e.jpg,1,1", "e.jpg,9,1", "f.jpg,-2,1"])
    assert kinds(report) == {
        ("zero-people", "d.jpg"),
        ("duplicates", "e.jpg"),
        ("clipped", "f.jpg"),
    }
    assert report.ok
    assert report.people == 7
    assert (report.least, report.most) == (0, 3)


def test_points_that_all_lie_in_a_corner_are_noted(photos):
    corner = [f"{name}.jpg,{n * 6},{n * 4}" for name in "abcdef" for n in range(6)]
    report = run(photos, corner)
    assert kinds(report) == {("corner", "")}
    assert report.ok
    assert "in µm" in report.findings[0].message
    assert kinds(run(photos, [*corner, "f.jpg,31,5"])) == set()


def test_points_that_all_fit_swapped_are_suspected(photos):
    upright = [f"{name}.jpg,{n * 6},{n * 4}" for name in "abcdef" for n in range(10)]
    swapped = [f"{name}.jpg,{n * 4},{n * 4}" for name in "abcdef" for n in range(10)]
    assert kinds(run(photos, upright)) == set()
    assert kinds(run(photos, swapped)) == {("swapped", "")}


def test_pixels_are_decoded_only_if_asked(photos):
    whole = (photos / "a.jpg").read_bytes()
    (photos / "a.jpg").write_bytes(whole[: len(whole) // 2])
    rows = [f"{name}.jpg,1,2" for name in "abcdef"]
    assert kinds(run(photos, rows)) == {("unreadable", "a.jpg")}
    assert run(photos, rows, pixels=False).findings == ()


def test_a_folder_is_checked_and_its_own_error_is_a_finding(photos):
    report = check(photos)
    assert [finding.kind for finding in report.findings] == ["missing"]
    (photos / "annotations.csv").write_text("name,x,y\n")
    assert "no column 'image'" in check(photos).findings[0].message
