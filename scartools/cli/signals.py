"""Signals: SIGTERM and SIGINT clean up and leave; a stop request lets long work end at a good place."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(BaseException):
    """Raised in the main thread by SIGTERM, so that every `finally` on the way out runs."""


class StopRequest:
    """Set by a signal while `stop_requests` is active; long work asks it after each step."""

    def __init__(self) -> None:
        self.requested = False

    def __bool__(self) -> bool:
        return self.requested


_LEAVING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def install() -> None:
    """Make SIGTERM and SIGHUP raise Terminated, and SIGINT KeyboardInterrupt; a SIGHUP that nohup ignores stays ignored."""
    for number in _LEAVING:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


@contextmanager
def stop_requests() -> Iterator[StopRequest]:
    """Within the block, SIGTERM, SIGINT and SIGUSR1 set a flag once; a second one leaves at once.

    Work that sees the flag writes its checkpoint and raises StoppedOnRequest (status 75).
    """
    stop = StopRequest()

    def request(number: int, frame: FrameType | None) -> None:
        if stop.requested and number != signal.SIGUSR1:
            _leave(number, frame)
        stop.requested = True

    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
    before = {number: signal.signal(number, request) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, frame: FrameType | None) -> None:
    for other in _LEAVING:  # a second signal must not break the clean-up; SIGQUIT and SIGKILL remain
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt if number == signal.SIGINT else Terminated
