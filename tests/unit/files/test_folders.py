"""Dataset and model folders: what is written is read again, and nothing in them can run code."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from scartools.errors import InputError
from scartools.files import dataset, model
from scartools.files.dataset import Case

CASE = Case(
    "sim-0001", {"image": np.ones((1, 4, 5, 6)), "label": np.ones((4, 5, 6))}, {"Spacing": [8, 1.5, 1.5]}
)


@pytest.fixture
def made(tmp_path):
    dataset.write_dataset(tmp_path / "d", {"Plan": {"Patch": [64, 64]}}, iter([CASE]))
    return tmp_path / "d"


def test_a_dataset_comes_back(made):
    assert dataset.read_dataset(made)["Cases"] == ["sim-0001"]
    case = dataset.read_case(made, "sim-0001")
    assert case.arrays["image"].dtype == np.float32 and case.arrays["label"].dtype == np.uint8
    assert set(case.arrays) == {"image", "label"} and case.facts == CASE.facts
    with pytest.raises(ValueError, match="read-only"):
        case.arrays["image"][0] = 0


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "a" * 200, "a b"])
def test_a_case_id_cannot_leave_its_folder(tmp_path, made, name):
    with pytest.raises(InputError, match="cannot name a folder"):
        dataset.write_dataset(tmp_path / "e", {}, [Case(name, CASE.arrays)])
    with pytest.raises(InputError, match="cannot name a folder"):
        dataset.read_case(made, name)
    assert not (tmp_path / "e").exists()


def test_a_case_that_comes_twice_is_refused(tmp_path):
    with pytest.raises(InputError, match="comes twice"):
        dataset.write_dataset(tmp_path / "e", {}, [CASE, CASE])


def test_an_array_of_objects_is_never_unpickled(made):
    path = made / "cases/sim-0001/image.npy"
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="cannot be read"):
        dataset.read_case(made, "sim-0001")


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", pickle.dumps(1)])
def test_a_damaged_array_is_refused(made, content):
    (made / "cases/sim-0001/label.npy").write_bytes(content)
    with pytest.raises(InputError):
        dataset.read_case(made, "sim-0001")


def test_an_array_that_claims_more_than_its_file_is_refused(made):
    path = made / "cases/sim-0001/image.npy"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError):
        dataset.read_case(made, "sim-0001")


def test_a_wrong_dtype_is_refused(made):
    np.save(made / "cases/sim-0001/label.npy", np.ones(3))
    with pytest.raises(InputError, match="uint8 is due"):
        dataset.read_case(made, "sim-0001")


WEIGHTS = {"stem.weight": torch.arange(6.0).reshape(2, 3), "stem.bias": torch.zeros(2)}


@pytest.fixture
def saved(tmp_path):
    model.write_model(tmp_path / "m", {"Architecture": {"Name": "unet"}}, WEIGHTS, card="# A model\n")
    return tmp_path / "m"


def test_a_model_comes_back(saved):
    found = model.read_weights(saved)
    assert set(found) == set(WEIGHTS)
    assert all(torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS)
    assert model.read_description(saved)["Architecture"]["Name"] == "unet"
    assert (saved / "card.md").read_text() == "# A model\n"


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_posing_as_weights_is_refused_unread(saved, protocol):
    (saved / "weights.safetensors").write_bytes(pickle.dumps(Evil(), protocol=protocol))
    with pytest.raises(InputError, match="may run code"):
        model.read_weights(saved)


def test_a_torch_archive_posing_as_weights_is_refused_unread(saved):
    torch.save(WEIGHTS, saved / "weights.safetensors")
    with pytest.raises(InputError, match="may run code"):
        model.read_weights(saved)


@pytest.mark.parametrize("content", [b"", b"\0" * 8, b"\xff" * 16, b"\x02\0\0\0\0\0\0\0{}"])
def test_damaged_weights_are_refused(saved, content):
    (saved / "weights.safetensors").write_bytes(content)
    with pytest.raises(InputError):
        model.read_weights(saved)


def test_weights_of_another_model_are_noticed(saved, tmp_path):
    other = {name: tensor + 1 for name, tensor in WEIGHTS.items()}
    model.write_model(tmp_path / "other", {}, other, card="")
    (saved / "weights.safetensors").write_bytes((tmp_path / "other/weights.safetensors").read_bytes())
    with pytest.raises(InputError, match="SHA-256 differs"):
        model.read_weights(saved)


def test_weights_with_nan_are_not_saved(tmp_path):
    with pytest.raises(InputError, match="NaN"):
        model.write_model(tmp_path / "m", {}, {"w": torch.tensor([float("nan")])}, card="")
    assert not (tmp_path / "m").exists()


def test_check_looks_into_every_case_and_every_tensor(made, saved):
    from scartools.files.inspection import inspect

    assert inspect(made) == "dataset, 1 cases" and inspect(saved) == "model, weights whole"
    image = np.load(made / "cases/sim-0001/image.npy")
    image[0, 0, 0, 0] = np.nan
    np.save(made / "cases/sim-0001/image.npy", image)
    with pytest.raises(InputError, match="NaN"):
        inspect(made)
    data = (saved / "weights.safetensors").read_bytes()
    (saved / "weights.safetensors").write_bytes(data[:-4])
    with pytest.raises(InputError, match="damaged"):
        inspect(saved)


@pytest.mark.parametrize(
    ("name", "array"), [("label", np.zeros((1, 2), np.uint8)), ("beat", np.zeros((3, 5), np.float32))]
)
def test_arrays_that_do_not_fit_the_image_are_refused(made, name, array):
    np.save(made / f"cases/sim-0001/{name}.npy", array)
    with pytest.raises(InputError, match="shape"):
        dataset.read_case(made, "sim-0001")


def test_labels_that_would_wrap_are_not_written(tmp_path):
    wrong = Case("a", {"image": np.ones((1, 2, 2, 2)), "label": np.full((2, 2, 2), 300)})
    with pytest.raises(InputError, match="whole numbers from 0 to 255"):
        dataset.write_dataset(tmp_path / "e", {}, [wrong])


def test_a_fifo_in_a_folder_does_not_hang_the_reader(made, saved):
    import os

    for path in (
        made / "cases/sim-0001/case.json",
        made / "cases/sim-0001/image.npy",
        saved / "weights.safetensors",
    ):
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(InputError, match="regular file"):
        dataset.read_case(made, "sim-0001")
    with pytest.raises(InputError, match="regular file"):
        model.read_description(saved)
