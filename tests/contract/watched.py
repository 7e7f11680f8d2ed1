"""One run of every command's example in a fresh interpreter, watched, on two threads; all tests of a session look at it.

It is what a user starts, `python -m scartools` with an import of everything, and the dearest way to run a command: so one run
answers what it prints, what it writes and where, whom it calls, and what a second run has to repeat.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract.declarations import Declared, ids, output_of, with_output
from tests.contract.prepared import prepare
from tests.made_once import made_once

THREADS = "2"
# Records every write and every connection of a run; the sandbox that needs no privileges.
WATCH = """
import atexit, json, os, runpy, sys
report, places = int(sys.argv[1]), sys.argv[2]
allowed = [os.path.realpath(path) for path in places.split(os.pathsep)]
bad = []
def inside(path):
    real = os.path.realpath(os.path.abspath(os.fsdecode(path)))
    return real in allowed or real.startswith(tuple(folder + os.sep for folder in allowed)) or real == os.devnull
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "socket.sendmsg"):
        bad.append((event, str(arguments[1:])))
    elif event == "open" and isinstance(arguments[0], (str, bytes)) and isinstance(arguments[2], int):
        if arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND) and not inside(arguments[0]):
            bad.append((event, str(arguments[0])))
    elif event in ("os.mkdir", "os.rename", "os.remove", "os.link", "os.symlink", "os.rmdir", "os.truncate"):
        path = arguments[0]
        if isinstance(arguments[-1], int) and event in ("os.remove", "os.rmdir") and arguments[-1] >= 0:
            path = os.path.join(os.readlink(f"/proc/self/fd/{arguments[-1]}"), path)  # relative to an open folder
        both = (path, arguments[1]) if event in ("os.rename", "os.link", "os.symlink") else (path,)
        for path in both:
            if isinstance(path, (str, bytes)) and not inside(path):
                bad.append((event, str(path)))
atexit.register(lambda: os.write(report, json.dumps(bad).encode()))
sys.addaudithook(hook)
sys.dont_write_bytecode = True
del sys.argv[:2]
runpy.run_module("scartools", run_name="__main__", alter_sys=True)
"""


@dataclass(frozen=True)
class Watched:
    """What a watched run left."""

    folder: Path  # in which it ran: a workspace, with what it wrote under `place`
    ran_in: str  # the path that the folder had meanwhile
    status: int
    stdout: str
    stderr: str
    outside: list[Any]  # connections, and writes into other folders than `place` and TMPDIR
    left: list[str]  # what lay in HOME and TMPDIR afterwards

    @property
    def place(self) -> Path:
        return self.folder / "place"


def watched_run(command: Declared, cohort: Path, shared: Path) -> Watched:
    """Return the watched run of a command, made by the first worker that asks."""

    def run(folder: Path) -> None:
        words = example_on(THREADS, command)
        (folder / "run.json").write_text(json.dumps(run_watched(words, folder)))

    folder = run_once("watched", run, command, cohort, shared)
    return Watched(folder, **json.loads((folder / "run.json").read_text()))


def run_once(name: str, run: Callable[[Path], None], command: Declared, cohort: Path, shared: Path) -> Path:
    """Return a workspace in which a command has been run, made once a name; all lie equally deep, so that relative paths agree.

    run  runs it, with what its example needs already in the folder that is given
    """

    def make(folder: Path) -> None:
        folder.mkdir()
        (folder / "cohort").symlink_to(cohort)
        prepare(command.setup, folder)
        (folder / "place").mkdir()
        run(folder)

    return made_once(shared / f"{name}-{ids(command)}", make)


def example_on(threads: str, command: Declared) -> list[str]:
    """Return a command's example on so many threads, written into `place`."""
    words = command.example
    if command.outputs:
        words = with_output(words, Path("place") / output_of(words).name)
    return [*words, "--threads", threads]


def run_watched(words: list[str], folder: Path, watch: str = WATCH) -> dict[str, Any]:
    """Run a command line under a watch, in a folder that gets a home that is read-only and a scratch beside its `place`."""
    home, scratch, place = folder / "home", folder / "scratch", folder / "place"
    home.mkdir(mode=0o555)
    scratch.mkdir()
    # torch names its cache in the environment once a test in this process has made an optimiser: a user's has no such name
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL", "TORCHINDUCTOR_"))}
    environment |= {"HOME": str(home), "TMPDIR": str(scratch)}
    with (folder / "outside.json").open("w+b") as report:
        words = [str(report.fileno()), os.pathsep.join(map(str, (place, scratch))), *words]
        done = subprocess.run(
            [sys.executable, "-c", watch, *words],
            capture_output=True, text=True, check=False, env=environment, cwd=folder, pass_fds=[report.fileno()],
        )  # fmt: skip
        report.seek(0)
        outside = json.loads(report.read())
    return {
        "ran_in": str(folder),
        "status": done.returncode,
        "stdout": done.stdout,
        "stderr": done.stderr,
        "outside": outside,
        "left": [str(path.relative_to(folder)) for top in (home, scratch) for path in top.iterdir()],
    }
