"""Read UCSD pedestrians as downloaded."""

import re
from pathlib import Path
from typing import Any

from torch import Tensor

from crowdkit_core.data.annotations import MarkedImage
from crowdkit_core.data.datasets.base import Entry, ImageFiles, dataset_folder, require_size
from crowdkit_core.data.datasets.splits import divide_video, require_images
from crowdkit_core.data.files import images_by_stem
from crowdkit_core.data.files.matlab import Variables, find_points, load_mat, read_mat_mask
from crowdkit_core.data.transforms import Resizing
from crowdkit_core.interfaces import Size, Split

_CLIPS = [f"vidf1_33_{clip:03d}" for clip in range(10)]
_FRAMES_OF_CLIP = 200
_TRAINING_FRAMES = range(601, 1401)
_VIDEO_FOLDERS = ["ucsdpeds/vidf", "video/vidf", "vidf"]
_TRUTH_FOLDERS = ["vidf-cvpr", "gt/vidf", "gt"]
_REGION = "vidf1_33_roi_mainwalkway.mat"


class UCSD(ImageFiles):
    """UCSD pedestrians (Chan et al., CVPR 2008): 2000 grey frames of one camera, 158 x 238 pixels.

    Reads the first ten clips: ``vidf1_33_000.y/vidf1_33_000_f001.png`` to
    ``vidf1_33_009.y/vidf1_33_009_f200.png`` in ``ucsdpeds/vidf`` (or ``video/vidf``), and
    ``vidf1_33_000_frame_full.mat`` and ``vidf1_33_roi_mainwalkway.mat`` in ``vidf-cvpr`` (or
    ``gt/vidf``). Only people on the main walkway, the makers' region, count.

    Counted from 1 over all clips, frames 601 to 1400 are for training and all others for testing.
    Neighbouring frames are alike, so the validation frames are the last ``validation_last`` of
    the training frames: 1321 to 1400.

    Args:
        root: The folder in which both downloads were unpacked.
        split: Which frames.
        validation_last: How many frames at the end of the training frames are held out.
        scale: Factor on both sides, 2 in many papers: frames of every split are given resized, so
            that training and evaluation see one scale. Points, region and maps, also those that
            evaluation reads or writes, are then in the resized frame's pixels.

    Raises:
        OptionsError: ``scale`` is not above 0.
        DataError: The frames are not there or the split is empty.
    """

    def __init__(
        self,
        *,
        root: Path,
        split: Split = "train",
        validation_last: int = 80,
        scale: float = 1.0,
    ) -> None:
        resizing = Resizing(scale=scale)
        videos = dataset_folder(root, _VIDEO_FOLDERS, [f"{clip}.y" for clip in _CLIPS])
        truths = dataset_folder(root, _TRUTH_FOLDERS, [f"{clip}_frame_full.mat" for clip in _CLIPS])
        frames = _entries(videos, truths)
        numbers = [_number(entry.image) for entry in frames]
        splits = divide_video(frames, numbers, _TRAINING_FRAMES, validation_last=validation_last)
        hint = (
            "set `validation_last` to hold out training frames"
            if split == "validation"
            else "expected ten clips of 200 frames, vidf1_33_000.y to vidf1_33_009.y"
        )
        super().__init__(require_images(splits, split, videos, hint), split, resizing)
        self._region_file = truths / _REGION
        self._roi: Tensor | None = None
        self._truths: dict[Path, Variables] = {}

    def _read(self, entry: Entry) -> MarkedImage:
        if entry.truth not in self._truths:
            self._truths[entry.truth] = load_mat(entry.truth)
        frame = _clip_and_frame(entry.image)[1]

        def locations(variables: Variables) -> Any:
            # One download holds the frames at the top, the other in a struct.
            located = variables.get("fgt", variables)["frame"][frame - 1]["loc"]
            return located[:, :2]  # a third column is no coordinate

        truth = self._truths[entry.truth]
        points = find_points(entry.truth, truth, locations, f"frame{{{frame}}}.loc")
        return MarkedImage.of_points(entry.name, points)

    def _region(self, entry: Entry, size: Size) -> Tensor:
        if self._roi is None:
            self._roi = read_mat_mask(
                self._region_file, lambda found: found["roi"]["mask"], "roi.mask"
            )
        return require_size(self._roi, size, self._region_file, entry)


def _entries(videos: Path, truths: Path) -> list[Entry]:
    images = [
        image
        for clip in _CLIPS
        for stem, image in images_by_stem(videos / f"{clip}.y").items()
        if re.fullmatch(rf"{clip}_f\d+", stem)
    ]
    return [
        Entry(
            f"{image.parent.name}/{image.name}",
            image,
            truths / f"{image.parent.stem}_frame_full.mat",
        )
        for image in sorted(images, key=_number)
    ]


def _clip_and_frame(image: Path) -> tuple[int, int]:
    clip, _, frame = image.stem.removeprefix("vidf1_33_").partition("_f")
    return int(clip), int(frame)


def _number(image: Path) -> int:
    clip, frame = _clip_and_frame(image)
    return clip * _FRAMES_OF_CLIP + frame
