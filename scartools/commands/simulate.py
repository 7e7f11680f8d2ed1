"""Simulate patients whose scar is known.

A cohort is drawn, subject by subject, from a parametric heart: a left ventricle that tapers to a rounded
apex, an RV crescent at its septum, and ischaemic scar by coronary territory that grows from the endocardium
outwards, with a transmural depth. Each heart is imaged as a late-enhancement stack: nulled myocardium,
blood and scar that overlap in brightness, coil shading, Rician noise, thick slices with partial volume,
slices shifted by breathing. The affines are true and oblique, the order of slices and the handedness vary,
so that a tool that trusts the order of the array fails here first.

The same heart gives the ECG: its muscle as voxels of 3 mm, early sites as of the Purkinje network, activation that takes
the shortest way (fast along the endocardium, slower along the wall, slowest through it and in the border zone of a
scar), dipoles in a chest that ends at the skin, nine electrodes. Scar neither fires nor conducts, so a transmural
anterior scar leaves Q waves in V2-V4, an inferior one in III and aVF. Hearts differ in speed, early sites, action
potentials, in how they lie when the ECG is taken, and in how much a scar changed the rest. A few have LBBB, RBBB (fainter
in V1 than in patients), LAFB, a pacemaker, fibrillation or ectopic beats; truth/ID/beat.json and the records' JSON say
which. What the ECG leaves out: fibres, lungs and blood (V1 to V6 have measured gains instead), acute injury, drugs. Most
ECGs are taken within 90 days of the MRI, mostly before it; some are farther away, some subjects have none, some have
two. Each is printed on a page, as PDF with vector lines and as PNG.

A subject depends on the seed and its own number alone: the first ten of a thousand are the ten of a cohort
of ten. Images and labels are the same with and without ECGs. Images and ECGs are not those of patients and
prove nothing about patients; they test software.

validate asks whether the simulated ECGs are like those of patients: it takes the ECG of N subjects, measures it as
median-beat does, and sets each number beside the range in which patients lie, with a bootstrap interval over subjects.
The ranges bound from above too: an ECG that tells the scar exactly proves nothing. It ends with status 0, however
many rows are outside: their count is printed, and the table says which.

A page prints a record as a paper ECG of any layout, speed, gain and look, damages it as scanners, copiers, hands and
cameras do, and says what each pixel is. --style random draws the look from the seed; the options that are given hold.

INPUT FILES

A page takes a 12-lead record of 500 Hz without gaps. A cohort takes none. --normals of validate is a table with the
column beat (beats.tsv of median-beat; rows with n/a are left out), or with all of q_LEAD, r_LEAD, s_LEAD, t_LEAD of the
twelve leads (q_i ... t_v6; amplitudes in mV, 0 where there is no such wave, n/a where unknown) and qrs_ms.

OUTPUT FILES

The folder holds:

    participants.tsv              one row a subject: the drawn parameters
    mri.tsv                       participant_id, image, mri_date, label
    ecg.tsv                       participant_id, ecg_id, ecg_date, page, picture
    ecg/ECG_ID.pdf, .png          the printed ECG: 3 x 4 leads and II, 25 mm/s, 10 mm/mV, without name or date
    lge/ID.nii.gz                 LGE image, float32
    truth/ID/segmentation.nii.gz  labels of this toolkit, RV pool included
    truth/ID/aha17.nii.gz         the model's own AHA segments, 1-17
    truth/ID/case.json            axes, levels and volumes of the model
    truth/ID/ecg.hea              the record that was printed: 12 leads, 10 s, 500 Hz; ecg2.hea for a second ECG
    truth/ID/beat.hea             the beat without noise: 12 x 600, R (longest QRS vector) at sample 200
    truth/beats.tsv               participant_id, ecg_id (the first), beat; pretrain-ecg learns from it
    truth/scars.tsv               one row a subject and segment
    prov.json                     provenance

A page FILE.png or FILE.pdf (as drawn, without damage) has beside it:

    FILE.json          the layout, speed, gain, damage and grade, and the traces: lead, first sample, samples
    FILE.labels.png    a picture of the page's size: 0 paper, 1 grid, 2 trace, 3 words, 4 pulse or separator, 5 pen,
                       stain or cover; a PDF has none
    FILE.samples.tsv   lead, rhythm, sample, x, y: where each sample lies, in pixels counted from the middle of the
                       first one (points from the upper left corner for a PDF); a sample that cannot be seen is absent

Columns of participants.tsv:

@columns scartools.simulation.cohort:SUBJECT_COLUMNS

Columns of the table of validate (its JSON has the overlap of each feature with the normal ECGs):

@columns scartools.simulation.plausibility:COLUMNS

Columns of truth/scars.tsv:

@columns scartools.simulation.truth:COLUMNS

EXAMPLES

    scartools simulate cohort -n 2 --seed 1 -o demo-cohort
    scartools simulate page cohort/truth/sim-0001/ecg.hea --layout 6x2 --damage photo --grade 2 -o photo.png
    scartools simulate page cohort/truth/sim-0001/ecg.hea --layout 12x1 --cabrera -o cabrera.pdf
    scartools simulate validate -n 4 --seed 1 -o plausibility.tsv
    cut -f 1,3 demo-cohort/mri.tsv
    scartools simulate cohort -n 3 --no-ecg -o images-only

REFERENCES

Cerqueira MD et al. Circulation 2002;105:539. doi:10.1161/hc0402.102975
Reimer KA, Jennings RB. The wavefront phenomenon of myocardial ischemic cell death. Lab Invest 1979;40:633.
Durrer D et al. Total excitation of the isolated human heart. Circulation 1970;41:899. doi:10.1161/01.CIR.41.6.899
Wallman M, Smith NP, Rodriguez B. A comparative study of graph-based, eikonal, and monodomain simulations for
the estimation of cardiac activation times. IEEE Trans Biomed Eng 2012;59:1739.
Gima K, Rudy Y. Ionic current basis of electrocardiographic waveforms: a model study. Circ Res 2002;90:889.
Brody DA, Terry FH, Ideker RE. Eccentric dipole in a spherical medium: generalized expression for surface
potentials. IEEE Trans Biomed Eng 1973;20:141.
Kors JA et al. Reconstruction of the Frank vectorcardiogram from standard electrocardiographic leads. Eur Heart
J 1990;11:1083.
Thygesen K et al. Fourth universal definition of myocardial infarction. Circulation 2018;138:e618.
Inman HF, Bradley EL. The overlapping coefficient as a measure of agreement between probability distributions.
Commun Stat Theory Methods 1989;18:3851.
Kellman P, Arai AE. Cardiac imaging techniques for physicians: late enhancement. J Magn Reson Imaging
2012;36:529. doi:10.1002/jmri.23605
"""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, Output, Seed, Threads
from scartools.cli.simulated_validation import Normals, Validated

