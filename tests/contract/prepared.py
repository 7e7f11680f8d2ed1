"""What has to be there before an example runs, made once a session and copied into each test's own folder."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.conftest import run_inside
from tests.nnunet_folders import RESULT, write_result

_store = tempfile.TemporaryDirectory(prefix="prepared-")
_made: dict[tuple[tuple[str, ...], ...], Path] = {}


def prepare(lines: Iterable[Sequence[str]], workspace: Path) -> None:
    """Put what these command lines write into a workspace; equal lines run once, for they give equal bytes."""
    made = _folder(tuple(tuple(line) for line in lines), workspace / "cohort")
    shutil.copytree(made, workspace, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cohort"))


def _folder(lines: tuple[tuple[str, ...], ...], cohort: Path) -> Path:
    if lines not in _made:
        folder = Path(tempfile.mkdtemp(dir=_store.name))
        if lines:
            shutil.copytree(_folder(lines[:-1], cohort), folder, symlinks=True, dirs_exist_ok=True)
            with contextlib.chdir(folder):
                done = run_inside(*lines[-1], "-q")
            assert done.status == 0, f"{' '.join(lines[-1])}: {done.stderr}"
        else:
            (folder / "cohort").symlink_to(cohort.resolve())
            write_result(folder / RESULT)  # of nnU-Net, which no command of ours makes
        _made[lines] = folder
    return _made[lines]
