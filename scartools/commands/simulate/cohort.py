"""simulate cohort: which subjects, and what is written of each."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Writes
from scartools.cli.options import Force, Output, Seed, Shard, Threads
from scartools.errors import UsageError

if TYPE_CHECKING:
    from scartools.simulation.subject import Subject

log = logging.getLogger(__name__)

Sequence = Annotated[
    Literal["magnitude", "psir", "mixed"],
    typer.Option("--sequence", help="Magnitude images, phase-sensitive (signed) ones, or half of each."),
]


def cohort(
    output: Annotated[Output, Writes("cohort")],
    subjects: Annotated[
        int, typer.Option("-n", "--subjects", metavar="N", min=1, max=100_000, help="How many subjects.")
    ] = 24,
    ecg: Annotated[bool, typer.Option("--ecg/--no-ecg", help="Simulate ECGs and their pages too.")] = True,
    sequence: Sequence = "magnitude",
    seed: Seed = 1,
    shard: Shard = None,
    force: Force = False,
    threads: Threads = None,
) -> dict[str, Any]:
    """Simulate a cohort: LGE stacks with true oblique affines, ECG pages, and the truth of both."""
    from scartools.cli.options import parse_shard
    from scartools.cli.parallel import in_threads
    from scartools.cli.streams import track
    from scartools.files import atomic
    from scartools.files import cohort as contract
    from scartools.files.table import columns_of
    from scartools.simulation import truth
    from scartools.simulation.case import simulate_case
    from scartools.simulation.cohort import SUBJECT_COLUMNS, subject_row
    from scartools.simulation.population import Population
    from scartools.simulation.subject import draw_subject

    numbers = range(1, subjects + 1)[parse_shard(shard)]
    if not numbers:
        raise UsageError(f"--shard {shard} of {subjects} subjects holds none", remedy="Use fewer shards")
    population = Population(psir_fraction={"magnitude": 0.0, "psir": 1.0, "mixed": 0.5}[sequence])
    tables = {
        "participants.tsv": columns_of(SUBJECT_COLUMNS),
        "mri.tsv": contract.MRI_COLUMNS,
        "truth/scars.tsv": columns_of(truth.COLUMNS),
    }
    if ecg:
        tables["ecg.tsv"] = contract.ECG_COLUMNS
        tables["truth/beats.tsv"] = contract.BEAT_COLUMNS
        tables["truth/ecg_scars.tsv"] = columns_of(truth.ECG_COLUMNS)
    counted = {"WithScar": 0, "WithEcg": 0, "Ecgs": 0}

    def fill(folder: Path) -> None:
        def make(index: int) -> dict[str, list[dict[str, Any]]]:
            case = simulate_case(draw_subject(index, seed, population))
            name = case.subject.participant_id
            volumes = (case.image, case.labels, case.segments, case.fibrosis)
            contract.write_case(folder, name, *volumes, case.affine, case.facts)
            row = subject_row(case.subject)
            made = {"participants.tsv": [row], "mri.tsv": [contract.scan_row(row)]}
            return (
                made
                | {"truth/scars.tsv": truth.scar_truth(case)}
                | (_ecgs(folder, case.subject) if ecg else {})
            )

        contract.begin_tables(folder, tables)
        for made in track(in_threads(make, numbers, threads or 1), "subjects", len(numbers)):
            for name, rows in made.items():
                contract.add_rows(folder, name, tables[name], rows)
            taken = len(made.get("ecg.tsv", ()))
            counted["WithScar"] += made["truth/scars.tsv"][-1]["scar_ml"] > 0
            counted["WithEcg"] += taken > 0
            counted["Ecgs"] += taken

    atomic.publish_folder(output, fill, force=force)
    said = (output, len(numbers), counted["WithScar"], counted["WithEcg"])
    log.info("%s: %d subjects, %d with scar, %d with ECG", *said)
    facts = {"Output": str(output), "Subjects": len(numbers), "ECG": "simulated" if ecg else "none"}
    return {**facts, **{name: int(number) for name, number in counted.items()}, "Seed": seed}


def _ecgs(folder: Path, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Simulate, print and write the ECGs of a subject; return their rows by table."""
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
