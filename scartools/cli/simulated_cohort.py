"""Fill the folder of `scartools simulate cohort`: subject by subject, table rows as they come."""

from __future__ import annotations

from collections.abc import Sequence as Many
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from scartools.simulation.subject import Subject

SequenceName = Literal["magnitude", "psir", "mixed"]
Sequence = Annotated[
    SequenceName,
    typer.Option("--sequence", help="Magnitude images, phase-sensitive (signed) ones, or half of each."),
]
PSIR_FRACTION: dict[str, float] = {"magnitude": 0.0, "psir": 1.0, "mixed": 0.5}


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
    counts: Counts,
    seed: int,
    sequence: SequenceName,
    *,
    ecg: bool,
    threads: int,
) -> None:
    """Simulate the subjects of these numbers into an empty folder.

    Each is drawn from the seed and its number alone. Rows are written as they come: memory does not grow with the cohort.
    """
    from scartools.cli.parallel import in_threads
    from scartools.cli.streams import track
    from scartools.files import cohort as contract
    from scartools.files.table import columns_of
    from scartools.simulation import truth
    from scartools.simulation.case import simulate_case
    from scartools.simulation.cohort import SUBJECT_COLUMNS, subject_row
    from scartools.simulation.population import Population
    from scartools.simulation.subject import draw_subject

    population = Population(psir_fraction=PSIR_FRACTION[sequence])
    tables = {
        "participants.tsv": columns_of(SUBJECT_COLUMNS),
        "mri.tsv": contract.MRI_COLUMNS,
        "truth/scars.tsv": columns_of(truth.COLUMNS),
    }
    if ecg:
        tables["ecg.tsv"] = contract.ECG_COLUMNS
        tables["truth/beats.tsv"] = contract.BEAT_COLUMNS
        tables["truth/ecg_scars.tsv"] = columns_of(truth.ECG_COLUMNS)

    def make(index: int) -> dict[str, list[dict[str, Any]]]:
        case = simulate_case(draw_subject(index, seed, population))
        volumes = (case.image, case.labels, case.segments, case.fibrosis)
        contract.write_case(folder, case.subject.participant_id, *volumes, case.affine, case.facts)
        row = subject_row(case.subject)
        made = {"participants.tsv": [row], "mri.tsv": [contract.scan_row(row)]}
        made["truth/scars.tsv"] = truth.scar_truth(case)
        return made | (write_ecgs(folder, case.subject) if ecg else {})

    contract.begin_tables(folder, tables)
    for made in track(in_threads(make, numbers, threads), "subjects", len(numbers)):
        for name, rows in made.items():
            contract.add_rows(folder, name, tables[name], rows)
        taken = len(made.get("ecg.tsv", ()))
        counts.subjects += 1
        counts.with_scar += bool(made["truth/scars.tsv"][-1]["scar_ml"] > 0)
        counts.with_ecg += taken > 0
        counts.ecgs += taken


def write_ecgs(folder: Path, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Simulate, print and write the ECGs of a subject; return their rows by table.

    Each ECG shows the scar of its own day; `beat.hea` is that of the first, or of the MRI's day where there is none.
    """
    from scartools.files import cohort as contract
    from scartools.files.record import BEAT_RATE_HZ, Record
    from scartools.simulation.ecg import beat_facts, draw_days, recording_facts, simulate_beat, simulate_ecgs
    from scartools.simulation.paper import lay_out, to_pdf, to_png
    from scartools.simulation.truth import ecg_scar_truth

    first_day = next(iter(draw_days(subject)), 0)
    beat = simulate_beat(subject, days=first_day)
    printed, scars = [], []
    for taken in simulate_ecgs(subject, beat):
        page = lay_out(taken.signals)
        record = Record(taken.signals, BEAT_RATE_HZ, recording_facts(taken, page))
        printed.append(contract.PrintedEcg(taken.ecg_id, taken.ecg_date, to_pdf(page), to_png(page), record))
        scars += ecg_scar_truth(subject, taken.ecg_id, taken.ecg_date, taken.days)
    truth = Record(beat.signals, BEAT_RATE_HZ, beat_facts(beat) | {"SignedDays": first_day})
    rows = contract.write_ecgs(folder, subject.participant_id, truth, printed)
    return {"ecg.tsv": rows, "truth/beats.tsv": contract.beat_rows(rows), "truth/ecg_scars.tsv": scars}
