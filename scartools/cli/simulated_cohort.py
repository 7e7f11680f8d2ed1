"""Fill the folder of `scartools simulate cohort`: subject by subject, table rows as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from scartools.files.table import Column

Sequence = Annotated[
    Literal["magnitude", "psir", "mixed"],
    typer.Option("--sequence", help="Magnitude images, phase-sensitive (signed) ones, or half of each."),
]
PSIR_FRACTION = {"magnitude": 0.0, "psir": 1.0, "mixed": 0.5}
Rows = list[dict[str, Any]]


@dataclass
class Counts:
    """What a cohort holds, counted while it is filled."""

    subjects: int = 0
    with_scar: int = 0
    with_ecg: int = 0
    ecgs: int = 0


def fill_cohort(
    folder: Path,
    numbers: Many[int],
    make: Callable[[int], tuple[Any, ...]],
    columns: Mapping[str, Mapping[str, Column]],
    threads: int,
) -> Counts:
    """Make subjects and write them into an empty folder; memory does not grow with the cohort.

    make     a number to the simulated case, its row, its rows of the scars' truth, and its printed ECGs or None
    columns  of the tables that the library describes: participants.tsv, truth/scars.tsv and, with ECGs,
             truth/ecg_scars.tsv
    """
    from scartools.cli.parallel import in_threads
    from scartools.cli.streams import track
    from scartools.files import cohort as contract

    tables = {**columns, "mri.tsv": contract.MRI_COLUMNS}
    if "truth/ecg_scars.tsv" in columns:
        tables |= {"ecg.tsv": contract.ECG_COLUMNS, "truth/beats.tsv": contract.BEAT_COLUMNS}
    counts = Counts()

    def write(number: int) -> dict[str, Rows]:
        case, row, scars, ecgs = make(number)
        volumes = (case.image, case.labels, case.segments, case.fibrosis)
        contract.write_case(folder, row["participant_id"], *volumes, case.affine, case.facts)
        rows = {"participants.tsv": [row], "mri.tsv": [contract.scan_row(row)], "truth/scars.tsv": scars}
        return rows if ecgs is None else rows | _write_ecgs(folder, row["participant_id"], ecgs)

    contract.begin_tables(folder, tables)
    for written in track(in_threads(write, numbers, threads), "subjects", len(numbers)):
        for name, rows in written.items():
            contract.add_rows(folder, name, tables[name], rows)
        taken = len(written.get("ecg.tsv", ()))
        counts.subjects += 1
        counts.with_scar += bool(written["truth/scars.tsv"][-1]["scar_ml"] > 0)
        counts.with_ecg += taken > 0
        counts.ecgs += taken
    return counts


def _write_ecgs(folder: Path, case_id: str, ecgs: Any) -> dict[str, Rows]:
    """Write the printed ECGs of a subject; return their rows by table."""
    from scartools.files import cohort as contract
    from scartools.files.record import BEAT_RATE_HZ, Record

    printed = [
        contract.PrintedEcg(
            one.ecg_id, one.ecg_date, one.pdf, one.png, Record(one.signals, BEAT_RATE_HZ, one.facts)
        )
        for one in ecgs.printed
    ]
    rows = contract.write_ecgs(folder, case_id, Record(ecgs.beat, BEAT_RATE_HZ, ecgs.beat_facts), printed)
    return {"ecg.tsv": rows, "truth/beats.tsv": contract.beat_rows(rows), "truth/ecg_scars.tsv": ecgs.scars}
