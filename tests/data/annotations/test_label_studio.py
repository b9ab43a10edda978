"""Label Studio: who annotated a task, what is no annotation, and what says nothing of a place."""

import json

import pytest

from crowdkit_core.data import Folder, check
from crowdkit_core.data.annotations import convert, read_annotations
from crowdkit_core.data.annotations.formats.label_studio import image_name
from crowdkit_core.errors import DataError


def result(kind="keypointlabels", x=50, **more):
    return {
        "id": "1", "type": kind, "original_width": 80, "original_height": 60, "image_rotation": 0,
        "value": {"x": x, "y": 50, kind: ["person"]}, **more,
    }  # fmt: skip


def submitted(*results, **more):
    return {"result": [*results], **more}


def save(path, *tasks):
    path.write_text(json.dumps([{"data": {"image": "a.jpg"}, **task} for task in tasks]))
    return path


@pytest.mark.parametrize(
    "task",
    [
        {},
        {"annotations": []},
        {"annotations": [submitted(result(), was_cancelled=True)]},
        {"annotations": [], "predictions": [submitted(result(), score=0.9)]},
        {"annotations": [], "drafts": [submitted(result())]},
    ],
    ids=["no annotations", "empty", "skipped", "predicted", "draft"],
)
class TestNothingSubmitted:
    def test_it_is_no_image_without_people(self, tmp_path, save_image, task):
        save_image(tmp_path / "a.jpg", (60, 80))
        save(tmp_path / "annotations.json", task)
        found = check(tmp_path)
        assert [finding.kind for finding in found.findings] == ["missing"]
        assert "no points of image a.jpg" in found.findings[0].message
        (annotation,) = [
            each.annotation(0) for each in [Folder(root=tmp_path, split="all", unannotated="empty")]
        ]
        assert len(annotation.points) == 0

    def test_a_conversion_says_so(self, tmp_path, task):
        source = save(tmp_path / "a.json", task, {"data": {"image": "b.jpg"}, "annotations": [{}]})
        done = convert(source, tmp_path / "out.csv")
        assert [image.name for image in read_annotations(tmp_path / "out.csv")] == ["b.jpg"]
        assert done.lost["images of which nothing is said"] == 1


def test_submitted_without_a_region_is_nobody(tmp_path, save_image):
    save_image(tmp_path / "a.jpg", (60, 80))
    save(tmp_path / "annotations.json", {"annotations": [submitted()]})
    found = check(tmp_path)
    assert found.ok
    assert [finding.kind for finding in found.findings] == ["zero-people"]


class TestSeveralAnnotators:
    def test_they_are_not_mixed(self, tmp_path):
        path = save(tmp_path / "a.json", {"annotations": [submitted(result()), submitted()]})
        with pytest.raises(DataError, match=r"a\.json: task 1: a\.jpg has 2 annotations") as caught:
            read_annotations(path)
        assert "ground truth" in caught.value.hint

    def test_the_ground_truth_or_the_only_one_that_was_not_skipped_is_read(self, tmp_path):
        starred = submitted(result(x=10), ground_truth=True)
        skipped = submitted(result(x=30), was_cancelled=True)
        path = save(
            tmp_path / "a.json",
            {"annotations": [submitted(result()), starred]},
            {"data": {"image": "b.jpg"}, "annotations": [skipped, submitted(result(x=20))]},
        )
        first, second = read_annotations(path)
        assert [mark.x for mark in (*first.marks, *second.marks)] == [8, 16]
        assert first.left_out == {"further annotations of an image": 1}

    def test_two_ground_truths_are_refused(self, tmp_path):
        both = [submitted(result(), ground_truth=True), submitted(ground_truth=True)]
        with pytest.raises(DataError, match="2 annotations marked as ground truth"):
            read_annotations(save(tmp_path / "a.json", {"annotations": both}))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("choices", {"choices": ["blurry"]}),
        ("textarea", {"text": ["seen from behind"]}),
        ("rating", {"rating": 3}),
        ("taxonomy", {"taxonomy": [["a", "b"]]}),
        ("number", {"number": 7}),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_is_said_of_a_region_is_not_its_label(tmp_path, kind, value, first):
    said = result(kind) | {"value": {"x": 50, "y": 50, **value}}
    both = [said, result()] if first else [result(), said]
    (image,) = read_annotations(save(tmp_path / "a.json", {"annotations": [submitted(*both)]}))
    assert [mark.label for mark in image.marks] == ["person"]
    assert image.left_out == {f"results of type {kind}": 1}


@pytest.mark.parametrize("kind", ["vectorlabels", "videorectangle", "brush", "bitmask"])
def test_marked_people_that_cannot_be_read_are_not_dropped(tmp_path, kind):
    with pytest.raises(DataError, match=r"annotations 1, result 1: "):
        read_annotations(save(tmp_path / "a.json", {"annotations": [submitted(result(kind))]}))


def test_one_image_has_one_size(tmp_path):
    both = [result(), result(original_width=40, original_height=30)]
    with pytest.raises(DataError, match="result 2: the image is of another size, 40 x 30"):
        read_annotations(save(tmp_path / "a.json", {"annotations": [submitted(*both)]}))
    none = result(original_width=0)
    with pytest.raises(DataError, match="is 0 x 60"):
        read_annotations(save(tmp_path / "a.json", {"annotations": [submitted(none)]}))


@pytest.mark.parametrize(
    "data",
    [
        {"photo": "/data/upload/1/0a1b2c3d-a.jpg", "camera": "north"},
        {"$undefined$": "http://localhost:8080/data/local-files/?d=a.jpg"},
        {"image": "s3://bucket/a.jpg?versionId=7", "thumb": "b.jpg"},
    ],
)
def test_the_image_is_found_in_the_data_of_a_task(tmp_path, data):
    path = save(tmp_path / "a.json", {"data": data, "annotations": [submitted(result())]})
    assert [image.name for image in read_annotations(path)] == ["a.jpg"]


def test_two_images_in_one_task_are_refused(tmp_path):
    pair = {"left": "a.jpg", "right": "b.jpg"}
    path = save(tmp_path / "a.json", {"data": pair, "annotations": [submitted(result())]})
    with pytest.raises(DataError, match="no 'image', and 2 texts that may be the image"):
        read_annotations(path)


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("/data/upload/1/0a1b2c3d-name.jpg", "name.jpg"),
        ("https://studio.example/data/upload/12/0a1b2c3d-name.jpg", "name.jpg"),
        ("/data/local-files/?d=photos%2Fa%20b.jpg", "photos/a b.jpg"),
        ("/data/local-files/?d=C%3A%5Cphotos%5Ca.jpg", "C:/photos/a.jpg"),
        ("gs://bucket/night/a.jpg", "night/a.jpg"),
    ],
)
def test_names_of_images(reference, name):
    assert image_name(reference) == name
