"""Read UCF-QNRF as downloaded."""

from pathlib import Path

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, dataset_folder, pair_files
from crowdkit_core.data.datasets.splits import divide, require_images
from crowdkit_core.data.files import images_by_stem
from crowdkit_core.data.files.matlab import read_mat
from crowdkit_core.data.transforms import LongSide, Resizing
from crowdkit_core.interfaces import Split


class UCFQNRF(ImageFiles):
    """UCF-QNRF (Idrees et al., ECCV 2018): 1201 training and 334 test images, of all sizes.

    Reads ``{Train,Test}/{img_0001.jpg, img_0001_ann.mat}``. Test images are the official ones.
    Validation images are held out of the official training images: in natural order, those whose
    index from 0 leaves ``validation_every - 1`` when divided by ``validation_every``.

    Args:
        root: The folder of ``Train`` and ``Test``, or the one above ``UCF-QNRF_ECCV18``.
        split: Which images.
        validation_every: Every how many training images one is held out; 0 for none.
        long_side: Least and greatest length in pixels of the longer side, equal for exactly that
            length: an image of any split beyond them is given resized to the nearer one, so that
            training and evaluation see one scale. Points, lengths and maps, also those that
            evaluation reads or writes, are then in the resized image's pixels. None for images as
            they are.

    Raises:
        OptionsError: Impossible bounds.
        DataError: The folders are not there or the split is empty.
    """

    def __init__(
        self,
        *,
        root: Path,
        split: Split = "train",
        validation_every: int = 10,
        long_side: LongSide | None = None,
    ) -> None:
        resizing = Resizing(long_side=long_side)
        folder = dataset_folder(root, ["UCF-QNRF_ECCV18", "UCF-QNRF"], ["Train", "Test"])
        found = {name: _entries(folder, name) for name in ("Train", "Test")}
        splits = divide(
            [entry for entries in found.values() for entry in entries],
            [name.lower() for name, entries in found.items() for _ in entries],
            validation_every=validation_every,
        )
        hint = (
            "set `validation_every` to hold out training images"
            if split == "validation"
            else "expected {Train,Test}/img_0001.jpg and img_0001_ann.mat"
        )
        super().__init__(require_images(splits, split, folder, hint), split, resizing)

    def _read(self, entry: Entry) -> MarkedImage:
        points = read_mat(entry.truth, lambda variables: variables["annPoints"], "annPoints")
        return MarkedImage.of_points(entry.name, points)


def _entries(folder: Path, name: str) -> list[Entry]:
    base = folder / name
    return pair_files(
        folder,
        images_by_stem(base),
        {path.stem.removesuffix("_ann"): path for path in base.glob("*_ann.mat")},
        image=f"{name}/{{}}.jpg",
        truth=f"{name}/{{}}_ann.mat",
    )
