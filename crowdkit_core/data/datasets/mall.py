"""Read Mall as downloaded."""

from pathlib import Path

from torch import Tensor

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, dataset_folder, require_size
from crowdkit_core.data.datasets.splits import divide_video, require_images
from crowdkit_core.data.files import images_by_stem
from crowdkit_core.data.files.matlab import Variables, find_points, load_mat, read_mat_mask
from crowdkit_core.interfaces import Size, Split

_TRAINING_FRAMES = range(1, 801)


class Mall(ImageFiles):
    """Mall (Chen et al., BMVC 2012): 2000 frames of one camera, 480 x 640 pixels.

    Reads ``frames/seq_000001.jpg``, ``mall_gt.mat`` and, for the region, ``perspective_roi.mat``.
    Frames 1 to 800 are for training, 801 to 2000 for testing. Neighbouring frames are alike, so
    the validation frames are the last ``validation_last`` of the training frames: 721 to 800.

    Args:
        root: The folder of ``frames``, or the one above ``mall_dataset``.
        split: Which frames.
        validation_last: How many frames at the end of the training frames are held out.
        roi: Count only inside the makers' region instead of in the whole frame.

    Raises:
        DataError: The frames are not there or the split is empty.
    """

    def __init__(
        self,
        *,
        root: Path,
        split: Split = "train",
        validation_last: int = 80,
        roi: bool = False,
    ) -> None:
        folder = dataset_folder(root, ["mall_dataset"], ["frames"])
        frames = _entries(folder)
        numbers = [_number(entry.image) for entry in frames]
        splits = divide_video(frames, numbers, _TRAINING_FRAMES, validation_last=validation_last)
        hint = (
            "set `validation_last` to hold out training frames"
            if split == "validation"
            else "expected frames/seq_000001.jpg to frames/seq_002000.jpg"
        )
        super().__init__(require_images(splits, split, folder, hint), split)
        self._region_file = folder / "perspective_roi.mat" if roi else None
        self._roi: Tensor | None = None
        self._truth: Variables | None = None

    def _read(self, entry: Entry) -> MarkedImage:
        if self._truth is None:
            self._truth = load_mat(entry.truth)
        number = _number(entry.image)
        points = find_points(
            entry.truth,
            self._truth,
            lambda variables: variables["frame"][number - 1]["loc"],
            f"frame{{{number}}}.loc",
        )
        return MarkedImage.of_points(entry.name, points)

    def _region(self, entry: Entry, size: Size) -> Tensor | None:
        file = self._region_file
        if file is None:
            return None
        if self._roi is None:
            self._roi = read_mat_mask(file, lambda found: found["roi"]["mask"], "roi.mask")
        return require_size(self._roi, size, file, entry)


def _entries(folder: Path) -> list[Entry]:
    images = [
        path
        for stem, path in images_by_stem(folder / "frames").items()
        if stem.startswith("seq_") and stem.removeprefix("seq_").isdecimal()
    ]
    return [
        Entry(f"frames/{image.name}", image, folder / "mall_gt.mat")
        for image in sorted(images, key=_number)
    ]


def _number(image: Path) -> int:
    return int(image.stem.removeprefix("seq_"))