if TYPE_CHECKING:
    import numpy as np

    from scartools.files.provenance import Source
    from scartools.simulation.page import Page
    from scartools.simulation.subject import Subject

KIND: Kind = "exact"
log = logging.getLogger(__name__)


def cohort(
    output: Annotated[Output, Writes("cohort")],
    subjects: Annotated[
        int, typer.Option("-n", "--subjects", metavar="N", min=1, max=100_000, help="How many subjects.")
    ] = 24,
    ecg: Annotated[bool, typer.Option("--ecg/--no-ecg", help="Simulate ECGs and their pages too.")] = True,
    seed: Seed = 1,
    force: Force = False,
    threads: Threads = None,
) -> dict[str, Any]:
    """Simulate a cohort: LGE stacks with true oblique affines, ECG pages, and the truth of both."""
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
    recorded: list[str] = []

    def fill(folder: Path) -> None:
        def make(index: int) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, str]]]:
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
            ecgs = _write_ecgs(folder, case.subject) if ecg else []
            return subject_row(case.subject), truth.scar_truth(case), ecgs

        made = list(track(in_threads(make, range(1, subjects + 1), threads or 1), "subjects", subjects))
        scars = [row for _, rows, _ in made for row in rows]
        ecgs = [row for _, _, rows in made for row in rows]
        scarred.extend(row["scar_ml"] for row in scars if row["level"] == "ventricle" and row["scar_ml"] > 0)
        recorded.extend(row["participant_id"] for row in ecgs)
        contract.write_tables(
            folder,
            (columns_of(SUBJECT_COLUMNS), [row for row, _, _ in made]),
            (columns_of(truth.COLUMNS), scars),
            ecgs if ecg else None,
        )

    atomic.publish_folder(output, fill, force=force)
    with_ecg = len(set(recorded))
    log.info("%s: %d subjects, %d with scar, %d with ECG", output, subjects, len(scarred), with_ecg)
    return {
        "Output": str(output),
        "Subjects": subjects,
        "WithScar": len(scarred),
        "ECG": "simulated" if ecg else "none",
        "WithEcg": with_ecg,
        "Ecgs": len(recorded),
        "Seed": seed,
    }


