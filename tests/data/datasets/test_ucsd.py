import numpy as np
import pytest

from crowdkit_core.data import UCSD
from crowdkit_core.errors import DataError, OptionsError
from crowdkit_core.testing import check_dataset

FRAMES = [(0, 1), (2, 200), (3, 1), (3, 2), (6, 120), (6, 121), (6, 200), (7, 1), (9, 200)]
"""(clip, frame); training frames are those of clips 3 to 6."""

LAYOUTS = {
    "papers": ("ucsdpeds/vidf", "vidf-cvpr", lambda frames: {"frame": frames}),
    "peds": ("video/vidf", "gt/vidf", lambda frames: {"fgt": {"frame": frames}}),
}


@pytest.fixture(params=LAYOUTS)
def downloaded(request, tmp_path, save_image, save_mat):
    """Frame f of clip c has f % 3 people in column c + 1; the region is the first eight columns."""
    videos, truths, wrap = LAYOUTS[request.param]
    for clip, frame in [*FRAMES, (10, 1)]:
        name = f"vidf1_33_{clip:03d}"
        save_image(tmp_path / videos / f"{name}.y" / f"{name}_f{frame:03d}.png")
    for clip in range(10):
        kinds = [
            {
                "loc": np.array([[clip + 1, 4.0, 1.0]] * people).reshape(-1, 3),
                "id": np.ones((1, people)),
            }
            for people in range(3)
        ]
        frames = [kinds[frame % 3] for frame in range(1, 201)]
        save_mat(tmp_path / truths / f"vidf1_33_{clip:03d}_frame_full.mat", wrap(frames))
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[:, :8] = 1
    corners = np.array([[0.0], [8.0]])
    save_mat(
        tmp_path / truths / "vidf1_33_roi_mainwalkway.mat",
        {"roi": {"xi": corners, "yi": corners, "mask": mask}},
    )
    return tmp_path


def frames(dataset):
    names = [entry.image.stem for entry in dataset.entries]
    return [(int(name[9:12]), int(name[-3:])) for name in names]


def test_splits(downloaded):
    assert frames(UCSD(root=downloaded)) == [(3, 1), (3, 2), (6, 120)]
    assert frames(UCSD(root=downloaded, split="validation")) == [(6, 121), (6, 200)]
    assert frames(UCSD(root=downloaded, split="test")) == [(0, 1), (2, 200), (7, 1), (9, 200)]
    assert frames(UCSD(root=downloaded, split="all")) == FRAMES


def test_a_frame_has_its_own_people(downloaded):
    dataset = UCSD(root=downloaded, split="all")
    found = [dataset.annotation(i).points.tolist() for i in range(len(dataset))]
    assert found == [[[clip + 0.5, 3.5]] * (frame % 3) for clip, frame in FRAMES]


def test_the_region_is_the_makers_mask(downloaded):
    roi = UCSD(root=downloaded, split="test")[0].roi
    assert roi[:, :8].all()
    assert not roi[:, 8:].any()


def test_a_missing_truth_or_region_is_named(downloaded):
    dataset = UCSD(root=downloaded, split="test")
    dataset.entries[0].truth.unlink()
    with pytest.raises(DataError, match=r"vidf1_33_000_frame_full.mat: no such annotation file"):
        dataset.annotation(0)
    dataset.entries[1].truth.with_name("vidf1_33_roi_mainwalkway.mat").unlink()
    with pytest.raises(DataError, match=r"vidf1_33_roi_mainwalkway.mat: no such annotation file"):
        dataset.annotation(1)


def test_a_folder_without_it_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"vidf1_33_000.y"):
        UCSD(root=tmp_path)


def test_frames_and_region_are_enlarged(downloaded, assert_twice_as_large):
    for split in ("train", "test"):
        assert_twice_as_large(
            UCSD(root=downloaded, split=split, scale=2.0), UCSD(root=downloaded, split=split)
        )
    check_dataset(UCSD(root=downloaded, split="all", scale=1.37))
    with pytest.raises(OptionsError, match="scale -1"):
        UCSD(root=downloaded, scale=-1.0)


def test_contract(downloaded):
    check_dataset(UCSD(root=downloaded, split="all"))
