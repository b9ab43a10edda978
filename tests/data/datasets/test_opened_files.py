"""The files of an image are opened once for its annotation, whatever is derived from them."""

import builtins
import io
import json
from collections import Counter

import pytest

from crowdkit_core.data import JHU, NWPU, Folder, ShanghaiTech


@pytest.fixture
def opened(monkeypatch):
    """How often each file was opened."""
    times = Counter()
    real = io.open

    def counting(file, *args, **kwargs):
        times[str(file)] += 1
        return real(file, *args, **kwargs)

    monkeypatch.setattr(io, "open", counting)
    monkeypatch.setattr(builtins, "open", counting)
    return times


def of_folder(root, save_image):
    save_image(root / "a.jpg")
    (root / "a.txt").write_text("1 2\n3 4\n")
    return Folder, root / "a.txt"


def of_folder_with_yolo(root, save_image):
    save_image(root / "a.jpg")
    (root / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n")
    return Folder, root / "a.txt"


def of_labelme(root, save_image):
    save_image(root / "a.jpg")
    shape = {"label": "p", "points": [[1, 2]], "shape_type": "point"}
    (root / "a.json").write_text(json.dumps({"shapes": [shape], "imagePath": "a.jpg"}))
    return Folder, root / "a.json"


def of_jhu(root, save_image):
    save_image(root / "train" / "images" / "1.jpg")
    (root / "train" / "gt").mkdir()
    (root / "train" / "gt" / "1.txt").write_text("1 2 3 4 1 0\n")
    return JHU, root / "train" / "gt" / "1.txt"


def of_nwpu(root, save_image):
    save_image(root / "images" / "1.jpg")
    (root / "jsons").mkdir()
    (root / "jsons" / "1.json").write_text(
        json.dumps({"points": [[5, 6]], "boxes": [[1, 2, 3, 4]], "human_num": 1})
    )
    (root / "train.txt").write_text("1 0 1\n")
    (root / "val.txt").write_text("")
    return NWPU, root / "jsons" / "1.json"


@pytest.mark.parametrize("make", [of_folder, of_folder_with_yolo, of_labelme, of_jhu, of_nwpu])
def test_an_annotation_file_is_opened_once_for_all_that_it_says(tmp_path, save_image, opened, make):
    factory, truth = make(tmp_path, save_image)
    dataset = factory(root=tmp_path, split="all")
    opened.clear()
    annotation = dataset.annotation(0)
    assert len(annotation.points) > 0
    assert dataset[0].lengths.keys() == annotation.lengths.keys()
    assert opened[str(truth)] == 1


def test_a_matlab_file_too(tmp_path, save_image, save_shanghaitech_mat, opened):
    base = tmp_path / "part_A_final" / "train_data"
    save_image(base / "images" / "IMG_1.jpg")
    truth = base / "ground_truth" / "GT_IMG_1.mat"
    save_shanghaitech_mat(truth, [[1, 2]])
    dataset = ShanghaiTech(root=tmp_path, split="all")
    opened.clear()
    dataset.annotation(0)
    dataset[0]
    assert opened[str(truth)] == 1