def _write_ecgs(folder: Path, subject: Subject) -> list[dict[str, str]]:
    """Simulate, print and write the ECGs of a subject; return their rows of ecg.tsv."""
    from scartools.files import cohort as contract
    from scartools.files.record import BEAT_RATE_HZ, Record
    from scartools.simulation.ecg import beat_facts, recording_facts, simulate_beat, simulate_ecgs
    from scartools.simulation.paper import lay_out, to_pdf, to_png

    beat = simulate_beat(subject)
    printed = []
    for taken in simulate_ecgs(subject, beat):
        page = lay_out(taken.signals)
        record = Record(taken.signals, BEAT_RATE_HZ, recording_facts(taken, page))
        printed.append(contract.PrintedEcg(taken.ecg_id, taken.ecg_date, to_pdf(page), to_png(page), record))
    truth = Record(beat.signals, BEAT_RATE_HZ, beat_facts(beat))
    return contract.write_ecgs(folder, subject.participant_id, truth, printed)


def page(
    record: Annotated[Path, typer.Argument(metavar="RECORD", help="Record to print."), Reads("record")],
    output: Annotated[Output, Writes("page")],
    layout: Annotated[
        str, typer.Option("--layout", metavar="NAME", help="3x4, 3x4+1, 3x4+2, 3x4+3, 6x2, 6x2+1, 12x1 or 6x1.")
    ] = "3x4+1",
    style: Annotated[
        str, typer.Option("--style", metavar="NAME", help="Look of a machine or program, or random.")
    ] = "plain",
    speed: Annotated[
        float, typer.Option("--speed", metavar="MM/S", min=5, max=200, help="Paper speed.")
    ] = 25.0,
    gain: Annotated[float, typer.Option("--gain", metavar="MM/MV", min=1, max=100, help="Gain.")] = 10.0,
    grid: Annotated[
        str | None,
        typer.Option("--grid", metavar="NAME", help="Colour, look (lines, dotted, major, none), or both."),
    ] = None,
    cabrera: Annotated[bool, typer.Option("--cabrera", help="Limb leads as aVL I -aVR II aVF III.")] = False,
    dpi: Annotated[int, typer.Option("--dpi", metavar="DPI", min=50, max=600, help="Pixels an inch.")] = 200,
    damage: Annotated[
        str, typer.Option("--damage", metavar="NAME[+NAME]", help="Such as scan, photo or copy; none for none.")
    ] = "none",
    grade: Annotated[int, typer.Option("--grade", metavar="0-5", min=0, max=5, help="How badly damaged.")] = 3,
    seed: Seed = 1,
    force: Force = False,
) -> dict[str, Any]:
    """Print a record as a paper ECG, damage it, and say what each of its pixels is."""
    import numpy as np

    from scartools.ecg.r_peaks import find_r_peaks
    from scartools.errors import InputError, UsageError, concerning
    from scartools.files import atomic
    from scartools.files.record import BEAT_RATE_HZ, read_record
    from scartools.simulation.page_styles import draw_style, page_style
    from scartools.simulation.paper import lay_out

    if output.suffix == ".pdf" and damage != "none":
        raise UsageError("--damage asks for pixels, a PDF has none", remedy="Name the output *.png")
    if output.suffix not in (".pdf", ".png"):
        raise UsageError(f"--output {output} is neither *.png nor *.pdf", remedy="Name it *.png or *.pdf")
    atomic.require_place(output, force=force)
    taken = read_record(record)
    if taken.rate != BEAT_RATE_HZ:
        raise InputError(
            f"has {taken.rate:g} Hz, not {BEAT_RATE_HZ}", where=record, remedy="Run preprocess first"
        )
    if taken.signals.shape[1] < 2.5 * BEAT_RATE_HZ:
        raise InputError(
            "is shorter than 2.5 s, one column of a page", where=record, remedy="Give a longer record"
        )
    numbers = np.random.default_rng(seed)
    wanted: dict[str, Any] = {"layout": layout, "speed": speed, "gain": gain, "cabrera": cabrera, "dpi": dpi}
    wanted |= {} if grid is None else {"grid": grid}
    chosen = (
        draw_style(numbers, **wanted)
        if style == "random"
        else page_style(vendor=style, numbers=numbers, **wanted)
    )
    with concerning(record):
        laid = lay_out(taken.signals, chosen)
        # a page without a heart's beats would be truth for nothing
        if len(find_r_peaks(taken.signals, taken.rate).samples) < 2:
            raise InputError("has fewer than two beats", remedy="Give a recording of an ECG")
    files, samples = _page_files(laid, output, damage, grade, numbers)
    traces = [
        {"Lead": t.lead, "Rhythm": t.rhythm, "FirstSample": t.first, "Samples": t.count, "Gain": t.gain}
        for t in laid.traces
    ]
    facts = {"Layout": layout, "Speed": speed, "Gain": gain, "Damage": damage, "Grade": grade, "Dpi": dpi}

    def save(path: Path) -> None:
        for name, content in files.items():
            path.with_name(name).write_bytes(content)

    atomic.publish(output, save, facts={**facts, "Traces": traces}, sources=taken.sources, force=force)
    log.info("%s: %d traces, %d samples can be seen", output, len(traces), samples)
    return {"Output": str(output), **facts, "SamplesSeen": samples}


