"""Same inputs, options and seed give the same bytes: on a second run, and with 1 or 2 threads."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.declarations import COMMANDS, WRITING, Declared, ids, output_of, with_output
from tests.contract.prepared import prepare
from tests.made_once import made_once
from tests.running import run_inside, run_process


def written(folder: Path) -> dict[str, bytes]:
    """Return every file under a folder; provenance without its time."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        if path.name.endswith("prov.json"):
            facts = json.loads(data)
            facts.pop("Time")
            data = json.dumps(facts).encode()
        found[str(path.relative_to(folder))] = data
    return found


EXACT = [command for command in WRITING if command.module.KIND == "exact"]


def run_on(threads: str, command: Declared, name: str) -> Path:
    """Run a command's example in a fresh interpreter, whose hash seed is another; return the folder it wrote into."""
    Path(name).mkdir()
    output = Path(name) / output_of(command.example).name
    done = run_process(*with_output(command.example, output), "--threads", threads)
    assert done.status == 0, done.stderr
    return Path(name)


def first_on_two_threads(command: Declared, shared: Path) -> Path:
    """Return what one run on two threads wrote: other runs of both tests below are held against it."""
    return made_once(
        shared / f"two-threads-{ids(command)}",
        lambda place: shutil.copytree(run_on("2", command, "first"), place),
    )


@pytest.mark.parametrize("command", WRITING, ids=ids)
def test_a_second_run_gives_the_same_bytes(command: Declared, workspace: Path, shared: Path):
    prepare(command.setup, workspace)
    first = written(first_on_two_threads(command, shared))
    assert first
    assert written(run_on("2", command, "again")) == first


@pytest.mark.parametrize("command", EXACT, ids=ids)
def test_threads_do_not_change_a_byte(command: Declared, workspace: Path, shared: Path):
    prepare(command.setup, workspace)
    assert written(run_on("1", command, "one")) == written(first_on_two_threads(command, shared))


@pytest.mark.parametrize("command", WRITING, ids=ids)
def test_source_date_epoch_fixes_the_provenance_too(command: Declared, workspace: Path, monkeypatch):
    prepare(command.setup, workspace)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    output = output_of(command.example)
    seen = []
    for _ in range(2):
        assert (
            run_inside(
                *with_output(command.example, Path("again" + "".join(output.suffixes))), "--force"
            ).status
            == 0
        )
        seen.append(
            {
                path: path.read_bytes()
                for path in [*Path().glob("again*"), *Path().glob("again*/**/*")]
                if path.is_file()
            }
        )
    assert seen[0] == seen[1]


# Records every write and every connection of a run; the sandbox that needs no privileges.
WATCHED = """
import os, sys
allowed = [os.path.realpath(path) for path in sys.argv[1].split(os.pathsep)]
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
sys.addaudithook(hook)
sys.dont_write_bytecode = True
from scartools.cli.run import main
status = main(sys.argv[2:])
print(*bad, sep=chr(10), file=sys.stderr)
sys.exit(99 if bad else status)
"""


@pytest.mark.parametrize("command", COMMANDS, ids=ids)
def test_no_network_and_no_write_outside_the_output(command: Declared, workspace: Path, tmp_path_factory):
    prepare(command.setup, workspace)
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    home.chmod(0o555)
    arguments = list(command.example)
    place = Path("place")
    place.mkdir()
    if command.outputs:
        arguments = with_output(arguments, place / output_of(arguments).name)
    # torch names its cache in the environment once a test in this process has made an optimiser: a user's has no such name
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "MPL", "TORCHINDUCTOR_"))}
    environment |= {"HOME": str(home), "TMPDIR": str(scratch)}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, os.pathsep.join([str(place.absolute()), str(scratch)]), *arguments],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(home.iterdir()) == []
    assert list(scratch.iterdir()) == [], "scratch files were left behind"


def test_the_watch_bites(tmp_path: Path):
    code = WATCHED.replace("status = main(sys.argv[2:])", "open(sys.argv[2], 'w'); status = 0")
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "allowed"), str(tmp_path / "elsewhere")],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 99
