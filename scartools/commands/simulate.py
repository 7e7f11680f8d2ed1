"""Simulate patients whose scar is known.

A cohort is drawn, subject by subject, from a parametric heart: a left ventricle that tapers to a rounded
apex, an RV crescent at its septum, and ischaemic scar by coronary territory that grows from the endocardium
outwards, with a transmural depth. Each heart is imaged as a late-enhancement stack: nulled myocardium,
blood and scar that overlap in brightness, coil shading, Rician noise, thick slices with partial volume,
slices shifted by breathing. The affines are true and oblique, the order of slices and the handedness vary,
so that a tool that trusts the order of the array fails here first.

A subject depends on the seed and its own number alone: the first ten of a thousand are the ten of a cohort
of ten. No ECG is simulated yet. The images are not those of patients and prove nothing about patients; they
test software.

INPUT FILES

None.

OUTPUT FILES

The folder holds:

    participants.tsv              one row a subject: the drawn parameters
    mri.tsv                       participant_id, image, mri_date
    lge/ID.nii.gz                 LGE image, float32
    truth/ID/segmentation.nii.gz  labels of this toolkit, RV pool included
    truth/ID/aha17.nii.gz         the model's own AHA segments, 1-17
    truth/ID/case.json            axes, levels and volumes of the model
    truth/scars.tsv               one row a subject and segment
    prov.json                     provenance

Columns of participants.tsv:

@columns scartools.simulation.cohort:SUBJECT_COLUMNS

Columns of truth/scars.tsv:

@columns scartools.simulation.truth:COLUMNS

EXAMPLES

    scartools simulate cohort -n 2 --seed 1 -o demo-cohort
    cut -f 1,3 demo-cohort/mri.tsv

REFERENCES

Cerqueira MD et al. Circulation 2002;105:539. doi:10.1161/hc0402.102975
Reimer KA, Jennings RB. The wavefront phenomenon of myocardial ischemic cell death. Lab Invest 1979;40:633.
Kellman P, Arai AE. Cardiac imaging techniques for physicians: late enhancement. J Magn Reson Imaging
2012;36:529. doi:10.1002/jmri.23605
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import typer

from scartools.cli.contracts import Kind, Writes
from scartools.cli.options import Force, Output, Seed, Threads

KIND: Kind = "exact"
log = logging.getLogger(__name__)


def cohort(
    output: Annotated[Output, Writes("cohort")],
    subjects: Annotated[
        int, typer.Option("-n", "--subjects", metavar="N", min=1, max=100_000, help="How many subjects.")
    ] = 24,
    seed: Seed = 1,
    force: Force = False,
    threads: Threads = None,
) -> dict[str, Any]:
    """Simulate a cohort: LGE stacks with true oblique affines, their segmentations, and tables of the truth."""
    from scartools.cli.parallel import in_threads
    from scartools.cli.streams import track
    from scartools.files import atomic
    from scartools.files import cohort as contract
    from scartools.files.table import columns_of
    from scartools.simulation import truth
    from scartools.simulation.case import simulate_case
    from scartools.simulation.cohort import SUBJECT_COLUMNS, subject_row
    from scartools.simulation.subject import draw_subject

    scarred: list[float] = []

    def fill(folder: Path) -> None:
        def make(index: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
            case = simulate_case(draw_subject(index, seed))
            contract.write_case(
                folder,
                case.subject.participant_id,
                case.image,
                case.labels,
                case.segments,
                case.affine,
                case.facts,
            )
            return subject_row(case.subject), truth.scar_truth(case)

        made = list(track(in_threads(make, range(1, subjects + 1), threads or 1), "subjects", subjects))
        scars = [row for _, rows in made for row in rows]
        scarred.extend(row["scar_ml"] for row in scars if row["level"] == "ventricle" and row["scar_ml"] > 0)
        contract.write_tables(
            folder, (columns_of(SUBJECT_COLUMNS), [row for row, _ in made]), (columns_of(truth.COLUMNS), scars)
        )

    atomic.publish_folder(output, fill, force=force)
    log.info("%s: %d subjects, %d with scar", output, subjects, len(scarred))
    return {"Output": str(output), "Subjects": subjects, "WithScar": len(scarred), "ECG": "none", "Seed": seed}


SUBCOMMANDS = (cohort,)
