"""Scores of points from any tool, against matching by scipy and numbers by hand."""

import json

import numpy as np
import pytest
import scipy.optimize
import torch
from PIL import Image

from crowdkit_core.data import NWPU, Folder
from crowdkit_core.data.annotations import Mark, MarkedImage, read_annotations
from crowdkit_core.errors import DataError, IncompatibleError, UsageError
from crowdkit_core.evaluation import evaluate_points, format_report, report_dict
from crowdkit_core.evaluation.matching_radii import head_radii

# Points and boxes (left, top, right, bottom) of two images with people and one without.
HEADS = {
    "3098": [(10, 10, 7, 6, 13, 14), (30, 10, 28, 9, 32, 11), (50, 30, 44, 26, 56, 34)],
    "3110": [(20, 20, 17, 17, 23, 23)],
    "3111": [],
}
FOUND = {
    "3098": [(13, 10), (14, 10), (31, 10), (50, 37)],
    "3110": [(20, 24), (2, 2)],
    "3111": [(5, 5)],
}


@pytest.fixture
def nwpu(tmp_path):
    """NWPU-Crowd with three validation images, as downloaded."""
    root = tmp_path / "NWPU"
    for folder in ("images", "jsons"):
        (root / folder).mkdir(parents=True)
    for stem, heads in HEADS.items():
        Image.new("RGB", (60, 40)).save(root / "images" / f"{stem}.jpg")
        record = {
            "img_id": f"{stem}.jpg",
            "human_num": len(heads),
            "points": [head[:2] for head in heads],
            "boxes": [head[2:] for head in heads],
        }
        (root / "jsons" / f"{stem}.json").write_text(json.dumps(record))
    (root / "train.txt").write_text("")
    (root / "val.txt").write_text("".join(f"{stem} 1 1\n" for stem in HEADS))
    return NWPU(root=root, split="validation")


@pytest.fixture
def found(tmp_path):
    """In the benchmark's own text format."""
    lines = [
        " ".join(map(str, [stem, len(points), *np.ravel(points).astype(int)]))
        for stem, points in FOUND.items()
    ]
    path = tmp_path / "found.txt"
    path.write_text("\n".join(lines))
    return path


def matched(radii_of):
    """Pairs by a dense assignment of scipy."""
    total = 0
    for stem, heads in HEADS.items():
        if heads:
            distance = np.linalg.norm(
                np.array(FOUND[stem])[:, None] - np.array(heads)[None, :, :2], axis=2
            )
            allowed = distance <= np.array([radii_of(*head[2:]) for head in heads])
            row, column = scipy.optimize.linear_sum_assignment(allowed, maximize=True)
            total += int(allowed[row, column].sum())
    return total


def shorter(left, top, right, bottom):
    return min(right - left, bottom - top) / 2


def diagonal(left, top, right, bottom):
    return np.hypot(right - left, bottom - top) / 2


def test_the_protocol_of_nwpu(nwpu, found):
    report = evaluate_points(read_annotations(found), nwpu, source="found.txt", radii=[4.0, 8.0])
    expected = {
        "sigma_s": matched(shorter),
        "sigma_l": matched(diagonal),
        4.0: matched(lambda *_: 4),
        8.0: matched(lambda *_: 8),
    }
    assert {key: scores.matched for key, scores in report.localization.items()} == expected
    assert expected["sigma_s"] == 2  # by hand: (13, 10) and (31, 10)
    assert expected["sigma_l"] == 4
    scores = report.localization["sigma_l"]
    assert (scores.precision, scores.recall) == (4 / 7, 4 / 4)
    assert report.scores["count"].mae.value == pytest.approx((1 + 1 + 1) / 3)
    assert report.scores["count"].rmse.value == pytest.approx(1)
    assert report.point_scores == {}
    text = format_report(report)
    assert "sigma_s         0.286" in text
    assert [each["radius"] for each in report_dict(report)["localization"]] == [
        4.0,
        8.0,
        "sigma_s",
        "sigma_l",
    ]


def test_radii_of_a_head():
    radii = head_radii(
        {"head_width": torch.tensor([6.0, 0.0]), "head_height": torch.tensor([8.0, 0])}
    )
    assert radii["sigma_s"].tolist() == pytest.approx([3.0, 0.0], abs=1e-5)
    assert radii["sigma_l"].tolist() == pytest.approx([5.0, 0.0], abs=1e-5)
    assert head_radii({"sigma": torch.ones(3)}) == {}


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "photos"
    root.mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (60, 40)).save(root / f"{name}.png")
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[:, :30] = 255
    (tmp_path / "masks").mkdir()
    Image.fromarray(mask).save(tmp_path / "masks" / "a.png")
    (root / "annotations.csv").write_text("image,x,y\na.png,10,10\na.png,50,10\nb.png,20,20\n")
    return root


def marked(name, *points):
    return MarkedImage(name=name, marks=tuple(Mark(*point) for point in points))


def test_average_precision_where_every_point_has_a_score(folder):
    def scored(name, *points):
        return MarkedImage(name=name, marks=tuple(Mark(x, y, "", s) for x, y, s in points))

    dataset = Folder(root=folder, roi=folder.parent / "masks", split="all")
    found = [scored("a", (10, 10, 0.9), (50, 10, 0.8)), scored("b", (20, 20, 0.7), (40, 20, 0.1))]
    report = evaluate_points(found, dataset, source="x", metrics=["ap"])
    # The point outside the region of a does not count, so the two best are right.
    assert report.point_scores["ap"]["5 px"]["mAP"] == 1
    assert [image.predicted for image in report.images] == [1, 2]
    assert [image.actual for image in report.images] == [1, 1]
    assert evaluate_points(found, dataset, source="x").point_scores == {}
    unscored = [*found[:1], marked("b", (20, 20))]
    with pytest.raises(UsageError, match=r"'ap' needs a score for every point, and 1 of 3"):
        evaluate_points(unscored, dataset, source="x", metrics=["ap"])
    with pytest.raises(IncompatibleError, match=r"'ssim' compares density maps"):
        evaluate_points(found, dataset, source="x", metrics=["ssim"])


def test_every_image_must_be_spoken_of_and_known(folder):
    dataset = Folder(root=folder, split="all")
    with pytest.raises(DataError, match=r"x: nothing about 'b\.png'") as caught:
        evaluate_points([marked("a.png", (10, 10))], dataset, source="x")
    assert "--missing-as-empty" in caught.value.hint
    report = evaluate_points([marked("a.png", (10, 10))], dataset, source="x", missing="empty")
    assert [image.predicted for image in report.images] == [1, 0]
    with pytest.raises(DataError, match=r"not in the evaluated images: 'c', 'd/a\.png'"):
        evaluate_points([marked("c"), marked("d/a.png"), marked("a")], dataset, source="x")
    with pytest.raises(DataError, match=r"two entries are image a\.png"):
        evaluate_points([marked("a"), marked("a.png"), marked("b")], dataset, source="x")


def test_an_image_without_heads_needs_no_boxes(folder):
    (folder / "annotations.csv").write_text(
        "image,x,y,left,top,right,bottom\na.png,10,10,8,8,12,12\nb.png,,,,,,\n"
    )
    found = [marked("a", (10, 10)), marked("b", (1, 1))]
    report = evaluate_points(found, Folder(root=folder, split="all"), source="x")
    assert report.localization["sigma_s"].precision == 0.5
