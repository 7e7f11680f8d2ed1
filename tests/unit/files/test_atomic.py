"""Publishing: whole or not at all, nothing replaced unasked, provenance last."""

from __future__ import annotations

import json
import os
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
        with pytest.raises(OutputExists, match="not listed as a part of segments.svg"):
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
    (out / "letter.txt").write_text("mine")
    with pytest.raises(OutputExists, match="did not write"):
        atomic.publish_folder(out, lambda folder: text("3")(folder / "x"), force=True)
    (out / "letter.txt").unlink()
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


def test_paths_are_written_without_the_folders_above_a_project(tmp_path, monkeypatch):
    for folder in ("project/in", "project/out", "SMITH_JOHN"):
        (tmp_path / folder).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "project")
    assert relative(tmp_path / "project/in/a.nii", tmp_path / "project/out") == "../in/a.nii"
    assert relative(tmp_path / "SMITH_JOHN/a.nii", tmp_path / "project/out") == "a.nii"
    monkeypatch.chdir("/")
    assert relative(tmp_path / "project/out/b/a.nii", tmp_path / "project/out") == "b/a.nii"


class Killed(BaseException):
    """What a signal raises: no Exception."""


def names_and_contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("nth", range(6))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["replace", "link"])
def test_a_replacement_that_is_interrupted_anywhere_puts_back_what_was_there(
    tmp_path, monkeypatch, nth, after, call
):
    atomic.publish(tmp_path / "a.tsv", text("old"), facts={"Age": "old"})
    before = names_and_contents(tmp_path)
    interrupt_the_nth(monkeypatch, call, nth, after)
    try:
        atomic.publish(tmp_path / "a.tsv", text("new"), facts={"Age": "new"}, force=True)
    except Killed:
        monkeypatch.undo()
        assert names_and_contents(tmp_path) == before
    else:
        assert (tmp_path / "a.tsv").read_text() == "new"


@pytest.mark.parametrize("nth", range(3))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_new_output_that_is_interrupted_anywhere_leaves_nothing(tmp_path, monkeypatch, nth, after):
    interrupt_the_nth(monkeypatch, "link", nth, after)
    with pytest.raises(Killed):
        atomic.publish(tmp_path / "a.tsv", text("new"), facts={"Age": "new"})
    monkeypatch.undo()
    assert names(tmp_path) == set()


@pytest.mark.parametrize("nth", range(2))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_folder_whose_replacement_is_interrupted_is_the_old_or_the_new_one(tmp_path, monkeypatch, nth, after):
    atomic.publish_folder(tmp_path / "m", lambda folder: text("old")(folder / "x"))
    interrupt_the_nth(monkeypatch, "rename", nth, after)
    with pytest.raises(Killed):
        atomic.publish_folder(tmp_path / "m", lambda folder: text("new")(folder / "x"), force=True)
    monkeypatch.undo()
    assert (tmp_path / "m/x").read_text() == ("new" if (nth, after) == (1, True) else "old")
    assert names(tmp_path) == {"m"}


def interrupt_the_nth(monkeypatch, call: str, nth: int, after: bool) -> None:
    """Raise Killed at the nth call of os.link, Path.replace or Path.rename, before or after it does its work."""
    owner = os if call == "link" else Path
    real, count = getattr(owner, call), iter(range(1000))

    def interrupted(*arguments, **options):
        mine = next(count) == nth
        if mine and not after:
            raise Killed
        done = real(*arguments, **options)
        if mine:
            raise Killed
        return done

    monkeypatch.setattr(owner, call, interrupted)


def test_force_replaces_no_file_that_the_output_does_not_own(tmp_path):
    (tmp_path / "x.json").write_text('{"MagneticFieldStrength": 1.5}')  # the scanner's sidecar of x.nii.gz
    with pytest.raises(OutputExists, match=r"x\.json.*not replaced"):
        atomic.publish(tmp_path / "x.tsv", text("new"), facts={"A": 1}, force=True)
    assert names_and_contents(tmp_path) == {"x.json": '{"MagneticFieldStrength": 1.5}'}


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"Outputs": 3}', '{"Outputs": [{"Path": 3}]}', '{"Outputs": [{"Path": "../x"}]}']
)
def test_a_damaged_provenance_owns_nothing(tmp_path, content):
    (tmp_path / "a.prov.json").write_text(content)
    for force in (False, True):
        with pytest.raises(OutputExists, match="not replaced"):
            atomic.publish(tmp_path / "a.tsv", text("new"), force=force)
    assert (tmp_path / "a.prov.json").read_text() == content


def test_a_sidecar_left_by_a_run_that_was_killed_outright_does_not_block_the_next(tmp_path):
    atomic.publish(tmp_path / "a.tsv", text("old"), facts={"Age": "old"})
    (tmp_path / "a.prov.json").unlink()
    atomic.publish(tmp_path / "a.tsv", text("new"), facts={"Age": "new"}, force=True)
    assert (tmp_path / "a.tsv").read_text() == "new"


def test_the_provenance_knows_the_command_and_its_parameters(tmp_path, monkeypatch):
    (tmp_path / "in.tsv").write_text("x")
    monkeypatch.chdir(tmp_path)
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


def test_a_folder_is_replaced_from_inside_itself(tmp_path, monkeypatch):
    out = tmp_path / "c"
    atomic.publish_folder(out, lambda folder: text("old")(folder / "x"))
    monkeypatch.chdir(out)
    atomic.publish_folder(Path("../c"), lambda folder: text("new")(folder / "x"), force=True)
    assert (out / "x").read_text() == "new" and names(tmp_path) == {"c"}


def test_a_folder_may_be_called_as_the_staging_calls_its_own(tmp_path):
    for name in ("new", "replaced"):
        for content in ("1", "2"):
            atomic.publish_folder(tmp_path / name, lambda folder, c=content: text(c)(folder / "x"), force=True)
        assert (tmp_path / name / "x").read_text() == "2"


def test_companions_left_by_a_run_that_was_killed_outright_do_not_block_the_next(tmp_path):
    def pair(content: str):
        def write(path: Path) -> None:
            path.write_text(content)
            path.with_suffix(".dat").write_text(content)

        return write

    atomic.publish(tmp_path / "r.hea", pair("old"), facts={})
    (tmp_path / "r.prov.json").unlink()
    sidecar = json.loads((tmp_path / "r.json").read_text())
    sidecar["GeneratedBy"]["Version"] = "0.0.1"  # by an earlier version
    (tmp_path / "r.json").write_text(json.dumps(sidecar))
    atomic.publish(tmp_path / "r.hea", pair("new"), facts={}, force=True)
    assert (tmp_path / "r.dat").read_text() == "new"


def test_many_forced_runs_at_once_leave_one_whole_result(tmp_path):
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(2) as pool:
        list(pool.map(_publish_numbered, [(str(tmp_path), n) for n in range(40)]))
    listed = provenance.outputs_of(tmp_path / "f.prov.json")
    assert {name: sha256_of(tmp_path / name) for name in listed} == listed


def _publish_numbered(job: tuple[str, int]) -> None:
    folder, number = job
    atomic.publish(Path(folder) / "f.tsv", text(str(number)), facts={"N": number}, force=True)
