"""MATLAB files of every version give the same values."""

import sys

import h5py
import numpy as np
import pytest
import scipy.io

from crowdkit_core.data import ShanghaiTech
from crowdkit_core.data.files.matlab import load_mat, read_mat
from crowdkit_core.errors import DataError

POINTS = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
NOBODY = np.zeros((0, 2))


@pytest.fixture
def written(tmp_path, save_mat):
    def write(**variables):
        save_mat(tmp_path / "a.mat", variables)
        return load_mat(tmp_path / "a.mat")

    return write


def test_an_array_keeps_its_axes(written):
    assert written(annPoints=POINTS)["annPoints"].tolist() == POINTS.tolist()
    assert written(row=np.array([[1.0, 2.0]]))["row"].shape == (1, 2)
    assert written(column=np.array([[1.0], [2.0]]))["column"].shape == (2, 1)


def test_an_empty_array_keeps_its_axes(written):
    assert written(annPoints=NOBODY)["annPoints"].shape == (0, 2)


def test_a_struct_is_a_dict_and_a_cell_array_a_list(written):
    found = written(frame=[{"loc": POINTS}, {"loc": NOBODY}], count=np.array([[3.0], [0.0]]))
    assert set(found) == {"frame", "count"}
    assert [frame["loc"].shape for frame in found["frame"]] == [(3, 2), (0, 2)]


def test_one_cell_is_a_list_too(written):
    found = written(image_info=[{"location": POINTS, "number": np.array([[3.0]])}])
    assert found["image_info"][0]["location"].tolist() == POINTS.tolist()


def test_structs_and_cells_nest(written):
    found = written(fgt={"frame": [{"loc": POINTS}]}, roi={"mask": np.eye(3, dtype=np.uint8)})
    assert found["fgt"]["frame"][0]["loc"].tolist() == POINTS.tolist()
    assert found["roi"]["mask"].tolist() == np.eye(3).tolist()


def test_an_array_of_structs_of_version_7(tmp_path):
    structs = np.zeros((1, 2), dtype=[("loc", object)])
    structs[0, 0]["loc"], structs[0, 1]["loc"] = POINTS, NOBODY
    scipy.io.savemat(tmp_path / "a.mat", {"frame": structs})
    found = load_mat(tmp_path / "a.mat")
    assert [frame["loc"].shape for frame in found["frame"]] == [(3, 2), (0, 2)]


def test_an_array_of_structs_of_version_73(tmp_path, mark_as_73):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in (("first", POINTS), ("second", POINTS[:1])):
            file.create_dataset(f"#refs#/{name}", data=array.T)
        frame = file.create_group("frame")
        frame.attrs["MATLAB_class"] = np.bytes_("struct")
        loc = frame.create_dataset("loc", (2, 1), h5py.ref_dtype)
        loc[0, 0], loc[1, 0] = file["#refs#/first"].ref, file["#refs#/second"].ref
    mark_as_73(path)
    found = load_mat(path)
    assert [frame["loc"].tolist() for frame in found["frame"]] == [
        POINTS.tolist(),
        POINTS[:1].tolist(),
    ]


def test_a_missing_h5py_says_what_to_install(tmp_path, mark_as_73, monkeypatch):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["annPoints"] = POINTS.T
    mark_as_73(path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    monkeypatch.delitem(sys.modules, "crowdkit_core.data.files.matlab_hdf5", raising=False)
    with pytest.raises(DataError, match=r"a\.mat: a MATLAB 7\.3 file") as caught:
        load_mat(path)
    assert "crowdkit-core[hdf5]" in caught.value.hint


def test_a_file_of_version_73_cut_short_is_refused_by_name(tmp_path, mark_as_73):
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["annPoints"] = np.zeros((2, 1000))
    mark_as_73(path)
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=r"a\.mat: cannot be read as a MATLAB 7\.3 file"):
        load_mat(path)


def test_shanghaitech_saved_again_in_any_version(tmp_path, save_image, save_mat):
    for n, points in ((1, POINTS), (2, NOBODY)):
        save_image(tmp_path / "part_A/test_data/images" / f"IMG_{n}.jpg")
        info = {"location": points, "number": np.array([[float(len(points))]])}
        save_mat(tmp_path / f"part_A/test_data/ground_truth/GT_IMG_{n}.mat", {"image_info": [info]})
    dataset = ShanghaiTech(root=tmp_path, split="test")
    assert dataset.annotation(0).points.tolist() == (POINTS - 0.5).tolist()
    assert dataset.annotation(1).points.shape == (0, 2)


@pytest.mark.parametrize(
    ("value", "held"),
    [
        ("none", "text 'none'"),
        ({"loc": POINTS}, "a struct"),
        (np.array([POINTS, NOBODY], object), "a cell array"),
    ],
)
def test_what_is_no_array_is_said(tmp_path, value, held):
    scipy.io.savemat(tmp_path / "a.mat", {"annPoints": value})
    with pytest.raises(DataError, match=rf"no points: expected annPoints, which holds {held}"):
        read_mat(tmp_path / "a.mat", lambda variables: variables["annPoints"], "annPoints")
