"""What can go wrong, one error type per exit status.

Any layer may raise these; only `scartools.cli.run` turns them into a line on stderr and an exit status.
A message reads `where: problem. remedy` on one line: name the file, the option and the value, then what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import Any


class ExitStatus(IntEnum):
    """The exit statuses of every command, as its man page lists them."""

    DONE = 0  # done, or nothing to do
    FAILURE = 1  # unexpected failure, or an output that cannot be written
    USAGE = 2  # bad option, bad value, missing argument
    BAD_INPUT = 3  # an input is missing, unreadable or unusable
    EXISTS = 4  # the output exists and --force was not given
    ITEMS_FAILED = 5  # some items failed, the others are done
    STOPPED = 75  # stopped on request after a checkpoint: run the same command again
    INTERRUPTED = 130  # SIGINT
    TERMINATED = 143  # SIGTERM


class ScartoolsError(Exception):
    """An error a user can read: what happened, where, and what to do about it."""

    status: ExitStatus = ExitStatus.FAILURE

    def __init__(
        self,
        problem: str,
        *,
        where: str | Path | None = None,
        remedy: str = "",
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(problem)
        self.facts = dict(facts or {})  # what --json prints beside the error
        self.problem = problem
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"{self.where}: {self.problem}" if self.where is not None else self.problem
        text = text.rstrip(". ") + "."
        if self.remedy:
            text += " " + self.remedy.rstrip(". ") + "."
        return " ".join(text.split())  # one line, whatever a library put into its message


class OutputError(ScartoolsError):
    """An output cannot be written: disk full, read-only folder, closed stdout."""

    status = ExitStatus.FAILURE


class UsageError(ScartoolsError):
    """Options that contradict each other or the inputs they are used with."""

    status = ExitStatus.USAGE


class InputError(ScartoolsError):
    """An input is missing, unreadable, or not what its contract says."""

    status = ExitStatus.BAD_INPUT


class GeometryError(InputError):
    """The anatomy or the grid does not allow the question to be answered."""


class OutputExists(ScartoolsError):
    """The output is already there and may not be replaced."""

    status = ExitStatus.EXISTS


class ItemsFailed(ScartoolsError):
    """A batch ended with some items failed and the others done."""

    status = ExitStatus.ITEMS_FAILED


class StoppedOnRequest(ScartoolsError):
    """Stopped on request; a checkpoint is on disk and the same command continues."""

    status = ExitStatus.STOPPED


@contextmanager
def concerning(where: str | Path) -> Iterator[None]:
    """Name the file an error is about, where the layer that raised it saw only arrays."""
    try:
        yield
    except ScartoolsError as error:
        if error.where is None:
            error.where = where
        raise
