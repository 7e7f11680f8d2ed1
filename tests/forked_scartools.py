"""The `scartools` of a test: asks a fork server for the process, and starts, is signalled and ends as that process does.

It hands over its arguments, environment, folder and standard streams. Run without site-packages: a twentieth of a second
instead of the seconds in which `scartools` itself imports what it works with.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


def main(address: str, arguments: list[str]) -> int:
    """Have the server run a command line; return its exit status, or die of the signal that it died of."""
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)  # until there is whom to pass them on to
    server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server.connect(f"\0{address}")
    request = {
        "arguments": arguments,
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "first": "",
        "closed": [],
    }
    socket.send_fds(server, [json.dumps(request).encode()], [0, 1, 2])
    child = _answer(server)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(child, number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
    status = _answer(server)
    if status < 0:
        if -status != signal.SIGKILL:  # of which there is but one way to die
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    return status


def _answer(server: socket.socket) -> int:
    answer = server.recv(64)
    if not answer:
        raise RuntimeError("the fork server has ended")
    return int(json.loads(answer))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
