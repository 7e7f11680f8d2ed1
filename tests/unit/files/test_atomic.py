"""Publishing: whole or not at all, nothing replaced unasked, provenance last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scartools.errors import InputError, OutputError, OutputExists
from scartools.files import atomic, provenance
from scartools.files.provenance import Running, relative, running, sha256_of, source_of, stem_of


def text(content: str):
    return lambda path: path.write_text(content) and None


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_file_comes_with_its_sidecars(tmp_path):
    atomic.publish(tmp_path / "a.nii.gz", text("x"), facts={"Unit": "mm"})
    assert names(tmp_path) == {"a.nii.gz", "a.json", "a.prov.json"}
    facts = json.loads((tmp_path / "a.prov.json").read_text())
    assert {item["Path"] for item in facts["Outputs"]} == {"a.nii.gz", "a.json"}
    assert facts["Outputs"][1]["SHA256"] == sha256_of(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, InputError])
def test_a_failure_leaves_nothing(tmp_path, error):
    def fail(path: Path) -> None:
        path.write_text("half")
        raise error("stop")

    with pytest.raises(error):
        atomic.publish(tmp_path / "a.tsv", fail)
    with pytest.raises(error):
        atomic.publish_folder(tmp_path / "a", lambda folder: fail(folder / "b"))
    assert names(tmp_path) == set()


def test_what_is_replaced_stays_until_its_successor_is_whole(tmp_path):
    atomic.publish(tmp_path / "a.tsv", text("old"))

    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="disk is full"):
        atomic.publish(tmp_path / "a.tsv", fail, force=True)
    assert (tmp_path / "a.tsv").read_text() == "old"
    atomic.publish(tmp_path / "a.tsv", text("new"), force=True)
    assert (tmp_path / "a.tsv").read_text() == "new"
    assert names(tmp_path) == {"a.tsv", "a.prov.json"}


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    def slow(path: Path) -> None:
        path.write_text("ours")
        (tmp_path / "a.tsv").write_text("theirs")

    with pytest.raises(OutputExists):
        atomic.publish(tmp_path / "a.tsv", slow)
    assert (tmp_path / "a.tsv").read_text() == "theirs"
    assert names(tmp_path) == {"a.tsv"}


def test_a_sidecar_that_appears_meanwhile_takes_the_data_back(tmp_path):
    def slow(path: Path) -> None:
        path.write_text("ours")
        (tmp_path / "a.prov.json").write_text("{}")

    with pytest.raises(OutputExists):
        atomic.publish(tmp_path / "a.tsv", slow)
    assert names(tmp_path) == {"a.prov.json"}


def test_two_outputs_do_not_share_a_sidecar(tmp_path):
    atomic.publish(tmp_path / "segments.tsv", text("x"))
    for force in (False, True):
        with pytest.raises(OutputExists, match="would share its sidecar"):
            atomic.publish(tmp_path / "segments.svg", text("y"), force=force)
    assert (tmp_path / "segments.tsv").read_text() == "x"


def test_without_hard_links_nothing_is_overwritten_either(tmp_path, monkeypatch):
    def no_link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_link)
    atomic.publish(tmp_path / "a.tsv", text("one"))
    assert (tmp_path / "a.tsv").read_text() == "one"
    with pytest.raises(OutputExists):
        atomic.publish(tmp_path / "a.tsv", text("two"))


def test_a_folder_replaces_only_a_folder_of_ours(tmp_path):
    out = tmp_path / "model"
    atomic.publish_folder(out, lambda folder: text("1")(folder / "x"))
    with pytest.raises(OutputExists, match="--force"):
        atomic.publish_folder(out, lambda folder: text("2")(folder / "x"))
    atomic.publish_folder(out, lambda folder: text("2")(folder / "x"), force=True)
    assert (out / "x").read_text() == "2" and names(tmp_path) == {"model"}
    (out / "prov.json").unlink()
    with pytest.raises(OutputExists, match="did not write"):
        atomic.publish_folder(out, lambda folder: text("3")(folder / "x"), force=True)
    assert (out / "x").read_text() == "2"


def test_a_failing_folder_keeps_the_old_one(tmp_path):
    out = tmp_path / "model"
    atomic.publish_folder(out, lambda folder: text("1")(folder / "x"))

    def fail(folder: Path) -> None:
        raise OSError(5, "Input/output error")

    with pytest.raises(OutputError):
        atomic.publish_folder(out, fail, force=True)
    assert (out / "x").read_text() == "1"


def test_files_get_the_mode_that_the_umask_says(tmp_path):
    atomic.publish(tmp_path / "a.tsv", text("x"))
    plain = tmp_path / "plain"
    plain.write_text("x")
    assert (tmp_path / "a.tsv").stat().st_mode == plain.stat().st_mode
    atomic.publish_folder(tmp_path / "folder", lambda folder: None)
    (tmp_path / "made").mkdir()
    assert (tmp_path / "folder").stat().st_mode == (tmp_path / "made").stat().st_mode


def test_paths_are_written_without_a_home_folder(tmp_path):
    assert relative(tmp_path / "in" / "a.nii", tmp_path / "out") == "../in/a.nii"
    assert relative(Path("/nowhere/patient/a.nii"), tmp_path) == "a.nii"


def test_the_provenance_knows_the_command_and_its_parameters(tmp_path):
    (tmp_path / "in.tsv").write_text("x")
    token = running.set(Running("quantify", {"prior": tmp_path / "in.tsv", "density": 1.05}, seed=3))
    try:
        atomic.publish(tmp_path / "a.tsv", text("x"), sources=[source_of(tmp_path / "in.tsv")])
    finally:
        running.reset(token)
    facts = json.loads((tmp_path / "a.prov.json").read_text())
    assert facts["Command"] == "quantify" and facts["Seed"] == 3
    assert facts["Parameters"] == {"prior": "in.tsv", "density": 1.05}
    assert facts["Sources"][0]["Path"] == "in.tsv"


@pytest.mark.parametrize(
    ("name", "stem"), [("a.nii.gz", "a"), ("a.b.tsv", "a.b"), ("a", "a"), (".nii.gz", ".nii")]
)
def test_a_double_suffix_counts_as_one(name, stem):
    assert stem_of(Path(name)) == stem


@pytest.mark.parametrize("content", ["", "[1]", "{", "\xff\xfe", "{'a': 1}", "[" * 100000])
def test_a_damaged_sidecar_is_an_input_error(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(InputError):
        provenance.read_json(tmp_path / "a.json")
