"""Outputs appear whole or not at all, never over a file that is there, and say where they came from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scartools.cli.contracts import CONTRACTS
from scartools.files import provenance
from tests.contract.declarations import (
    COMMANDS,
    WRITING,
    Declared,
    ids,
    input_positions,
    left_by_a_kill,
    output_of,
    with_output,
)
from tests.contract.prepared import prepare
from tests.contract.watched import watched_run
from tests.running import Result, run_forked, run_inside

# A process that stops itself at the first audit event of a kind: the only way to be killed at the same point every time.
KILLED_AT = """
import os, signal, sys
seen = []
def hook(event, arguments):
    if event == {event!r} and not seen and {marker!r} in str(arguments):
        seen.append(event)
        os.kill(os.getpid(), signal.{signal})
sys.addaudithook(hook)
"""


@pytest.fixture
def ready(workspace: Path, request: pytest.FixtureRequest) -> Declared:
    """The command of this test, with what its example needs already made."""
    command = request.param
    prepare(command.setup, workspace)
    return command


for_writing = pytest.mark.parametrize("ready", WRITING, ids=ids, indirect=True)
for_all = pytest.mark.parametrize("ready", COMMANDS, ids=ids, indirect=True)


def visible(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if "cohort" not in path.parts}


def killed_at(event: str, arguments: list[str], marker: str = "", signal: str = "SIGTERM") -> Result:
    return run_forked(*arguments, first=KILLED_AT.format(event=event, marker=marker, signal=signal))


@pytest.mark.parametrize("command", WRITING, ids=ids)
def test_the_output_carries_its_provenance(command: Declared, cohort: Path, shared: Path):
    done = watched_run(command, cohort, shared)
    output = done.place / output_of(command.example).name
    facts = json.loads(provenance.provenance_path(output).read_text())
    assert facts["Command"] == command.name
    assert facts["GeneratedBy"]["Name"] == "scartools"
    assert all(len(item["SHA256"]) == 64 for item in facts["Sources"] + facts["Outputs"])
    assert not any(Path(item["Path"]).is_absolute() for item in facts["Sources"] + facts["Outputs"])
    assert done.ran_in not in json.dumps(facts)
    assert run_inside("check", output).status == 0


@for_writing
def test_an_existing_output_is_left_alone_without_force(ready: Declared, workspace: Path):
    output = output_of(ready.example)
    prepare([*ready.setup, ready.example], workspace)
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    done = run_inside(*ready.example)
    assert done.status == 4
    assert "--force" in done.error and output.name in done.error
    assert before == {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    assert run_inside(*ready.example, "--force").status == 0


@for_writing
def test_a_file_of_the_user_is_not_taken_for_ours(ready: Declared):
    output = output_of(ready.example)
    if output.suffix:
        output.write_text("mine")
    else:
        output = Path("mine")
        output.mkdir()
        (output / "letter.txt").write_text("mine")
        assert run_inside(*with_output(ready.example, output), "--force").status == 4
        assert (output / "letter.txt").read_text() == "mine"
    assert run_inside(*with_output(ready.example, output)).status == 4


@for_writing
@pytest.mark.parametrize("moment", ["staging", "moving"])
def test_sigterm_leaves_nothing_behind(ready: Declared, moment: str, workspace: Path):
    folder = any(CONTRACTS[mark.contract].folder for mark in ready.outputs.values())
    event = "tempfile.mkdtemp" if moment == "staging" else "os.rename" if folder else "os.link"
    before = visible(workspace)
    arguments = with_output(ready.example, Path("fresh" + "".join(output_of(ready.example).suffixes)))
    done = killed_at(event, arguments, marker=".tmp-" if event != "tempfile.mkdtemp" else "fresh")
    assert done.status == 143, done.stderr
    assert visible(workspace) == before | left_by_a_kill(ready, output_of(arguments))
    assert "terminated" in done.stderr and "Traceback" not in done.stderr


@for_writing
def test_sigint_leaves_nothing_behind(ready: Declared, workspace: Path):
    before = visible(workspace)
    arguments = with_output(ready.example, Path("fresh" + "".join(output_of(ready.example).suffixes)))
    done = killed_at("tempfile.mkdtemp", arguments, marker="fresh", signal="SIGINT")
    assert done.status == 130, done.stderr
    assert visible(workspace) == before | left_by_a_kill(ready, output_of(arguments))


@for_writing
def test_a_missing_folder_is_named(ready: Declared, workspace: Path):
    before = visible(workspace)
    done = run_inside(*with_output(ready.example, Path("nowhere") / output_of(ready.example)))
    assert done.status == 1
    assert "mkdir -p nowhere" in done.error
    assert visible(workspace) == before


@for_writing
def test_a_full_disk_leaves_nothing_behind(ready: Declared, workspace: Path):
    before = visible(workspace)
    arguments = with_output(ready.example, Path("fresh" + "".join(output_of(ready.example).suffixes)))
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300)); sys.dont_write_bytecode = True"
    done = run_forked(*arguments, first=limit)
    assert done.status == 1, done.stderr
    assert "cannot be written" in done.stderr and "Traceback" not in done.stderr
    assert visible(workspace) == before


@for_writing
def test_a_read_only_folder_is_refused(ready: Declared, workspace: Path):
    (workspace / "locked").mkdir(mode=0o555)
    done = bound_by_permissions(with_output(ready.example, Path("locked") / output_of(ready.example)))
    assert done.status == 1, done.stderr
    assert "not writable" in done.stderr and "Traceback" not in done.stderr
    assert not any((workspace / "locked").iterdir())


def bound_by_permissions(arguments: list[str]) -> Result:
    """Run as one whom permissions bind: root without the capability to pass them all."""
    return run_forked(*arguments, first="from tests.fork_server import be_bound_by_permissions as bind; bind()")


@pytest.mark.parametrize("ready", [c for c in COMMANDS if input_positions(c)], ids=ids, indirect=True)
def test_an_unreadable_input_is_refused(ready: Declared, workspace: Path):
    words = list(ready.example)
    position, _ = input_positions(ready)[0]
    good = Path(words[position])
    bad = workspace / f"locked{good.suffix}"
    inside = sorted(good.rglob("*.nii.gz")) or sorted(good.rglob("*.json"))
    bad.write_bytes((inside[0] if good.is_dir() else good).read_bytes())
    bad.chmod(0)
    words[position] = str(bad)
    done = bound_by_permissions(words)
    assert done.status == 3, done.stderr
    assert bad.name in done.stderr and len(done.stderr.splitlines()) == 1


def inputs_like_the_output(command: Declared) -> list[int]:
    """Return where the example of a command names an input with the suffix of its output."""
    suffix = output_of(command.example).suffix
    return [at for at, _ in input_positions(command) if Path(command.example[at]).suffix == suffix]


@pytest.mark.parametrize("ready", [c for c in WRITING if inputs_like_the_output(c)], ids=ids, indirect=True)
def test_the_input_is_never_the_output(ready: Declared):
    same = Path(ready.example[inputs_like_the_output(ready)[0]])
    before = content_of(same)
    done = run_inside(*with_output(ready.example, same), "--force")
    assert done.status == 2
    assert "replace the input" in done.error
    assert content_of(same) == before


def content_of(path: Path) -> dict[Path, bytes]:
    """Return the bytes of a file, or of every file of a folder."""
    return {file: file.read_bytes() for file in (path, *path.rglob("*")) if file.is_file()}


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_stdout_is_empty_unless_asked(command: Declared, cohort: Path, shared: Path):
    done = watched_run(command, cohort, shared)
    assert (done.status, done.stdout) == (0, ""), done.stderr


@for_all
def test_json_tells_of_a_failure_too(ready: Declared):
    done = run_inside(
        *ready.words, "--json", "no-such-file.nii.gz", *(["-o", "x.nii.gz"] if ready.outputs else [])
    )
    assert done.status in (2, 3)
    assert done.json["ExitStatus"] == done.status
    assert done.json["Error"] in done.stderr


@for_all
def test_quiet_is_quiet_and_stdin_may_be_closed(ready: Declared):
    done = run_forked(*ready.example, "--quiet", closed=[0])
    assert (done.status, done.stdout) == (0, ""), done.stderr
    assert [line for line in done.stderr.splitlines() if ": warning: " not in line] == []


@for_all
def test_json_is_one_object_on_stdout_and_stderr_may_be_closed(ready: Declared):
    done = run_forked(*ready.example, "--json", closed=[2])
    assert done.status == 0
    assert done.json["Command"] == ready.name
    assert isinstance(done.json["Warnings"], list)


@for_all
def test_stdout_may_be_closed(ready: Declared):
    done = run_forked(*ready.example, closed=[1])
    assert (done.status, done.stdout) == (0, ""), done.stderr


@for_writing
def test_sigterm_during_a_replacement_keeps_the_old_result(ready: Declared, workspace: Path):
    folder = any(CONTRACTS[mark.contract].folder for mark in ready.outputs.values())
    prepare([*ready.setup, ready.example], workspace)
    before = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file()}
    done = killed_at("os.rename", [*ready.example, "--force"], marker="replaced" if folder else ".tmp-")
    assert done.status == 143, done.stderr
    left = {Path(path).absolute() for path in left_by_a_kill(ready, output_of(ready.example))}
    after = {path: path.read_bytes() for path in workspace.rglob("*") if path.is_file() and path not in left}
    assert before == after


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_fresh_interpreter_starts_and_ends_without_a_stream(cohort: Path, tmp_path: Path, closed: str):
    segmentation = cohort / "truth/sim-0001/segmentation.nii.gz"
    words = [
        sys.executable,
        "-m",
        "scartools",
        "aha17",
        str(segmentation),
        "-o",
        str(tmp_path / "prior.nii.gz"),
    ]
    done = subprocess.run(["sh", "-c", f'exec "$@" {closed}', "sh", *words], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert (tmp_path / "prior.nii.gz").exists() and b"Traceback" not in done.stderr


@for_all
def test_a_full_standard_output_is_not_success(ready: Declared):
    with open("/dev/full", "w") as full:
        done = run_forked(*ready.example, "--json", stdout=full.fileno())
    assert done.status == 1
    assert "standard output cannot be written" in done.stderr and "Traceback" not in done.stderr
