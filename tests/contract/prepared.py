"""What has to be there before an example runs, made once for all workers and copied into each test's own folder."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.made_once import made_once
from tests.nnunet_folders import RESULT, write_result
from tests.running import run_inside


def prepare(lines: Iterable[Sequence[str]], workspace: Path) -> None:
    """Put what these command lines write into a workspace; equal lines run once, for they give equal bytes."""
    made = _folder(tuple(tuple(line) for line in lines), (workspace / "cohort").resolve())
    shutil.copytree(made, workspace, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("cohort"))


def _folder(lines: tuple[tuple[str, ...], ...], cohort: Path) -> Path:
    def make(folder: Path) -> None:
        if lines:
            shutil.copytree(_folder(lines[:-1], cohort), folder, symlinks=True)
            with contextlib.chdir(folder):
                done = run_inside(*lines[-1], "-q")
            assert done.status == 0, f"{' '.join(lines[-1])}: {done.stderr}"
        else:
            folder.mkdir()
            (folder / "cohort").symlink_to(cohort)
            write_result(folder / RESULT)  # of nnU-Net, which no command of ours makes

    key = hashlib.sha256(repr(lines).encode()).hexdigest()[:16]
    return made_once(cohort.parent / f"prepared-{key}", make)
