"""Print what the arms of the ablation came to; what has not been run is printed as missing.

    python table.py OUT --arms ARM ... --seeds SEED ... [--resamples 10000]

Reads OUT/evaluation/metrics.tsv and segments.tsv of `scartools evaluate`, OUT/pairs.tsv, and log.jsonl and model.json of
OUT/models/*; prints and writes OUT/table.md. Scar is scar and no-reflow. The patient is the unit: cases of one patient, then
seeds, are averaged before means, intervals and tests. Intervals are BCa bootstrap of patients; p is Wilcoxon's, adjusted by
Holm over all rows of the differences. Only seeds that both arms of a difference have count in it.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scartools.evaluation.segment_detection import NUMBERS, SegmentScar, Tally, tally
from scartools.evaluation.significance import (
    bootstrap_interval,
    by_patient,
    holm,
    weighted_interval,
    wilcoxon_p,
)

EQUIVALENT = 0.02  # Dice: a control is no better and no worse when its 90 % interval lies inside
FEW = 20  # patients below which no verdict is given
BINS = ((0, 7), (7, 14), (14, 30), (30, math.inf))  # days between ECG and MRI
SHOWN = {"truth": "truth as reader"}  # the truth plays the reader; the arm -second a reader who differs from it
MISSING = "missing"
FUSIONS = ("taff", "segment")
Row = Mapping[str, str]


def read(path: Path) -> list[dict[str, str]]:
    """Return the rows of a TSV."""
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def by_arm(rows: Sequence[Row]) -> dict[str, dict[str, list[Row]]]:
    """Return the scar rows by arm and seed; an arm is named ARM.SEED."""
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows:
        if row["structure"] == "scar":
            arm, seed = row["arm"].rsplit(".", 1)
            found.setdefault(arm, {}).setdefault(seed, []).append(row)
    return found


def mean_of_seeds(
    arm: Mapping[str, Sequence[Row]], column: str, seeds: Sequence[str], *, positive: bool
) -> dict[str, float]:
    """Return by patient the mean over seeds of a column, over cases whose truth has scar, or has none."""
    kinds = ("hit", "missed") if positive else ("false_positive", "true_negative")
    each = [
        by_patient(
            [(row["participant_id"], number(row[column])) for row in arm[seed] if row["agreement"] in kinds]
        )
        for seed in seeds
    ]
    common = sorted(set.intersection(*(set(one) for one in each))) if each else []
    return {patient: float(np.mean([one[patient] for one in each])) for patient in common}


def number(text: str) -> float:
    """Return a number, NaN for n/a."""
    return math.nan if text == "n/a" else float(text)


def interval(values: Sequence[float], resamples: int, level: float = 0.95) -> str:
    """Return mean and interval as text."""
    if not values:
        return "n/a"
    low, high = bootstrap_interval(list(values), resamples=resamples, level=level)
    return f"{np.mean(values):.3f}" + ("" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]")


def arm_lines(
    names: Sequence[str], arms: Mapping[str, Mapping[str, Sequence[Row]]], wanted: Sequence[str], resamples: int
) -> list[str]:
    """Return the table of the arms of one regime, a line an arm."""
    lines = [
        "| arm | wall | ECG | seeds | patients with scar | scar Dice [95 %] | cases missed | patients without "
        "| mL predicted there [95 %] |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        if name not in arms:
            lines.append(f"| {name} |" + f" {MISSING} |" * 8)
            continue
        arm = arms[name]
        seeds = sorted(arm)
        rows = [row for seed in seeds for row in arm[seed]]
        walls = "/".join(sorted({SHOWN.get(row["prior_source"], row["prior_source"]) for row in rows}))
        ecgs = "/".join(sorted({row["ecg"] for row in rows}))
        with_scar = mean_of_seeds(arm, "dice", seeds, positive=True)
        without = mean_of_seeds(arm, "predicted_ml", seeds, positive=False)
        missed = sum(row["agreement"] == "missed" for row in rows) / len(seeds)
        told = f"{len(seeds)} of {len(wanted)}" + ("" if len(seeds) == len(wanted) else f" ({MISSING})")
        dice, volume = (interval(list(values.values()), resamples) for values in (with_scar, without))
        lines.append(
            f"| {name} | {walls} | {ecgs} | {told} | {len(with_scar)} | {dice} | {missed:.1f} | {len(without)} | {volume} |"
        )
    return lines


def differences_asked(arms: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return question, arm and reference of each difference, of the arms that the ablation has."""
    asked = [("what the predicted prior adds", "prior", "image")]
    for f in FUSIONS:
        asked += [
            ("ECG without prior", f"{f}-noprior", "image"),
            ("ECG, no time", f"{f}-notime", "prior"),
            ("time", f, f"{f}-notime"),
            ("ECG and time", f, "prior"),
            ("control: trained and tested on others' ECGs", f"{f}-shuffled", "prior"),
            ("own ECG against others'", f, f"{f}-shuffled"),
            ("others' ECGs at test only", f"{f}-test-shuffled", f),
            ("no ECG at test", f"{f}-no-ecg", "prior"),
            ("no ECG at test, against the image alone", f"{f}-no-ecg", "image"),
            ("everything against the image alone", f, "image"),
            ("others' intervals", f"{f}-interval", f),
            ("ceiling: true scar by segment", f"{f}-oracle", "prior"),
        ]
        for end in ("", "-second"):
            asked += [
                ("given wall: ECG and time", f"given-{f}{end}", f"given-prior{end}"),
                ("given wall, control: others' ECGs", f"given-{f}-shuffled{end}", f"given-prior{end}"),
                ("given wall, ceiling", f"given-{f}-oracle{end}", f"given-prior{end}"),
            ]
    painted = "segment-painted"  # goes on from the image alone
    asked += [
        ("painted only: ECG and time", painted, "image"),
        ("painted only: time", painted, f"{painted}-notime"),
        ("painted only, control: trained and tested on others' ECGs", f"{painted}-shuffled", "image"),
        ("painted only: own ECG against others'", painted, f"{painted}-shuffled"),
        ("painted only: others' ECGs at test only", f"{painted}-test-shuffled", painted),
        ("painted only: no ECG at test", f"{painted}-no-ecg", "image"),
        ("painted only, ceiling: true scar by segment", f"{painted}-oracle", "image"),
        ("painted only, or shown as well", painted, "segment"),
    ]
    for end in ("", "-second"):
        asked.append(
            ("given wall: learned with it, or given at test only", f"given-prior{end}", f"given-at-test{end}")
        )
    asked.append(("segment against taff", "segment", "taff"))
    asked.append(("segment against taff, given wall", "given-segment", "given-taff"))
    return [one for one in asked if one[1] in arms and one[2] in arms]


