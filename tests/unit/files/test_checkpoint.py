"""A checkpoint comes back as it was, survives being replaced, and refuses to be half of one."""

from __future__ import annotations

import pytest
import torch

from scartools.errors import InputError, OutputError
from scartools.files import atomic
from scartools.files.checkpoint import checkpoint_path, read_checkpoint, remove_checkpoint, write_checkpoint


def a_state():
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    optimiser = torch.optim.SGD([weight], lr=0.1, momentum=0.9)
    weight.sum().backward()
    optimiser.step()
    return {
        "step": 7,
        "network": {"w": weight},
        "optimiser": optimiser.state_dict(),
        "log": [{"loss": 0.5}, None],
    }


def test_it_comes_back_as_it_was(tmp_path):
    state = a_state()
    write_checkpoint(tmp_path / "model", state)
    found = read_checkpoint(tmp_path / "model")
    assert found["step"] == 7 and found["log"] == [{"loss": 0.5}, None]
    torch.testing.assert_close(found["network"]["w"], state["network"]["w"].detach())
    weight = torch.nn.Parameter(torch.zeros(2, 3))
    optimiser = torch.optim.SGD([weight], lr=9.0)
    optimiser.load_state_dict(found["optimiser"])  # keys that are numbers stay numbers
    assert optimiser.param_groups[0]["lr"] == 0.1
    torch.testing.assert_close(optimiser.state[weight]["momentum_buffer"], torch.ones(2, 3))


def test_without_one_there_is_nothing(tmp_path):
    assert read_checkpoint(tmp_path) is None


@pytest.mark.parametrize("keep", [0, 10, 500, -1])
def test_half_of_one_is_refused(tmp_path, keep):
    write_checkpoint(tmp_path, a_state())
    place = checkpoint_path(tmp_path)
    place.write_bytes(place.read_bytes()[:keep])
    with pytest.raises(InputError, match="--no-resume"):
        read_checkpoint(tmp_path)


def test_a_changed_bit_is_noticed(tmp_path):
    write_checkpoint(tmp_path, a_state())
    place = checkpoint_path(tmp_path)
    data = bytearray(place.read_bytes())
    data[-3] ^= 1
    place.write_bytes(data)
    with pytest.raises(InputError):
        read_checkpoint(tmp_path)


def test_a_failed_write_keeps_the_state_of_before(tmp_path, monkeypatch):
    write_checkpoint(tmp_path, {"step": 1})

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        write_checkpoint(tmp_path, {"step": 2})
    assert read_checkpoint(tmp_path) == {"step": 1}
    with pytest.raises(OutputError):
        write_checkpoint(tmp_path / "new", {"step": 2})
    assert not (tmp_path / "new").exists()
    assert [path.name for path in (tmp_path / "checkpoint").iterdir()] == ["state.safetensors"]


def test_a_result_replaces_the_checkpoint_of_its_own_run_only(tmp_path):
    write_checkpoint(tmp_path / "model", {"step": 1})
    with pytest.raises(OutputError.__mro__[1], match="already exists"):
        atomic.publish_folder(tmp_path / "model", lambda folder: (folder / "a").write_text("a") and None)
    atomic.publish_folder(
        tmp_path / "model", lambda folder: (folder / "a").write_text("a") and None, resumable=True
    )
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["a", "prov.json"]


def test_forgetting_one_leaves_what_else_is_there(tmp_path):
    write_checkpoint(tmp_path / "one", {"step": 1})
    remove_checkpoint(tmp_path / "one")
    assert not (tmp_path / "one").exists()
    write_checkpoint(tmp_path / "two", {"step": 1})
    (tmp_path / "two/letter").write_text("mine")
    remove_checkpoint(tmp_path / "two")
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["letter"]
