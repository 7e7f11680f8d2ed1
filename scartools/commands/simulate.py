"""Simulate patients whose scar is known.

A cohort is drawn, subject by subject, from a parametric heart: a left ventricle that tapers to a rounded
apex, an RV crescent at its septum, and scar: infarcts by coronary territory and its variants that grow from the
endocardium outwards to a transmural depth, one small patch or several, and in one of seven scarred hearts a scar that
is no infarct: a mid-wall stripe of the septum, the epicardial lateral wall, the insertions of the RV. About each
scar lies a border zone in which fibrosis and living muscle mix. The cavity dilates with the size of the scar, an old
transmural scar thins, women and the old have smaller hearts.

Each heart is imaged as a late-enhancement stack: nulled myocardium, blood and scar that overlap in brightness, coil
shading, thick slices with partial volume, with or without gaps, shifted by breathing; magnitude with Rician noise, or
phase-sensitive (--sequence psir: signed, without shading). Some have slow blood along the endocardium, ghosts in the
phase direction, slices in which the heart moved, a poor inversion time. The affines are true and oblique, the order of
slices and the handedness vary, so that a tool that trusts the order of the array fails here first. What the images leave
out: oedema, diffuse fibrosis, devices, arrhythmia, distortion of the field; fat and blood do not depend on flow.

An infarct has a day (event_date). Before it there is no scar, in the first week it is largest, then it shrinks to
0.68 of its mass at 4 months and 0.60 at 14 (means of Pokorney 2012; the final share varies). Each ECG shows the scar
of its own day, in the heart of the image: with the interval grows what ECG and image do not have in common. An ECG may
come before the infarct.

The same heart gives the ECG: its muscle as voxels of 3 mm, early sites as of the Purkinje network, activation
that takes the shortest way (fast along the endocardium, slower along the wall, slowest through it), dipoles in
a uniform medium, nine electrodes on the chest of the image. Scar neither fires nor conducts, so a transmural
anterior scar leaves Q waves in V1-V4, an inferior one in III and aVF, a lateral one changes V5-V6. What the
ECG leaves out: fibres, lungs and blood, block of a bundle, acute injury, drugs, other rhythms; amplitudes are
scaled to those of patients. Most ECGs are taken within 90 days of the MRI, mostly before it; some are farther
away, some subjects have none, some have two. Each is printed on a page, as PDF with vector lines and as PNG.

A subject depends on the seed and its own number alone: the first ten of a thousand are the ten of a cohort
of ten. Images and labels are the same with and without ECGs. Images and ECGs are not those of patients and
prove nothing about patients; they test software.

An LGE image for any segmentation comes from simulate lge: the same contrast, noise and ghosts, on the grid of the
segmentation, in a chest drawn around it. It fits the labels it was made from: no slice moves. Its JSON says Simulated.

validate asks whether the simulated ECGs are like those of patients: it takes the ECG of N subjects, measures it as
median-beat does, and sets each number beside the range in which patients lie, with a bootstrap interval over subjects.
The ranges bound from above too: an ECG that tells the scar exactly proves nothing. It ends with status 0, however
many rows are outside: their count is printed, and the table says which.

A page prints a record as a paper ECG of any layout, speed, gain and look, damages it as scanners, copiers, hands and
cameras do, and says what each pixel is. --style random draws the look from the seed; the options that are given hold.

INPUT FILES

A page takes a 12-lead record of 500 Hz without gaps, an LGE image a segmentation with LV pool and wall. A cohort
takes none. --normals of validate is a table with the
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
    truth/ID/fibrosis.nii.gz      share of fibrosis in the wall, 0 to 1; between them the border zone
    truth/ID/case.json            axes, levels and volumes of the model
    truth/ID/ecg.hea              the record that was printed: 12 leads, 10 s, 500 Hz; ecg2.hea for a second ECG
    truth/ID/beat.hea             the beat of the first ECG's day without noise: 12 x 600, R (longest QRS vector) at sample 200
    truth/beats.tsv               participant_id, ecg_id (the first), beat; pretrain-ecg learns from it
    truth/scars.tsv               one row a subject and segment
    truth/ecg_scars.tsv           one row an ECG and segment: the scar of its day beside that of the MRI
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

Columns of truth/ecg_scars.tsv:

@columns scartools.simulation.truth:ECG_COLUMNS

NOTES

With --shard I/N a cohort holds the subjects I+1, I+1+N, I+1+2N ... of -n, each with the bytes it has in the whole. To
join parts, copy their folders lge, ecg and truth/ID together, and of each table the header once and the rows of all.

EXAMPLES

    scartools simulate cohort -n 2 --seed 1 -o demo-cohort
    scartools simulate lge cohort/truth/sim-0001/segmentation.nii.gz --sequence psir --seed 4 -o psir.nii.gz
    scartools simulate cohort -n 4 --shard 1/4 --no-ecg -o part-1
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
Kors JA et al. Reconstruction of the Frank vectorcardiogram from standard electrocardiographic leads. Eur Heart
J 1990;11:1083.
Pokorney SD et al. Infarct healing is a dynamic process following acute myocardial infarction. J Cardiovasc Magn Reson
2012;14:62. doi:10.1186/1532-429X-14-62
Ortiz-Perez JT et al. Correspondence between the 17-segment model and coronary arterial anatomy using contrast-enhanced
cardiac magnetic resonance imaging. JACC Cardiovasc Imaging 2008;1:282.
Kellman P et al. Phase-sensitive inversion recovery for detecting myocardial infarction using gadolinium-delayed
hyperenhancement. Magn Reson Med 2002;47:372. doi:10.1002/mrm.10051
Ferreira PF et al. Cardiovascular magnetic resonance artefacts. J Cardiovasc Magn Reson 2013;15:41.
doi:10.1186/1532-429X-15-41
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
from scartools.cli.options import Force, Output, Seed, Shard, Threads
from scartools.cli.simulated_cohort import PSIR_FRACTION, Counts, Sequence, fill_cohort
from scartools.cli.simulated_lge import lge_command
from scartools.cli.simulated_validation import Normals, Validated
from scartools.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from scartools.files.provenance import Source
    from scartools.simulation.page import Page

KIND: Kind = "exact"
log = logging.getLogger(__name__)


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
    from scartools.files import atomic
    from scartools.files.table import columns_of
    from scartools.simulation import truth
    from scartools.simulation.case import simulate_case
    from scartools.simulation.cohort import SUBJECT_COLUMNS, subject_row
    from scartools.simulation.population import Population
    from scartools.simulation.printed import print_ecgs
    from scartools.simulation.subject import draw_subject

    numbers = range(1, subjects + 1)[parse_shard(shard)]
    if not numbers:
        raise UsageError(f"--shard {shard} of {subjects} subjects holds none", remedy="Use fewer shards")
    population = Population(psir_fraction=PSIR_FRACTION[sequence])
    columns = {"participants.tsv": SUBJECT_COLUMNS, "truth/scars.tsv": truth.COLUMNS}
    columns |= {"truth/ecg_scars.tsv": truth.ECG_COLUMNS} if ecg else {}
    described = {name: columns_of(declared) for name, declared in columns.items()}
    filled: list[Counts] = []

    def make(index: int) -> tuple[Any, ...]:
        case = simulate_case(draw_subject(index, seed, population))
        ecgs = print_ecgs(case.subject) if ecg else None
        return case, subject_row(case.subject), truth.scar_truth(case), ecgs

    def fill(folder: Path) -> None:
        filled.append(fill_cohort(folder, numbers, make, described, threads or 1))

    atomic.publish_folder(output, fill, force=force)
    counts = filled[-1]
    said = (output, counts.subjects, counts.with_scar, counts.with_ecg)
    log.info("%s: %d subjects, %d with scar, %d with ECG", *said)
    facts = {"Output": str(output), "Subjects": counts.subjects, "WithScar": counts.with_scar}
    facts |= {"ECG": "simulated" if ecg else "none", "WithEcg": counts.with_ecg, "Ecgs": counts.ecgs}
    return {**facts, "Seed": seed}


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
    from scartools.errors import InputError, concerning
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


def _lge_of_labels(labels: Any, affine: Any, seed: int, *, psir: bool) -> Any:
    """Ask the library for the image of a segmentation."""
    from scartools.simulation.mask_lge import image_of_labels

    return image_of_labels(labels, affine, seed, psir=psir)


SUBCOMMANDS = (cohort, page, lge_command(_lge_of_labels), validate)
