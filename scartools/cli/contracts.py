"""The kinds of file a command reads and writes, as its declaration names them.

A parameter says `Annotated[Path, typer.Argument(...), Reads("segmentation")]`. From that one word come the
early checks on the path, the INPUT FILES and OUTPUT FILES of the man page, and what the contract tests feed
to the command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What a second run of a command gives.
#   exact     the same bytes for the same inputs, options and seed, whatever the threads
#   network   the same bytes at equal threads; logits within 1e-4 across threads
#   training  resumable; weights are not compared across threads
Kind = Literal["exact", "network", "training"]


@dataclass(frozen=True)
class Contract:
    """A kind of file: the names it may have and what is in it."""

    suffixes: tuple[str, ...]
    text: str  # one sentence for the man page; the whole contract is in scartools-formats(5)
    stream: bool = False  # may be `-`, standard input or output
    folder: bool = False
    filled: bool = False  # an output that may also be a folder, filled item by item


_NIFTI = (".nii.gz", ".nii")

CONTRACTS = {
    "segmentation": Contract(_NIFTI, "NIfTI label volume, 3-D, in the scheme named by --labels."),
    "prior": Contract(_NIFTI, "NIfTI label volume, uint8: AHA segment 1-17, 0 elsewhere."),
    "image": Contract(_NIFTI, "NIfTI image, 3-D, on the grid of the segmentation."),
    "lge": Contract((*_NIFTI, ".tsv"), "One LGE image (NIfTI, 3-D), or a manifest of scartools pair."),
    "anatomy": Contract((*_NIFTI, ".tsv"), "Segmentation of the wall, or a TSV: case_id, anatomy."),
    "mask": Contract(_NIFTI, "NIfTI mask, 3-D, 0 outside and 1 inside, on the grid of the segmentation."),
    "landmarks": Contract((".tsv",), "TSV with the columns landmark, x, y, z (RAS+, mm).", stream=True),
    "segments": Contract((".tsv",), "TSV, one row per region, with its JSON; columns below.", stream=True),
    "figure": Contract((".svg", ".pdf", ".png"), "Figure; the suffix chooses the format."),
    "cohort": Contract((), "Folder of a simulated cohort; layout below.", folder=True),
    "simulated_ecgs": Contract(
        (".hea",), "One ECG record; or a folder: a record a segmentation, and ecg.tsv.", filled=True
    ),
    "page": Contract((".png", ".pdf"), "Drawn page of a paper ECG, with its truth beside it; more below."),
    "pages": Contract(
        (".pdf", ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"),
        "Pages of paper ECGs: PDF, PNG, JPEG, BMP or TIFF, or folders of them.",
        folder=True,
    ),
    "records": Contract((".hea",), "One ECG record; or a folder: a record a page, and pages.tsv.", filled=True),
    "boxes": Contract((".tsv",), "TSV, one row a lead: lead, left, top, right, bottom; more below."),
    "corrections": Contract((".tsv",), "TSV, one row a page: page, sha256, and what is to be corrected."),
    "record": Contract(
        (),
        "12-lead ECG: WFDB header (.hea), DICOM, MUSE XML, aECG, Philips XML, EDF, CSV or TSV, by its content.",
    ),
    "beat": Contract((".hea",), "Median beat: WFDB record of 12 x 600 samples at 500 Hz, R at sample 200."),
    "recordings": Contract(
        (),
        "12-lead ECGs: WFDB header (.hea), DICOM, MUSE XML, aECG, Philips XML, EDF, CSV or TSV; or folders of them.",
        folder=True,
    ),
    "record_table": Contract((".tsv",), "TSV with the column record, or the one that --column names."),
    "median_beats": Contract(
        (".hea",), "One median beat; or a folder: a beat a recording, and beats.tsv.", filled=True
    ),
    "beats": Contract((".tsv",), "TSV with the column beat: paths of median beats, relative to the table."),
    "ecgs": Contract((".tsv",), "TSV, one row an ECG: participant_id, ecg_id, ecg_date, and beat."),
    "scans": Contract((".tsv",), "TSV, one row an MRI: participant_id, mri_date, image, and more below."),
    "pairs": Contract((".tsv",), "TSV, the manifest that pair writes: one row an MRI; paths relative to it."),
    "truth": Contract(
        (".tsv",), "TSV: case_id, participant_id, label, and split: the manifest of pair, or the like."
    ),
    "dataset": Contract((), "Folder that preprocess writes: plan and cases.", folder=True),
    "model": Contract(
        (), "Folder that train or import-nnunet writes: description, weights, card.", folder=True
    ),
    "encoder": Contract((), "Folder that pretrain-ecg writes: description, weights, card.", folder=True),
    "predictions": Contract((), "Folder that predict writes: one folder a case, predictions.tsv.", folder=True),
    "evaluation": Contract((), "Folder that evaluate writes: metrics.tsv, summary, report.", folder=True),
    "nnunet": Contract((), "Folder of a raw nnU-Net data set: imagesTr, labelsTr, dataset.json.", folder=True),
    "nnunet_result": Contract(
        (),
        "Folder of a training of nnU-Net v2: plans.json, dataset.json, fold_N/checkpoint_final.pth.",
        folder=True,
    ),
    "any": Contract((), "Any file or folder of this toolkit, or one that it reads."),
    "normals": Contract((".tsv",), "TSV of normal ECGs: the column beat, or the 49 features listed below."),
    "plausibility": Contract((".tsv",), "TSV, one row a question, with its JSON; columns below."),
    "list": Contract((), "Text, one path a line.", stream=True),
}


@dataclass(frozen=True)
class Reads:
    """Marks a parameter as an input of a kind in CONTRACTS."""

    contract: str


@dataclass(frozen=True)
class Writes:
    """Marks a parameter as an output of a kind in CONTRACTS."""

    contract: str
