"""A process that has loaded what the commands load, and forks for each run it is asked for.

`tests.running` starts one in each pytest worker, at the first run that wants it, and speaks to it over a socket; so does
every `scartools` that `tests/forked_scartools.py` stands for, over a connection of its own. A fresh interpreter spends one
to four seconds on importing numpy, torch and matplotlib; a fork has them at once, and is as much a process of its own:
signals, limits, streams, environment and working folder are its alone.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import selectors
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

LARGEST_REQUEST = 1 << 20  # bytes
CAPABILITY_VERSION_3 = 0x20080522  # of <linux/capability.h>
PASSES_PERMISSIONS = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH


def load_what_commands_load() -> None:
    """Import every module that a source file of the package names, wherever in the file it does."""
    import typer.main

    import scartools
    from scartools.cli import app
    from scartools.cli.resources import leave_no_compiler_cache, scratch_for_matplotlib
    from tests.contract.layers import imported_names

    leave_no_compiler_cache()
    names = {
        name
        for path in Path(scartools.__file__).parent.rglob("*.py")
        for name in imported_names(path.read_text(encoding="utf-8"))
    }
    with scratch_for_matplotlib():
        for name in sorted(names):
            if _is_module(name):
                importlib.import_module(name)
        importlib.import_module("matplotlib.font_manager")  # makes its list of fonts when it is imported
    importlib.import_module("torch._dynamo")  # wanted by torch's optimisers when one is made
    typer.main.get_command(app.table())


def _is_module(name: str) -> bool:
    """Tell a module from a name in a module, and from one that is not installed."""
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # what stands before the last dot is no package
        return False


def be_bound_by_permissions() -> None:
    """Give up what lets root pass every permission; for anyone else there is nothing to give up."""
    if os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the same of capabilities 32 and up
    if libc.capget(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    for place in range(3):
        sets[place] &= ~PASSES_PERMISSIONS
    if libc.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def serve(own: socket.socket, listening: socket.socket) -> None:
    """Fork for each request; answer with the process id at once and with its exit status when it has ended.

    own        the connection of the pytest worker: when it ends, so do we
    listening  where others connect; what runs for a connection that ends is killed
    """
    waiting = selectors.DefaultSelector()
    waiting.register(own, selectors.EVENT_READ)
    waiting.register(listening, selectors.EVENT_READ)
    running: dict[socket.socket, int] = {}
    while True:
        for key, _ in waiting.select():
            if isinstance(key.fileobj, int):  # a process has ended
                waiting.unregister(key.fileobj)
                os.close(key.fileobj)
                connection, child = key.data
                _, status = os.waitpid(child, 0)
                if running.pop(connection, None):
                    answer(connection, os.waitstatus_to_exitcode(status))
            elif key.fileobj is listening:
                waiting.register(listening.accept()[0], selectors.EVENT_READ)
            elif request := asked(connection := key.fileobj):
                running[connection] = child = start(*request, waiting)
                waiting.register(os.pidfd_open(child), selectors.EVENT_READ, (connection, child))
                answer(connection, child)
            elif connection is own:
                for child in running.values():  # nobody waits for them any more
                    os.kill(child, signal.SIGKILL)
                return
            else:
                waiting.unregister(connection)
                connection.close()
                if child := running.pop(connection, 0):
                    os.kill(child, signal.SIGKILL)


def asked(connection: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return a request and its three streams; None where the connection has ended."""
    try:
        message, given, _, _ = socket.recv_fds(connection, LARGEST_REQUEST, 3)
    except ConnectionResetError:  # killed before it read our answer
        return None
    return (json.loads(message), given) if message else None


def answer(connection: socket.socket, number: int) -> None:
    """Send a number to who asked, unless it has been killed, which is seen as the end of its connection."""
    with contextlib.suppress(ConnectionError):
        connection.send(json.dumps(number).encode())


def start(request: dict[str, Any], given: list[int], waiting: selectors.BaseSelector) -> int:
    """Fork; return the process id of what a request asks for, which keeps none of our descriptors."""
    child = os.fork()
    if child == 0:
        for key in waiting.get_map().values():
            os.close(key.fd)
        waiting.close()
        become(request, given)
    for descriptor in given:
        os.close(descriptor)
    return child


def become(request: dict[str, Any], given: list[int]) -> None:
    """Be the process that a fresh `python -m scartools` would be, up to the end of the interpreter.

    Of that end the fork does what can be seen from outside: it waits for threads, runs what was registered for the exit
    and flushes the streams. It does not take every module apart, which touches, and so copies, all memory of the server.
    """
    for descriptor in range(3):
        if descriptor in request["closed"]:
            os.close(descriptor)
        else:
            os.dup2(given[descriptor], descriptor)
    for descriptor in given:
        os.close(descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    tempfile.tempdir = None  # looked up again from the environment
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        stream = None
        if number not in request["closed"]:
            stream = open(number, mode, encoding="utf-8", errors="surrogateescape")  # noqa: SIM115 - until we end
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    if sys.stderr is not None:
        sys.stderr.reconfigure(line_buffering=True, errors="backslashreplace")
    sys.argv = ["scartools", *request["arguments"]]
    sys.path[0] = request["folder"]
    exec(request["first"], {})
    command = importlib.import_module("scartools.__main__")
    sys.modules["__main__"] = command  # what a process that the command spawns starts from
    try:
        command.main()
    except SystemExit as end:
        threading._shutdown()
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(int(end.code or 0))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for pytest, whose end is ours
    inherited = [socket.socket(fileno=int(number)) for number in sys.argv[1:]]
    load_what_commands_load()
    gc.collect()
    gc.freeze()
    serve(*inherited)
