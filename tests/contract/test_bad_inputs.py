"""A bad input ends in status 3 and one line that names the file and a remedy; nothing is written, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from scartools.cli.contracts import CONTRACTS, Reads
from tests.conftest import run_inside
from tests.contract.bad_files import BY_CONTRACT
from tests.contract.declarations import COMMANDS, Declared, Varied, output_of, varied_inputs, with_output
from tests.contract.prepared import prepare

CASES = [
    pytest.param(varied, maker, id=f"{command.name.replace(' ', '-')}-{varied.kind}-{name.replace(' ', '_')}")
    for command in COMMANDS
    for varied in varied_inputs(command)
    for name, maker in BY_CONTRACT[varied.kind].items()
]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return every path under a folder with its content (None for what is no regular file)."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.rglob("*")
        if "cohort" not in path.parts
    }


@pytest.mark.parametrize(("varied", "maker"), CASES)
def test_a_bad_input_is_refused_in_one_line(varied: Varied, maker, workspace: Path):
    prepare(varied.before, workspace)
    words = list(varied.arguments)
    good = Path(words[varied.position])
    suffix = (
        ".tsv"
        if varied.kind in ("landmarks", "list", "corrections", "normals")
        else "".join(good.suffixes[-2:])
    )
    bad = Path("bad" + (suffix if suffix in (".nii.gz", ".tsv") else good.suffix))
    # what breaks a folder starts from the folder
    maker(bad, good if CONTRACTS[varied.kind].folder else a_file(good))
    words[varied.position] = str(bad)
    if "-o" in words:
        words = with_output(words, Path("fresh" + "".join(output_of(words).suffixes)))
    before = snapshot(workspace)
    done = run_inside(*words)
    assert done.status in ((3, 5) if varied.kind == "list" else (3,)), done.stderr
    assert "Traceback" not in done.stderr and "unexpected" not in done.stderr
    assert bad.name in done.stderr if varied.kind != "list" else True
    assert [line for line in done.stderr.splitlines() if ": error: " in line][-1].rstrip().endswith(".")
    assert varied.kind == "list" or done.error
    assert done.stdout == ""
    assert snapshot(workspace) == before


def a_file(good: Path) -> Path:
    """Return a good file to start from; for a folder, a volume in it."""
    return next(good.rglob("*.nii.gz")) if good.is_dir() else good


@pytest.mark.parametrize("command", [c for c in COMMANDS if varied_inputs(c)], ids=lambda c: c.name)
def test_every_input_of_a_command_is_varied(command: Declared):
    kinds = {mark.contract for mark in command.marks.values() if isinstance(mark, Reads)}
    assert {varied.kind for varied in varied_inputs(command)} == kinds
    assert all(len(BY_CONTRACT[kind]) >= 12 for kind in kinds)
