"""A bad input ends in status 3 and one line that names the file and a remedy; nothing is written, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import run_inside
from tests.contract.bad_files import BY_CONTRACT
from tests.contract.declarations import COMMANDS, Declared, input_positions, output_of

CASES = [
    pytest.param(
        command, position, maker, id=f"{command.name.replace(' ', '-')}-{kind}-{name.replace(' ', '_')}"
    )
    for command in COMMANDS
    for position, kind in input_positions(command)
    for name, maker in BY_CONTRACT[kind].items()
]


def snapshot(folder: Path) -> dict[str, bytes | None]:
    """Return every path under a folder with its content (None for what is no regular file)."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() and not path.is_symlink() else None
        for path in folder.rglob("*")
        if "cohort" not in path.parts
    }


@pytest.mark.parametrize(("command", "position", "maker"), CASES)
def test_a_bad_input_is_refused_in_one_line(command: Declared, position: int, maker, workspace: Path):
    for words in command.setup:
        assert run_inside(*words, "-q").status == 0
    words = list(command.example)
    good = Path(words[position])
    bad = Path("bad" + "".join(good.suffixes[-2:] if good.name.endswith(".nii.gz") else good.suffixes[-1:]))
    maker(bad, _a_file(good))
    words[position] = str(bad)
    before = snapshot(workspace)
    done = run_inside(*words)
    assert done.status == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert bad.name in done.error
    assert done.error.rstrip().endswith(".")
    assert done.stdout == ""
    assert snapshot(workspace) == before
    if "-o" in words:
        assert not output_of(words).exists()


def _a_file(good: Path) -> Path:
    """Return a good file to start from; for a folder, a volume in it."""
    return next(good.rglob("*.nii.gz")) if good.is_dir() else good


@pytest.mark.parametrize("command", [c for c in COMMANDS if input_positions(c)], ids=lambda c: c.name)
def test_every_kind_of_input_has_bad_examples(command: Declared):
    assert all(len(BY_CONTRACT[kind]) >= 12 for _, kind in input_positions(command))
