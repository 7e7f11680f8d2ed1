"""Talk goes to stderr, data to stdout.

Library code logs; here the log becomes lines such as `scartools aha17: warning: ...`. Progress is a bar on
a terminal and, in a batch log, a few plain lines that grow rarer.
"""

from __future__ import annotations

import json
import logging
import math
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sized
from typing import Any, TypeVar

from scartools.files.standard_output import write_stdout

Item = TypeVar("Item")
log = logging.getLogger("scartools")

_FIRST_REPORT_S = 5.0  # a batch log gets its first line after this time, then after twice as long, and so on


class Talk(logging.Handler):
    """Writes what is logged to stderr, and keeps the warnings for --json."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.prefix = name
        self.warnings: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record as one line."""
        message = " ".join(record.getMessage().split())
        if record.levelno >= logging.ERROR:
            message = f"error: {message}"  # one failed item of a batch
        elif record.levelno >= logging.WARNING:
            self.warnings.append(message)
            message = f"warning: {message}"
        say(self.prefix, message)


def start_talk(name: str, *, quiet: bool, verbose: bool) -> Talk:
    """Send the log to stderr: warnings always, short facts unless quiet, details when verbose."""
    talk = Talk(name)
    logging.captureWarnings(True)  # Python's own warnings are details of libraries
    details = logging.getLogger("py.warnings")
    details.handlers[:] = [talk] if verbose else [logging.NullHandler()]
    details.propagate = False
    log.handlers[:] = [talk]
    log.propagate = False
    log.setLevel(logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO)
    return talk


def require_streams() -> None:
    """Give closed standard streams a place to go, and let them print file names that are not UTF-8."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - open until we end
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(prefix: str, message: str) -> None:
    """Write one line to stderr at once; SLURM logs are read while the job runs."""
    print(f"{prefix}: {message}", file=sys.stderr, flush=True)  # noqa: T201 - the one place that talks


def print_json(facts: Mapping[str, Any]) -> None:
    """Write one JSON object to stdout; NaN becomes null."""
    write_stdout(
        json.dumps(_without_nan(facts), indent=2, ensure_ascii=False, allow_nan=False, default=str) + "\n"
    )


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return value


def track(items: Iterable[Item], label: str, total: int | None = None) -> Iterator[Item]:
    """Yield the items and show how far it is: a bar on a terminal, a few lines in a log, nothing when quiet."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if not log.isEnabledFor(logging.INFO):
        yield from items
    elif sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, desc=label, total=total, file=sys.stderr, leave=False)
    else:
        yield from _thinning(items, label, total)


def _thinning(items: Iterable[Item], label: str, total: int | None) -> Iterator[Item]:
    start = time.monotonic()
    due = _FIRST_REPORT_S
    for done, item in enumerate(items, start=1):
        yield item
        elapsed = time.monotonic() - start
        if elapsed >= due:
            log.info("%s: %s of %s after %.0f s", label, done, total if total is not None else "?", elapsed)
            due = 2 * elapsed