def paired(
    arms: Mapping[str, Mapping[str, Sequence[Row]]], arm: str, reference: str, column: str, *, positive: bool
) -> tuple[list[float], int]:
    """Return the difference of each patient, the mean of the seeds that both have, and how many these are."""
    if arm not in arms or reference not in arms:
        return [], 0
    seeds = sorted(set(arms[arm]) & set(arms[reference]))
    one, other = (mean_of_seeds(arms[name], column, seeds, positive=positive) for name in (arm, reference))
    return [one[patient] - other[patient] for patient in sorted(set(one) & set(other))], len(seeds)


def difference_lines(
    asked: Sequence[tuple[str, str, str]], arms: Mapping[str, Mapping[str, Sequence[Row]]], resamples: int
) -> list[str]:
    """Return the table of differences of Dice in patients with scar, and of mL in patients without."""
    found = [paired(arms, arm, reference, "dice", positive=True) for _, arm, reference in asked]
    adjusted = holm([wilcoxon_p(values) for values, _ in found])
    lines = [
        "| question | difference | seeds | patients | Dice [95 %] | [90 %] | p, Holm | mL in patients without scar [95 %] |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (question, arm, reference), (values, seeds), p in zip(asked, found, adjusted, strict=True):
        if not values:
            lines.append(f"| {question} | {arm} - {reference} |" + f" {MISSING} |" * 6)
            continue
        narrow = interval(values, resamples, 0.90).partition(" ")[2]
        if "control" in question:
            low, high = bootstrap_interval(values, resamples=resamples, level=0.90)
            inside = low > -EQUIVALENT and high < EQUIVALENT
            verdict = "equivalent" if inside else f"not within {EQUIVALENT}"
            narrow += f" {verdict if len(values) >= FEW else 'too few patients to tell'}"
        without, _ = paired(arms, arm, reference, "predicted_ml", positive=False)
        told = "n/a" if math.isnan(p) else f"{p:.3g}"
        lines.append(
            f"| {question} | {arm} - {reference} | {seeds} | {len(values)} | {interval(values, resamples)} | {narrow} |"
            f" {told} | {interval(without, resamples)} |"
        )
    return lines


def segments_by_arm(rows: Sequence[Row]) -> dict[str, list[SegmentScar]]:
    """Return the segments of all cases by arm; the run is the seed."""
    found: dict[str, list[SegmentScar]] = {}
    for row in rows:
        arm, seed = row["arm"].rsplit(".", 1)
        found.setdefault(arm, []).append(
            SegmentScar(
                arm,
                int(seed),
                row["case_id"],
                row["participant_id"],
                row["prior_source"],
                row["ecg"],
                row["ecg_source"],
                row["control"],
                int(row["segment"]),
                number(row["truth_percent"]),
                number(row["predicted_percent"]),
                row["truth_present"] == "true",
                row["predicted_present"] == "true",
            )
        )
    return found


def with_interval(one: Tally, other: Tally | None, name: str, resamples: int) -> str:
    """Return a number of NUMBERS of an arm, or how much more it is than another's, with its interval of patients."""

    def of(weights: np.ndarray) -> np.ndarray:
        """The number, or the difference, of patients weighted so: (B, n) to (B,)."""
        found = one.of(NUMBERS[name], weights)
        return found if other is None else found - other.of(NUMBERS[name], weights)

    value = float(of(np.ones((1, one.patients)))[0])
    low, high = weighted_interval(of, one.patients, resamples=resamples)
    return f"{value:.3f}" + ("" if math.isnan(low) else f" [{low:.3f}, {high:.3f}]")


def segment_lines(
    names: Sequence[str],
    asked: Sequence[tuple[str, str, str]],
    arms: Mapping[str, Sequence[SegmentScar]],
    resamples: int,
) -> list[str]:
    """Return how well scar is told in its segment, of each arm and each difference over the seeds that both have."""
    heads = ["AUC by segment [95 %]", "sensitivity at 95 % specificity [95 %]", "kappa [95 %]"]
    numbers = ("auc", "sensitivity_at_95", "kappa")
    lines = ["| arm | seeds | patients | " + " | ".join(heads) + " |", "|---" * (len(heads) + 3) + "|"]
    for one, other in [(name, None) for name in names] + [asking[1:] for asking in asked]:
        title = one if other is None else f"{one} - {other}"
        if one not in arms or (other is not None and other not in arms):
            lines.append(f"| {title} |" + f" {MISSING} |" * (len(heads) + 2))
            continue
        both = [arms[one], arms[one if other is None else other]]
        runs = set.intersection(*({row.run for row in rows} for rows in both))
        places = set.intersection(
            *({(row.case_id, row.segment) for row in rows if row.run in runs} for rows in both)
        )
        kept = [
            [row for row in rows if row.run in runs and (row.case_id, row.segment) in places] for rows in both
        ]
        patients = sorted({row.participant_id for row in kept[0]})
        if not patients:
            lines.append(f"| {title} |" + f" {MISSING} |" * (len(heads) + 2))
            continue
        mine, theirs = (tally(rows, patients) for rows in kept)
        cells = [with_interval(mine, None if other is None else theirs, name, resamples) for name in numbers]
        lines.append(f"| {title} | {len(runs)} | {len(patients)} | " + " | ".join(cells) + " |")
    return lines


def bin_lines(
    names: Sequence[str], arms: Mapping[str, Mapping[str, Sequence[Row]]], days: Mapping[str, float]
) -> list[str]:
    """Return scar Dice by days between ECG and MRI, with the number of patients in each bin; no interval: too few."""
    heads = [f"{low} to {high:.0f} days" if high < math.inf else f"{low} days or more" for low, high in BINS]
    lines = ["| arm | " + " | ".join([*heads, "unknown"]) + " |", "|---" * (len(BINS) + 2) + "|"]
    for name in names:
        if name not in arms:
            lines.append(f"| {name} |" + f" {MISSING} |" * (len(BINS) + 1))
            continue
        cells = []
        for low, high in (*BINS, (math.nan, math.nan)):
            chosen = {
                seed: [row for row in rows if _inside(days.get(row["case_id"], math.nan), low, high)]
                for seed, rows in arms[name].items()
            }
            values = list(mean_of_seeds(chosen, "dice", sorted(chosen), positive=True).values())
            cells.append(f"{np.mean(values):.3f} (n = {len(values)})" if values else "n = 0")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def _inside(days: float, low: float, high: float) -> bool:
    return math.isnan(days) if math.isnan(low) else low <= days < high


def weight_lines(names: Sequence[str], seeds: Sequence[str], models: Path) -> list[str]:
    """Return the weight of the ECG at the end of each training, gate of TAFF and trust of the other; and, of the other, the AUC
    by segment of what the ECGs say by themselves, in patients to learn from that were left out."""
    lines = [
        "| training | " + " | ".join(f"seed {seed}" for seed in seeds) + " |",
        "|---" * (len(seeds) + 1) + "|",
    ]
    for name in names:
        cells = []
        for seed in seeds:
            folder = models / f"{name}.{seed}"
            log, said = folder / "log.jsonl", folder / "model.json"
            last = json.loads(log.read_text(encoding="utf-8").splitlines()[-1]) if log.is_file() else {}
            told = (json.loads(said.read_text(encoding="utf-8")) if said.is_file() else {}).get(
                "Evidence"
            ) or {}
            weight, auc = last.get("EcgWeight"), told.get("Auc")
            shown = MISSING if weight is None else f"{weight:.3f}"
            cells.append(shown + ("" if auc is None else f" (AUC {auc:.3f})"))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def ceiling_lines(arms: Mapping[str, Mapping[str, Sequence[Row]]]) -> list[str]:
    """Return what part of the ceiling the ECG reached, in both regimes."""
    lines = []
    for full, ceiling, reference in (
        ("segment", "segment-oracle", "prior"),
        ("segment-painted", "segment-painted-oracle", "image"),
        ("given-segment", "given-segment-oracle", "given-prior"),
    ):
        gain, most = (paired(arms, one, reference, "dice", positive=True)[0] for one in (full, ceiling))
        if not gain or not most:
            lines.append(f"* {full}: {MISSING}")
        else:
            lines.append(
                f"* {full} gains {np.mean(gain):+.3f} over {reference}; the true scar by segment in place of the ECG "
                f"{np.mean(most):+.3f}"
            )
    return lines


def render(out: Path, names: Sequence[str], seeds: Sequence[str], resamples: int, note: str) -> str:
    """Return the whole table as Markdown; note: what the data are."""
    metrics = out / "evaluation/metrics.tsv"
    arms = by_arm(read(metrics)) if metrics.is_file() else {}
    told = out / "evaluation/segments.tsv"
    segments = segments_by_arm(read(told)) if told.is_file() else {}
    pairs = read(out / "pairs.tsv") if (out / "pairs.tsv").is_file() else []
    days = {row["case_id"]: number(row.get("interval_days", "n/a")) for row in pairs}
    fused = [name for name in names if set(name.split("-")) & set(FUSIONS)]
    trained = [name for name in fused if not name.endswith(("-second", "-test-shuffled", "-no-ecg", "-oracle"))]
    shown = [
        "image",
        "prior",
        *(name for f in FUSIONS for name in (f"{f}-notime", f, f"{f}-painted") if name in names),
    ]
    second = [name for name in names if name.endswith("-second")]
    first = [name for name in names if name.startswith("given-") and name not in second]
    parts = [
        "# Does the ECG help?",
        f"{note} Simulated ECGs test software and prove nothing about patients. Research use only.",
        "## Predicted wall: nothing but image and ECG is given",
        *arm_lines([name for name in names if name not in (*first, *second)], arms, seeds, resamples),
        "## Given wall: the truth as reader",
        *arm_lines(first, arms, seeds, resamples),
        "## Given wall: a second reader, the truth with moved contours and a turned RV",
        *arm_lines(second, arms, seeds, resamples),
        "## Differences",
        *difference_lines(differences_asked(names), arms, resamples),
        "## Scar in its segment",
        *segment_lines(names, differences_asked(names), segments, resamples),
        "## Part of the ceiling",
        *ceiling_lines(arms),
        "## Scar Dice by days between ECG and MRI",
        *bin_lines(shown, arms, days),
        "## Weight of the ECG at the end of the training, and what the ECGs tell by themselves",
        *weight_lines(trained, seeds, out / "models"),
    ]
    text = ""
    for part in parts:
        row = part.startswith(("|", "*"))
        text += part + ("\n" if row else "\n\n") if not part.startswith("## ") else f"\n{part}\n\n"
    return text


def main() -> None:
    """Print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--arms", nargs="+", required=True)
    parser.add_argument("--seeds", nargs="+", required=True)
    parser.add_argument("--resamples", type=int, default=10_000)
    parser.add_argument("--note", default="Simulated hearts, images and ECGs.", help="what the data are")
    given = parser.parse_args()
    text = render(given.out, given.arms, given.seeds, given.resamples, given.note)
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "table.md").write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
