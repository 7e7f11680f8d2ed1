"""How the tests run the command line. Three ways, from the cheapest to the one that hides nothing:

run_inside   in this process: for what a command reads, writes, refuses and says. Milliseconds beyond the work itself.
run_forked   in a process of its own, forked from one that has imported everything: for signals, limits, closed or full
             streams, permissions, whatever would harm or bind the process of the tests. The same. A shell or a make that a
             test starts does so too, with the `scartools` of write_forked_programs on its path.
run_process  in a fresh interpreter: for what the other two cannot show, the start itself. One to four seconds more.

What only a fresh interpreter shows: that a module is imported where it is needed, that the hash seed of another process
changes no byte, and how many threads BLAS and torch take, which they settle when they are imported.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import os
import secrets
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 120
# settled when numpy and torch are imported: a pool of threads would not survive the fork
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Result:
    """What a run of the command line left."""

    status: int
    stdout: str
    stderr: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The only error line; fails when there is none or more than one."""
        lines = [line for line in self.stderr.splitlines() if ": error: " in line]
        assert len(lines) == 1, f"{len(lines)} error lines in: {self.stderr!r}"
        return lines[0]


def run_inside(*arguments: str | Path) -> Result:
    """Run the command line in this process, without the second that a fresh interpreter takes to import."""
    from scartools.cli.run import main

    environment, handlers = dict(os.environ), {n: signal.getsignal(n) for n in HANDLED}
    out, err = io.TextIOWrapper(io.BytesIO(), write_through=True), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(argument) for argument in arguments])
    finally:
        os.environ.clear()
        os.environ.update(environment)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return Result(status, out.buffer.getvalue().decode(), err.getvalue())


def run_process(*arguments: str | Path, **options: Any) -> Result:
    """Run the command line in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-m", "scartools", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        **options,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def run_forked(
    *arguments: str | Path, first: str = "", closed: Collection[int] = (), stdout: int | None = None
) -> Result:
    """Run the command line in a process forked from one that has imported everything.

    first   Python that the new process executes before the command: a limit, a hook
    closed  which of the standard streams 0, 1 and 2 the process starts without
    stdout  a descriptor that takes its standard output, which the result then lacks
    """
    return start_forked(*arguments, first=first, closed=closed, stdout=stdout).result()


def start_forked(
    *arguments: str | Path, first: str = "", closed: Collection[int] = (), stdout: int | None = None
) -> Forked:
    """Start what run_forked runs, for a test that has something to do to it meanwhile; one at a time."""
    request = {
        "arguments": [str(argument) for argument in arguments],
        "folder": str(Path.cwd()),
        "environment": dict(os.environ),
        "first": first,
        "closed": sorted(closed),
    }
    server = fork_server().connection
    if _started:
        _started.pop().end()  # left by a test that failed before it asked for the result
    out, err = _Pipe(), _Pipe()
    with open(os.devnull, "rb") as nothing:
        given = [nothing.fileno(), out.entrance if stdout is None else stdout, err.entrance]
        socket.send_fds(server, [json.dumps(request).encode()], given)
    texts = [pipe.start_reading() for pipe in (out, err)]
    _started.append(Forked(server, texts))
    return _started[-1]


class Forked:
    """A process that the fork server has started."""

    def __init__(self, server: socket.socket, texts: list[Callable[[], str]]) -> None:
        self._server, self._texts = server, texts
        self._pid = self._answer()
        self._status: int | None = None

    def _answer(self) -> int:
        answer = self._server.recv(64)
        if not answer:
            raise RuntimeError("the fork server has ended")
        return int(json.loads(answer))

    @property
    def has_ended(self) -> bool:
        """Whether it has, without waiting."""
        if self._status is None and select.select([self._server], [], [], 0)[0]:
            self._status = self._answer()
        return self._status is not None

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if not self.has_ended:
            os.kill(self._pid, number)

    def end(self) -> None:
        """Kill it if it has not ended."""
        self.send_signal(signal.SIGKILL)
        if self._status is None:
            self._status = self._answer()

    def result(self) -> Result:
        """Wait for its end; one that takes too long is killed and a TimeoutError raised."""
        if self._status is None:
            try:
                self._status = self._answer()
            except TimeoutError:
                self.end()
                raise
        return Result(self._status, *(text() for text in self._texts))


_started: list[Forked] = []


class _Pipe:
    """One stream of a forked process, read while it runs."""

    def __init__(self) -> None:
        self.exit, self.entrance = os.pipe()

    def start_reading(self) -> Callable[[], str]:
        """Leave the entrance to the other process; return a function that waits for the whole text."""
        os.close(self.entrance)
        pieces: list[bytes] = []

        def read() -> None:
            with open(self.exit, "rb") as stream:
                pieces.append(stream.read())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()

        def text() -> str:
            reader.join(TIMEOUT_S)
            assert not reader.is_alive(), "a process that the command started still holds its output"
            return pieces[0].decode()

        return text


@dataclass(frozen=True)
class ForkServer:
    """The server of this pytest worker."""

    connection: socket.socket
    address: str  # where others connect, in the abstract namespace


@cache
def fork_server() -> ForkServer:
    """Start the server of this pytest worker, and end it with the worker."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    address = f"scartools-tests-{os.getpid()}-{secrets.token_hex(8)}"
    listening.bind(f"\0{address}")
    listening.listen()
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.fork_server", str(theirs.fileno()), str(listening.fileno())],
        cwd=ROOT,
        env={**os.environ, **ONE_THREAD},
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno(), listening.fileno()],
    )
    theirs.close()
    listening.close()
    ours.settimeout(TIMEOUT_S)

    def end() -> None:
        ours.close()
        server.wait(TIMEOUT_S)

    atexit.register(end)
    return ForkServer(ours, address)


def write_forked_programs(folder: Path) -> Path:
    """Write a `scartools` that is run_forked for shells, make and the like, and this `python`, into a folder; return it."""
    client = [sys.executable, "-I", "-S", str(ROOT / "tests/forked_scartools.py"), fork_server().address]
    for name, words in (("scartools", client), ("python", [sys.executable])):
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        (folder / name).chmod(0o755)
    return folder
