"""How hard simulated LGE images are: train a small image-only network on some subjects, print its Dice on others.

    python tools/calibrate_lge.py FOLDER --seed 11

The project's own commands do the work: simulate cohort, preprocess, train --preset small without prior and ECG,
predict, evaluate. FOLDER keeps what they made; what is there is not made again. One seed gives one number; the
interval is that of the mean over the test patients who have scar (BCa bootstrap of evaluate).
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
from pathlib import Path

STRUCTURES = ("lv_pool", "myocardium", "scar", "scar_only", "no_reflow")


def scartools(*arguments: object) -> None:
    """Run a command of the project, or stop with its message."""
    done = subprocess.run([sys.executable, "-m", "scartools", *map(str, arguments), "-q"], check=False)
    if done.returncode:
        raise SystemExit(f"scartools {arguments[0]} ended with status {done.returncode}")


def write_manifest(folder: Path, train: int) -> None:
    """pairs.tsv: the first `train` subjects of the cohort to learn from, the others to test."""
    with (folder / "cohort" / "mri.tsv").open(encoding="utf-8", newline="") as text:
        scans = list(csv.DictReader(text, delimiter="\t"))
    lines = ["case_id\tparticipant_id\timage\tlabel\tsplit"]
    for at, scan in enumerate(scans):
        name, split = scan["participant_id"], "train" if at < train else "test"
        lines.append(f"{name}\t{name}\tcohort/{scan['image']}\tcohort/{scan['label']}\t{split}")
    (folder / "pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def print_summary(path: Path) -> None:
    """Print Dice with its patient interval by structure, and how often scar was found and invented."""
    with path.open(encoding="utf-8", newline="") as text:
        rows = {row["structure"]: row for row in csv.DictReader(text, delimiter="\t")}
    for name in (structure for structure in STRUCTURES if structure in rows):
        row = rows[name]
        low, high = row["dice_mean_positive_lower"], row["dice_mean_positive_upper"]
        print(
            f"{name:<12} Dice {row['dice_mean_positive']} (95 % {low} to {high}), {row['n_patients_positive']} patients"
        )
    scar = rows["scar"]
    print(
        f"scar found in {scar['n_both']}, missed in {scar['n_missed']}, invented in {scar['n_false_positive']},"
        f" rightly absent in {scar['n_true_negative']}"
    )


def main() -> None:
    """Read the arguments and run the stages whose result is not there yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=11, help="of the cohort and of the training")
    parser.add_argument("--train", type=int, default=60, help="subjects to learn from")
    parser.add_argument("--test", type=int, default=20)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--iterations", type=int, help="else those of the preset")
    parser.add_argument("--batch", type=int, help="else that of the preset")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    folder, seed, threads = chosen.folder, ("--seed", chosen.seed), ("--threads", chosen.threads)
    folder.mkdir(parents=True, exist_ok=True)

    def made(name: str) -> bool:
        return (folder / name / "prov.json").exists()

    if not made("cohort"):
        count = chosen.train + chosen.test
        scartools("simulate", "cohort", "-n", count, "--no-ecg", *seed, *threads, "-o", folder / "cohort")
    write_manifest(folder, chosen.train)
    pairs = folder / "pairs.tsv"
    if not made("dataset"):
        scartools("preprocess", pairs, *threads, "-o", folder / "dataset")
    if not made("model"):
        network: tuple[object, ...] = ("--preset", chosen.preset, "--no-prior", "--no-ecg")
        for name, value in (("--iterations", chosen.iterations), ("--batch", chosen.batch)):
            network += () if value is None else (name, value)
        scartools("train", folder / "dataset", *network, *seed, *threads, "-o", folder / "model")
    if not made("predictions"):
        shown = ("--split", "test", "--no-bullseye", *threads)
        scartools("predict", folder / "model", pairs, *shown, "-o", folder / "predictions")
    if not made("evaluation"):
        truth = ("--truth", pairs, "--split", "test")
        scartools("evaluate", folder / "predictions", *truth, "--overlays", "-o", folder / "evaluation")
    print_summary(folder / "evaluation" / "summary.tsv")


if __name__ == "__main__":
    main()
