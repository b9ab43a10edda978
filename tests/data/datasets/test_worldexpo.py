import numpy as np
import pytest
from matplotlib.path import Path as Outline

from crowdkit_core.data import WorldExpo
from crowdkit_core.errors import DataError
from crowdkit_core.evaluation import annotated_counts, evaluate
from crowdkit_core.testing import check_dataset
from crowdkit_core.testing.toys import ToyCounter

TRAINING = ["100156_A02-03-S2010_1", "100200_B-1_2", "100200_B-1_10", "104242-5-S2010.split.1_3"]
TEST = ["104207_1-04-S2010.split.216_1", "200608_C08-02_1", "200608_C08-02_2"]
CORNERS = np.array([[3.0, 2.0], [50.0, 5.0], [30.0, 38.0]])
"""A triangle, in MATLAB's pixels; the point (20, 10) is inside, (55, 35) is not."""


@pytest.fixture
def downloaded(tmp_path, save_image, save_mat):
    """Every frame has a person inside and one outside the region; the last one nobody."""
    for part, stems in (("train", TRAINING), ("test", TEST)):
        for stem in stems:
            scene = stem[:6]
            folder = tmp_path / f"{part}_frame" / (scene if part == "test" else "")
            save_image(folder / f"{stem}.jpg")
            points = np.array([[20.0, 10.0], [55.0, 35.0]])
            if stem == TEST[-1]:
                points = np.zeros((0, 0))
            labels = tmp_path / f"{part}_label" / scene
            save_mat(
                labels / f"{stem}.mat",
                {"point_num": np.array([[len(points)]], dtype=float), "point_position": points},
            )
            x, y = CORNERS[:, :1], CORNERS[:, 1:]
            save_mat(
                labels / "roi.mat",
                {"maskVerticesXCoordinates": x, "maskVerticesYCoordinates": y},
            )
    return tmp_path


def stems(dataset):
    return [entry.image.stem for entry in dataset.entries]


def test_validation_is_on_scenes_never_trained_on(downloaded):
    held = {"root": downloaded, "validation_every": 2}
    assert stems(WorldExpo(**held)) == [TRAINING[0], TRAINING[3]]
    assert stems(WorldExpo(**held, split="validation")) == TRAINING[1:3]
    assert stems(WorldExpo(**held, split="test")) == TEST
    assert stems(WorldExpo(**held, split="all")) == TRAINING + TEST


def test_the_group_is_the_scene(downloaded):
    dataset = WorldExpo(root=downloaded, split="all")
    groups = [dataset.annotation(i).group for i in range(len(dataset))]
    assert groups == [stem[:6] for stem in TRAINING + TEST]
    assert dataset[0].group == "100156"


def test_points_and_region_share_matlabs_origin(downloaded):
    annotation = WorldExpo(root=downloaded, split="test").annotation(0)
    assert annotation.points.tolist() == [[19.5, 9.5], [54.5, 34.5]]
    rows, columns = np.mgrid[:40, :60]
    # MATLAB's pixel (1, 1) has its centre there, ours (0, 0) at (0.5, 0.5).
    centres = np.column_stack([columns.ravel() + 1, rows.ravel() + 1])
    expected = Outline(CORNERS).contains_points(centres).reshape(40, 60)
    assert (annotation.roi.numpy() == expected).mean() > 0.999  # the outline itself is arbitrary


def test_only_people_inside_the_region_count(downloaded):
    assert annotated_counts(WorldExpo(root=downloaded, split="test")) == [1, 1, 0]


def test_the_report_is_by_scene(downloaded):
    report = evaluate(ToyCounter(), WorldExpo(root=downloaded, split="test"))
    parts = report.by_group["count"]
    assert [(part.group, part.scores.images) for part in parts] == [("104207", 1), ("200608", 2)]
    mean = np.mean([part.scores.mae.value for part in parts])
    assert report.group_means["count"].mae.value == pytest.approx(mean)


def test_a_missing_label_or_region_is_named(downloaded):
    dataset = WorldExpo(root=downloaded, split="test")
    dataset.entries[0].truth.unlink()
    dataset.entries[1].truth.with_name("roi.mat").unlink()
    again = WorldExpo(root=downloaded, split="test")
    with pytest.raises(DataError, match=r"104207_.*\.mat: no such annotation file"):
        again.annotation(0)
    with pytest.raises(DataError, match=r"200608.roi\.mat: no such annotation file"):
        again.annotation(1)


def test_two_corners_are_no_region(downloaded, save_mat):
    dataset = WorldExpo(root=downloaded, split="test")
    two = np.ones((2, 1))
    save_mat(
        dataset.entries[0].truth.with_name("roi.mat"),
        {"maskVerticesXCoordinates": two, "maskVerticesYCoordinates": two},
    )
    with pytest.raises(DataError, match=r"roi.mat: a polygon of 2 corners"):
        dataset.annotation(0)


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match="expected train_frame or test_frame in it"):
        WorldExpo(root=tmp_path)


def test_contract(downloaded):
    check_dataset(WorldExpo(root=downloaded, split="all"))