def _page_files(
    laid: Page, output: Path, damage: str, grade: int, numbers: Any
) -> tuple[dict[str, bytes], int]:
    """The files of a page by name, and how many samples can be seen on it."""
    import cv2
    import numpy as np

    from scartools.simulation.page import sample_points
    from scartools.simulation.page_damage import render_page
    from scartools.simulation.paper import POINTS_PER_MM, to_pdf

    files: dict[str, bytes] = {}
    if output.suffix == ".pdf":
        files[output.name] = to_pdf(laid)
        places = [points * POINTS_PER_MM for points in sample_points(laid)]
    else:
        drawn = render_page(laid, damage, grade, numbers)
        pictures = {output.name: drawn.picture[:, :, ::-1], f"{output.stem}.labels.png": drawn.labels}
        for name, picture in pictures.items():
            done, packed = cv2.imencode(".png", np.ascontiguousarray(picture), [cv2.IMWRITE_PNG_COMPRESSION, 3])
            if not done:
                raise RuntimeError("OpenCV could not pack a PNG")
            files[name] = packed.tobytes()
        places = [at for _, _, _, at in drawn.samples]
    lines = ["lead\trhythm\tsample\tx\ty"]
    for trace, at in zip(laid.traces, places, strict=True):
        for k in np.flatnonzero(np.isfinite(at).all(axis=1)).tolist():
            lines.append(
                f"{trace.lead}\t{int(trace.rhythm)}\t{trace.first + k}\t{at[k, 0]:.3f}\t{at[k, 1]:.3f}"
            )
    files[f"{output.stem}.samples.tsv"] = ("\n".join(lines) + "\n").encode()
    return files, len(lines) - 1


def validate(
    output: Annotated[Output, Writes("plausibility")],
    subjects: Validated = 500,
    normals: Normals = None,
    seed: Seed = 1,
    force: Force = False,
    threads: Threads = None,
) -> dict[str, Any]:
    """Measure whether simulated ECGs are like those of patients: a table of questions, ranges and answers."""
    from scartools.cli.parallel import in_threads
    from scartools.cli.streams import track
    from scartools.files import atomic, table
    from scartools.simulation.measured_subject import measure_subject
    from scartools.simulation.plausibility import COLUMNS, feature_overlaps, plausibility

    atomic.require_place(output, force=force)
    features, sources = _normal_features(normals) if normals else (None, [])
    if features is None:
        log.warning("no --normals given: normal_overlap is not measured")
    numbers = range(1, subjects + 1)
    found = list(
        track(in_threads(lambda k: measure_subject(k, seed), numbers, threads or 1), "subjects", subjects)
    )
    answers = plausibility(found, normals=features, seed=seed)
    outside = [one.name for one in answers if one.within is False]
    open_ones = [one.name for one in answers if one.within is None]
    facts = {
        "Subjects": subjects,
        "Seed": seed,
        "Rows": len(answers),
        "Outside": outside,
        "NotMeasured": open_ones,
    }
    shared = {} if features is None else feature_overlaps(found, features)
    overlaps = {name: None if math.isnan(value) else value for name, value in shared.items()}
    rows = [vars(one) for one in answers]
    described = table.columns_of(COLUMNS)
    more = {**facts, "Overlaps": overlaps}
    table.write(output, described, rows, facts=more, sources=sources, force=force)
    for one in answers:
        if one.within is False:
            log.warning("%s is %.3g, outside %g to %g", one.name, one.value, one.low, one.high)
    names = f": {', '.join(open_ones)}" if open_ones else ""
    text = "%s: of %d rows %d within, %d outside, %d not measured%s"
    within = len(answers) - len(outside) - len(open_ones)
    log.info(text, output, len(answers), within, len(outside), len(open_ones), names)
    return {"Output": str(output), **facts}


def _normal_features(path: Path) -> tuple[np.ndarray, list[Source]]:
    """The features of normal ECGs, float64 (m, 49), and what was read."""
    import numpy as np

    from scartools.files.normals import read_normals
    from scartools.simulation.beat_features import COMPARED, compared_features

    rows, beats, sources = read_normals(path, COMPARED)
    rows = rows or [compared_features(beat.signals, beat.facts.get("HeartRate")) for beat in beats]
    return np.array(rows, dtype=np.float64), sources


SUBCOMMANDS = (cohort, page, validate)
