"""Read ShanghaiTech parts A and B as downloaded."""

from pathlib import Path
from typing import Any, Literal

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, pair_files
from crowdkit_core.data.datasets.splits import divide, require_images
from crowdkit_core.data.files import images_by_stem, require_folder
from crowdkit_core.data.files.matlab import Variables, read_mat
from crowdkit_core.errors import DataError, UsageError
from crowdkit_core.interfaces import Split

_TRUTH_FOLDERS = ("ground_truth", "ground-truth")


class ShanghaiTech(ImageFiles):
    """ShanghaiTech (Zhang et al., CVPR 2016): part A 300 + 182 images, part B 400 + 316.

    Reads ``part_A[_final]/{train,test}_data/{images/IMG_n.jpg, ground[_-]truth/GT_IMG_n.mat}``.
    Test images are the official ones. Validation images are held out of the official training
    images: in natural order (IMG_1, IMG_2, ..., IMG_10), those whose index from 0 leaves
    ``validation_every - 1`` when divided by ``validation_every``: IMG_10, IMG_20, ... for 10.

    Args:
        root: The part's folder, or the one above it.
        part: Which part.
        split: Which images.
        validation_every: Every how many training images one is held out; 0 for none.

    Raises:
        DataError: The folders are not there or the split is empty.
    """

    def __init__(
        self,
        *,
        root: Path,
        part: Literal["A", "B"] = "A",
        split: Split = "train",
        validation_every: int = 10,
    ) -> None:
        folder = _part_folder(require_folder(root), part)
        found = [
            (entry, name)
            for name in ("train", "test")
            for entry in _entries(folder, f"{name}_data")
        ]
        splits = divide(
            [entry for entry, _ in found],
            [name for _, name in found],
            validation_every=validation_every,
        )
        hint = (
            "set `validation_every` to hold out training images"
            if split == "validation"
            else "expected {train,test}_data/images/*.jpg and {train,test}_data/ground_truth/*.mat"
        )
        super().__init__(require_images(splits, split, folder, hint), split)

    def _read(self, entry: Entry) -> MarkedImage:
        points = read_mat(entry.truth, _locations, "image_info{1}.location")
        return MarkedImage.of_points(entry.name, points)


def _locations(variables: Variables) -> Any:
    return variables["image_info"][0]["location"]


def _part_folder(root: Path, part: str) -> Path:
    other = "B" if part == "A" else "A"
    if root.name.lower().startswith(f"part_{other.lower()}"):
        raise UsageError(f"{root} holds part {other}, but part {part} was asked for")
    names = [f"part_{letter}{end}" for letter in (part, part.lower()) for end in ("_final", "")]
    candidates = [root, *(root / name for name in names)]
    candidates += [root / "ShanghaiTech" / name for name in names]
    for folder in candidates:
        if (folder / "train_data").is_dir() or (folder / "test_data").is_dir():
            return folder
    raise DataError(
        f"{root}: no part {part} of ShanghaiTech, expected part_{part}_final/train_data in it",
        hint="set `root` to the downloaded folder that holds part_A_final and part_B_final",
    )


def _entries(folder: Path, data: str) -> list[Entry]:
    base = folder / data
    truths = next((name for name in _TRUTH_FOLDERS if (base / name).is_dir()), _TRUTH_FOLDERS[0])
    return pair_files(
        folder,
        images_by_stem(base / "images"),
        {path.stem.removeprefix("GT_"): path for path in (base / truths).glob("GT_*.mat")},
        image=f"{data}/images/{{}}.jpg",
        truth=f"{data}/{truths}/GT_{{}}.mat",
    )
