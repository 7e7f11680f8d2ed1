"""Tell whether files are complete, readable and what their sidecars say.

Each file is read through its contract: volumes with their geometry, records with all leads, tables with the
columns that their sidecar describes, pages, figures, sidecars, and whole folders: datasets, models, cohorts, and
those that median-beat and digitize-ecg fill, with every record that their table names. Then its provenance is
found, beside it or in a folder above it, and its SHA-256 compared, that of a record's samples too. A file that
has no provenance is not complete, or was not made by this toolkit; --foreign leaves that question out. Nothing
is written. The exit status is the answer: 0 all good, 3 all bad, 5 some of several bad.

OUTPUT FILES

None. With --json the object on stdout has Files: a list of Path, Kind (what was found) and Problem (null
when good).

EXAMPLES

    scartools check cohort
    scartools check cohort/lge/*.nii.gz --quiet && echo complete
    ls cohort/truth/*/segmentation.nii.gz | scartools check --list -
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from scartools.cli.contracts import Kind, Reads
from scartools.cli.options import ListFile

KIND: Kind = "exact"
log = logging.getLogger(__name__)


def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="FILE...", help="Files or folders to look at."), Reads("any")
    ] = None,
    list_file: ListFile = None,
    foreign: Annotated[
        bool, typer.Option("--foreign", help="Ask for no provenance: files from elsewhere.")
    ] = False,
) -> dict[str, Any]:
    """Inspect every file and sum up."""
    from scartools.cli.streams import track
    from scartools.errors import InputError, ItemsFailed, UsageError
    from scartools.files import table
    from scartools.files.inspection import inspect

    paths = [*(files or []), *(table.read_paths(list_file) if list_file else [])]
    if not paths:
        raise UsageError("no FILE given", remedy="Name files or folders, or give --list")
    found: list[dict[str, str | None]] = []
    problems: list[InputError] = []
    for path in track(paths, "files"):
        try:
            kind: str | None = inspect(path, foreign=foreign)
            log.debug("%s: %s", path, kind)
            problem = None
        except InputError as error:
            kind, problem = None, str(error)
            problems.append(error)
            if len(paths) > 1:
                log.error("%s", error)
        found.append({"Path": str(path), "Kind": kind, "Problem": problem})
    facts = {"Good": len(paths) - len(problems), "Files": found}
    if len(paths) == 1 and problems:
        problems[0].facts = facts
        raise problems[0]
    if problems:
        failure = InputError if len(problems) == len(paths) else ItemsFailed
        raise failure(
            f"{len(problems)} of {len(paths)} files are not good", remedy="They are listed above", facts=facts
        )
    log.info("%s", f"{len(paths)} files are good" if len(paths) > 1 else f"{paths[0]}: {found[0]['Kind']}")
    return facts
