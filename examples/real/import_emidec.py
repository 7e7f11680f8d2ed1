"""Turn the 8-bit EMIDEC pictures into NIfTI stacks and a manifest that `scartools preprocess` reads.

    python import_emidec.py DATA/cmr/emidec OUT [--seed 1] [--split 0.6/0.1/0.3]
    python import_emidec.py DATA/cmr/emidec OUT --folds emidec_folds.tsv --crop 128

The pictures have lost their millimetres, and each was stretched to a square. The measured width of the LV over its
height, `lv_width_over_height` of the table, says by how much: pixels are made that much higher than wide, 1 unit
square on average, so that the LV is round again before any angle or sector. The unit is not known: the NIfTI header
says so, and no mL, g or mm may be printed of them (--fractions-only). Orientation is lost too: the affine says
radiological display, which every use as an anchor must call assumed (--anchor image-left).

P059 and P072 are one exam with two annotations: they are one group, so that no split parts them.

With --folds every patient is in train, in the fold of that table, and beside pairs.tsv there is one pairs-K.tsv a fold,
in which that fold is the split test. With --crop each stack is cut to a square around the middle of its labelled heart,
the same for whoever learns from it: a reader's contours say where that is, so it is a test of segmenters, not of finders.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nibabel
import numpy as np

from scartools.files import table
from scartools.files.table import Column
from scartools.learning.splits import assign_splits

ONE_EXAM = {"P059": "P059-P072", "P072": "P059-P072"}
SLICE_STEP = 7.0  # units: slices are some 10 mm apart where pixels are 1.4 mm
COLUMNS = {
    "case_id": Column("Case"),
    "participant_id": Column("Patient"),
    "group": Column("What is never parted by a split"),
    "image": Column("LGE image, path relative to this table"),
    "label": Column("Labels, path relative to this table"),
    "split": Column("train, validation or test"),
    "fold": Column("Fold"),
}


def stack_affine(width_over_height: float) -> np.ndarray:
    """Return the affine (4, 4) of (column, row, slice), slice 0 the apex, pixels of area 1 that make the LV round."""
    wide = 1.0 / np.sqrt(width_over_height)
    return np.diag([-wide, -wide * width_over_height, SLICE_STEP, 1.0])


def around_heart(image: np.ndarray, label: np.ndarray, edge: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both (slice, edge, edge), cut around the middle of the labelled pixels, inside the picture."""
    heart = np.argwhere(label > 0)
    middle = np.round((heart.min(axis=0) + heart.max(axis=0)) / 2).astype(int)[1:]
    starts = [
        int(np.clip(m - edge // 2, 0, size - edge)) for m, size in zip(middle, image.shape[1:], strict=True)
    ]
    window = (slice(None), *(slice(start, start + edge) for start in starts))
    return image[window], label[window]


def save(path: Path, array: np.ndarray, affine: np.ndarray) -> None:
    """Write one volume; the header's unit stays unknown."""
    image = nibabel.Nifti1Image(array, affine)
    image.set_sform(affine, code=2)
    image.set_qform(affine, code=0)
    nibabel.save(image, path)


def main() -> None:
    """Write the stacks and pairs.tsv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("emidec", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--split", default="0.6/0.1/0.3")
    parser.add_argument("--folds", type=Path, help="table of case_id and fold")
    parser.add_argument("--crop", type=int, help="edge of a square around the heart, pixels")
    given = parser.parse_args()
    subjects = table.read(
        given.emidec / "png_subjects.tsv", required=("subject", "group", "lv_width_over_height")
    )
    groups = {
        str(row["subject"]): ONE_EXAM.get(str(row["subject"]), str(row["subject"])) for row in subjects.rows
    }
    strata = {groups[str(row["subject"])]: str(row["group"]) for row in subjects.rows}
    fractions = [float(part) for part in given.split.split("/")]
    places = assign_splits(groups.values(), fractions, 5, given.seed, strata=strata)
    folds = None
    if given.folds:
        kept = table.read(given.folds, required=("case_id", "fold"))
        folds = {str(row["case_id"]): int(str(row["fold"])) for row in kept.rows}
    (given.out / "images").mkdir(parents=True, exist_ok=True)
    (given.out / "labels").mkdir(exist_ok=True)
    rows = []
    for at, row in enumerate(subjects.rows):
        name = str(row["subject"])
        with np.load(given.emidec / "png_subjects" / f"{name}.npz", allow_pickle=False) as stored:
            image, label = stored["image"], stored["label"]  # (slice, row, column), slice 0 the apex
        if given.crop:
            image, label = around_heart(image, label, given.crop)
        affine = stack_affine(table.number(subjects, at, "lv_width_over_height"))
        save(given.out / "images" / f"{name}.nii.gz", image.transpose(2, 1, 0).astype(np.float32), affine)
        save(given.out / "labels" / f"{name}.nii.gz", label.transpose(2, 1, 0).astype(np.uint8), affine)
        split, fold = places[groups[name]] if folds is None else ("train", folds[name])
        rows.append(
            {
                "case_id": name,
                "participant_id": name,
                "group": groups[name],
                "image": f"images/{name}.nii.gz",
                "label": f"labels/{name}.nii.gz",
                "split": split,
                "fold": fold,
            }
        )
    (given.out / "pairs.tsv").write_text(table.render(COLUMNS, rows), encoding="utf-8")
    for fold in sorted({row["fold"] for row in rows}) if folds is not None else ():
        held_out = [{**row, "split": "test" if row["fold"] == fold else "train"} for row in rows]
        (given.out / f"pairs-{fold}.tsv").write_text(table.render(COLUMNS, held_out), encoding="utf-8")


if __name__ == "__main__":
    main()
