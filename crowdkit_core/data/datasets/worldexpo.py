"""Read WorldExpo'10 as downloaded."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, dataset_folder, pair_files
from crowdkit_core.data.datasets.splits import hold_out, require_images
from crowdkit_core.data.files import images_below, polygons_mask
from crowdkit_core.data.files.matlab import find_points, load_mat, read_mat
from crowdkit_core.errors import DataError
from crowdkit_core.interfaces import Size, Split

_SCENE_DIGITS = 6
_LEAST_CORNERS = 3


class WorldExpo(ImageFiles):
    """WorldExpo'10 (Zhang et al., CVPR 2015): 3380 frames of 103 cameras, 600 of five others.

    Reads ``train_frame/SCENE_....jpg``, ``test_frame/SCENE/SCENE_....jpg`` and the MATLAB files
    ``{train,test}_label/SCENE/{SCENE_..., roi}.mat``. A scene is one camera, the first six digits
    of a file's name; only people inside its polygon count. The test scenes are 104207, 200608,
    200702, 202201 and 500717. As testing is on cameras never seen, validation is too: in order of
    their numbers, every ``validation_every``-th training scene is held out.

    An annotation's ``group`` is its scene: papers report the error of each test scene and the
    mean of the five, which `evaluate` gives as ``by_group`` and ``group_means``.

    Args:
        root: The folder of ``train_frame`` and ``train_label``.
        split: Which frames.
        validation_every: Every how many training scenes one is held out; 0 for none.

    Raises:
        DataError: The frames are not there or the split is empty.
    """

    def __init__(self, *, root: Path, split: Split = "train", validation_every: int = 10) -> None:
        folder = dataset_folder(root, ["WorldExpo10", "WorldExpo"], ["train_frame", "test_frame"])
        training, test = _entries(folder, "train"), _entries(folder, "test")
        scenes = sorted({entry.group for entry in training})
        kept, held = map(set, hold_out(scenes, validation_every))
        splits: dict[Split, list[Entry]] = {
            "train": [entry for entry in training if entry.group in kept],
            "validation": [entry for entry in training if entry.group in held],
            "test": test,
            "all": [*training, *test],
        }
        hint = (
            "set `validation_every` to hold out training scenes"
            if split == "validation"
            else "expected {train,test}_frame with *.jpg and {train,test}_label/SCENE with *.mat"
        )
        super().__init__(require_images(splits, split, folder, hint), split)
        self._polygons: dict[Path, NDArray[np.float64]] = {}

    def _read(self, entry: Entry) -> MarkedImage:
        points = read_mat(entry.truth, lambda found: found["point_position"], "point_position")
        return MarkedImage.of_points(entry.name, points)

    def _region(self, entry: Entry, size: Size) -> Tensor:
        path = entry.truth.with_name("roi.mat")
        if path not in self._polygons:
            self._polygons[path] = _polygon(path)
        return polygons_mask([self._polygons[path]], size)


def _polygon(path: Path) -> NDArray[np.float64]:
    names = [f"maskVertices{axis}Coordinates" for axis in "XY"]
    corners = find_points(
        path,
        load_mat(path),
        lambda found: np.stack([found[name].ravel() for name in names], axis=1),
        " and ".join(names),
    )
    if len(corners) < _LEAST_CORNERS:
        raise DataError(f"{path}: a polygon of {len(corners)} corners, expected at least 3")
    return corners


def _entries(folder: Path, part: str) -> list[Entry]:
    frames, labels = folder / f"{part}_frame", folder / f"{part}_label"
    images = {path.stem: path for path in images_below(frames)}
    truths = {path.stem: path for path in labels.glob("*/*.mat") if path.stem != "roi"}
    entries = pair_files(
        folder, images, truths, image=f"{part}_frame/{{}}.jpg", truth=f"{part}_label/SCENE/{{}}.mat"
    )
    return [replace(entry, group=entry.image.stem[:_SCENE_DIGITS]) for entry in entries]
