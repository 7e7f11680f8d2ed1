"""Work that can be stopped: go on from a checkpoint, write one now and then, leave with status 75 when asked to."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from scartools.cli.signals import stop_requests
from scartools.errors import InputError, OutputExists, StoppedOnRequest
from scartools.files.checkpoint import checkpoint_path, read_checkpoint, remove_checkpoint, write_checkpoint

Report = TypeVar("Report")
EVERY_S = 60.0
log = logging.getLogger(__name__)


def earlier_state(output: Path, run: Mapping[str, Any], *, resume: bool, force: bool) -> dict[str, Any] | None:
    """Return the state to go on from, if the output holds an unfinished run of the very same kind.

    run  settings and hashes of the inputs, as JSON keeps them: what must be equal for a run to go on
    Raises InputError for a run of another kind, OutputExists where --no-resume was given without --force.
    """
    if not checkpoint_path(output).is_file():
        return None
    if not resume:
        if not force:
            raise OutputExists(
                "holds an unfinished run",
                where=output,
                remedy="--resume goes on with it, --no-resume --force starts again",
            )
        remove_checkpoint(output)
        return None
    state = read_checkpoint(output)
    if state is None or state.get("run") != run:
        raise InputError(
            "holds an unfinished run with other settings or other inputs",
            where=output,
            remedy="Run the command it was started with, or start again with --no-resume --force",
        )
    log.info("%s: going on from a checkpoint", output)
    return state


def with_checkpoints(
    reports: Iterable[Report],
    state_of: Callable[[Report], dict[str, Any]],
    output: Path,
    run: Mapping[str, Any],
    *,
    writes: bool = True,
    agree: Callable[[bool], bool] = bool,
) -> Iterator[Report]:
    """Yield reports; write a checkpoint after the first, then once a minute, and when asked to stop.

    writes  False: another process writes for this one too; agree: whether any of those processes was asked to stop
    Raises StoppedOnRequest after the checkpoint that SIGTERM, SIGINT or SIGUSR1 asked for.
    """
    due = 0.0  # the first is written at once: a full disk is found before an hour's work
    with stop_requests() as stop:
        for report in reports:
            if writes and (stop or time.monotonic() >= due):
                write_checkpoint(output, {"run": run, **state_of(report)})
                due = time.monotonic() + EVERY_S
            yield report
            if agree(bool(stop)):
                if writes:
                    write_checkpoint(output, {"run": run, **state_of(report)})
                raise StoppedOnRequest(
                    "stopped on request after a checkpoint",
                    where=output,
                    remedy="Run the same command again to go on",
                )
