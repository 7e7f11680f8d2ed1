"""Pair each MRI with the ECG nearest in time, and split the patients.

An ECG may stand for an MRI of the same participant when at most --max-days lie between them (whole days,
inclusive), on the side that --direction asks for, and on the same side of event_date (an infarct or a
revascularisation), whatever the distance. Among the ECGs allowed, --policy nearest takes the nearest; ties go to the
better quality, then the earlier, then the lowest id, and are listed in OUTPUT.json. first takes the
earliest, all makes a row of each, one-to-one gives an ECG to one MRI only: most pairs first, then fewest days in sum.

What is in no pair is listed with one reason. No pair at all is an error (status 3), also with --keep-unpaired.

Splits and folds go by group (column group, else participant_id): never by scan. They depend on the seed and
the ids alone, not on the order of rows. A column split in MRIS is kept, and refused when a participant or
group is in two splits.

INPUT FILES

ECGS: participant_id, ecg_date; optional ecg_id, beat, quality (higher is better), event_date.

MRIS: participant_id, mri_date, image; optional mri_id (needed where a participant has several), label, prior
(manual or truth), group, event_date, split.

Paths are relative to their table; they are looked for, not opened. Ids are text: 00123 is not 123. Equal rows count
once; rows with the same id that differ stop the command.

OUTPUT FILES

Columns of OUTPUT (columns named by --carry follow):

@columns scartools.files.pairs:COLUMNS

With --policy all the ecg_id follows in case_id. Unpaired MRIs of --keep-unpaired have n/a for the ECG.

Beside pairs.tsv lies excluded.tsv (beside STEM.tsv, STEM-excluded.tsv): kind, participant_id, exam_id, reason, kept.
The reasons:

    ambiguous_id   no participant_id, or one the other table spells differently (123, 00123)
    duplicate      the same row again
    bad_date       missing, no day of the calendar, or a placeholder such as 1900-01-01
    label_missing  the table has labels and this MRI none
    unreadable     its file is not there or may not be read
    low_quality    below --min-quality, or without a quality
    no_ecg, no_mri the participant has none that is usable
    wrong_side     near enough, but in the other direction or beyond the event
    too_far        more than --max-days
    not_nearest    allowed, and another was preferred

OUTPUT.json has Flow (counts), IntervalDays (median, quartiles, maximum, histogram), Rule, Splits, Ties, ImplausibleDays.

NOTES

--date-format: iso YYYY-MM-DD, dicom YYYYMMDD, hl7 YYYYMMDDHHMM, muse MM-DD-YYYY, mdy and dmy (with / . or -),
excel (serial numbers). It holds for all dates. A date in another format stops the command with its line; its digits
are not repeated, because dates of patients stand in no log. Times and time zones are read over.

Equal shifts of all dates of a patient leave every interval as it was. Dates before 1990, or all on the first of a
month, are reported: de-identification may have moved ECG and MRI differently.

EXAMPLES

    scartools pair cohort/ecg.tsv cohort/mri.tsv -o pairs.tsv
    scartools pair cohort/ecg.tsv cohort/mri.tsv --policy one-to-one --direction before --folds 3 -o one-to-one.tsv
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scartools.cli.contracts import Kind, Reads, Writes
from scartools.cli.options import Force, Output, Seed

if TYPE_CHECKING:
    from scartools.files.examinations import Examination
    from scartools.learning.pairing import Pairing

KIND: Kind = "exact"
log = logging.getLogger(__name__)
LOST_FRACTION = 0.2  # of the MRIs: more is worth a warning

Direction = Annotated[
    Literal["any", "before", "after"],
    typer.Option("--direction", help="Where the ECG lies, seen from the MRI."),
]
Policy = Annotated[
    Literal["nearest", "all", "first", "one-to-one"],
    typer.Option("--policy", help="Which of several ECGs is taken."),
]
DateFormat = Annotated[
    Literal["iso", "dicom", "hl7", "muse", "mdy", "dmy", "excel"],
    typer.Option("--date-format", help="How all dates are written; see NOTES."),
]
MaxDays = Annotated[int, typer.Option("--max-days", metavar="DAYS", min=0, help="Days apart, inclusive.")]
Beats = Annotated[
    Path | None,
    typer.Option("--beats", metavar="FOLDER", help="Beats, FOLDER/ECG_ID.hea, where ECGS has no column beat."),
]
MinQuality = Annotated[
    float | None, typer.Option("--min-quality", metavar="Q", help="Leave out ECGs with a quality below this.")
]
IdWidth = Annotated[
    int | None,
    typer.Option("--id-width", metavar="N", min=1, max=64, help="Pad ids of digits with zeros to this width."),
]
KeepUnpaired = Annotated[
    bool, typer.Option("--keep-unpaired", help="Keep MRIs without an ECG, for image-only training.")
]
Split = Annotated[
    str, typer.Option("--split", metavar="A/B/C", help="Fractions of train/validation/test; their sum is 1.")
]
Folds = Annotated[int, typer.Option("--folds", metavar="K", min=1, help="Number of folds.")]
Stratify = Annotated[
    str | None,
    typer.Option("--stratify", metavar="COLUMN", help="Split within each value of a column of MRIS."),
]
Carry = Annotated[
    list[str] | None,
    typer.Option("--carry", metavar="COLUMN", help="Carry a column of MRIS over; may be repeated."),
]


def pair(
    ecgs: Annotated[Path, typer.Argument(metavar="ECGS", help="Table of the ECGs."), Reads("ecgs")],
    mris: Annotated[Path, typer.Argument(metavar="MRIS", help="Table of the MRIs."), Reads("scans")],
    output: Annotated[Output, Writes("pairs")],
    max_days: MaxDays = 90,
    direction: Direction = "any",
    policy: Policy = "nearest",
    beats: Beats = None,
    min_quality: MinQuality = None,
    date_format: DateFormat = "iso",
    id_width: IdWidth = None,
    keep_unpaired: KeepUnpaired = False,
    split: Split = "0.7/0.1/0.2",
    folds: Folds = 5,
    stratify: Stratify = None,
    carry: Carry = None,
    seed: Seed = 0,
    force: Force = False,
) -> dict[str, Any]:
    """Read both tables, pair them, split the patients, write the manifest and what was left out."""
    from scartools.errors import InputError
    from scartools.files import examinations, pairs
    from scartools.files.manifest import implausible_days, manifest_rows
    from scartools.learning import pairing

    shares = _fractions(split)
    if beats is not None and not beats.is_dir():
        raise InputError("is not a folder", where=beats, remedy="Check --beats")
    ids = examinations.Ids(id_width)
    ecg_table, ecg_rows = examinations.read_ecgs(ecgs, date_format, ids, beats=beats, min_quality=min_quality)
    mri_table, mri_rows = examinations.read_mris(mris, date_format, ids)
    _require_columns(mri_table, [*(carry or []), *([stratify] if stratify else [])], carry or [])
    examinations.mark_ambiguous(ecg_rows, mri_rows)
    examinations.mark_ambiguous(mri_rows, ecg_rows)
    good_ecgs = [row for row in ecg_rows if row.problem is None]
    good_mris = [row for row in mri_rows if row.problem is None]
    rule = pairing.Rule(max_days, direction, policy)
    found = pairing.pair_examinations(_for_pairing(good_ecgs), _for_pairing(good_mris), rule)
    excluded = _excluded(ecg_rows, mri_rows, good_ecgs, good_mris, found, keep_unpaired)
    if not found.matches:
        said = ", ".join(f"{count} {name}" for name, count in _count(excluded).items())
        raise InputError(
            f"no ECG goes with an MRI of {mris} ({said})",
            where=ecgs,
            remedy="Compare the ids and dates of both tables",
        )
    unpaired = sorted(found.mri_reasons) if keep_unpaired else []
    rows = manifest_rows(
        [(match.ecg, match.mri, match.signed_days, match.n_candidates) for match in found.matches],
        unpaired, good_ecgs, good_mris, output, name_ecg=policy == "all", carry=carry or [],
    )  # fmt: skip
    _assign(rows, good_mris, shares, folds, seed, stratify, mris)
    rule_facts = {
        "MaxDays": max_days, "Direction": direction, "Policy": policy, "Ties": "quality, earlier, lowest id",
        "DateFormat": date_format, "MinQuality": min_quality, "KeepUnpaired": keep_unpaired,
    }  # fmt: skip
    intervals = _intervals([abs(match.signed_days) for match in found.matches])
    facts: dict[str, Any] = {
        "Flow": _flow(found, excluded, len(ecg_rows), len(mri_rows)),
        "IntervalDays": intervals,
        "Rule": rule_facts,
        "Splits": _split_counts(rows, split, folds, seed),
        "Ties": _ties(found, good_ecgs, good_mris),
        "ImplausibleDays": {"ECGs": implausible_days(ecg_rows), "MRIs": implausible_days(mri_rows)},
    }
    _warn(facts, beats is not None or "beat" in ecg_table.columns, ecgs, mris)
    pairs.write_pairs(
        output,
        rows,
        excluded,
        carry or [],
        facts=facts,
        sources=[ecg_table.source, mri_table.source],
        force=force,
    )
    log.info(
        "%s: %d pairs of %d ECGs and %d MRIs; median %g days apart",
        output, len(found.matches), len(ecg_rows), len(mri_rows), intervals["Median"],
    )  # fmt: skip
    return {"Output": str(output), **facts}


def _fractions(text: str) -> list[Any]:
    from fractions import Fraction

    from scartools.errors import UsageError

    try:
        shares = [Fraction(part) for part in text.split("/")]
    except (ValueError, ZeroDivisionError):
        shares = []
    if len(shares) != 3 or any(share < 0 for share in shares) or sum(shares) != 1:
        raise UsageError(
            f"--split {text!r} is not three fractions whose sum is 1", remedy="For instance --split 0.7/0.1/0.2"
        )
    return shares


def _require_columns(mri_table: Any, wanted: Sequence[str], carried: Sequence[str]) -> None:
    from scartools.errors import InputError, UsageError
    from scartools.files.pairs import COLUMNS

    for name in carried:
        if name in COLUMNS or carried.count(name) > 1:
            raise UsageError(f"--carry {name}: the output has that column already", remedy="Leave it out")
    for name in wanted:
        if name not in mri_table.columns:
            raise InputError(
                f"has no column {name!r}",
                where=mri_table.path,
                remedy=f"It has: {', '.join(mri_table.columns)}",
            )


def _for_pairing(rows: Sequence[Examination]) -> list[Any]:
    from scartools.learning import pairing

    return [
        pairing.Examination(
            row.participant_id or "",
            row.name,
            row.day.toordinal() if row.day else 0,
            row.quality,
            row.event.toordinal() if row.event else None,
        )
        for row in rows
    ]


def _excluded(
    ecg_rows: Sequence[Examination],
    mri_rows: Sequence[Examination],
    good_ecgs: Sequence[Examination],
    good_mris: Sequence[Examination],
    found: Pairing,
    keep_unpaired: bool,
) -> list[dict[str, Any]]:
    """Return one row per ECG or MRI in no pair; an MRI that is kept unpaired is among them too."""
    listed = []
    for kind, rows, good, reasons in (
        ("ecg", ecg_rows, good_ecgs, found.ecg_reasons),
        ("mri", mri_rows, good_mris, found.mri_reasons),
    ):
        why = {row.line: row.problem for row in rows if row.problem}
        why |= {good[at].line: reason for at, reason in reasons.items()}
        listed += [
            {
                "kind": kind,
                "participant_id": row.participant_id,
                "exam_id": row.exam_id,
                "reason": why[row.line],
                "kept": "yes" if kind == "mri" and keep_unpaired and row.problem is None else "no",
                "name": row.name,
            }
            for row in rows
            if row.line in why
        ]
    return sorted(
        listed, key=lambda row: (row["kind"], row["participant_id"] or "", row["name"], row["reason"])
    )


def _count(excluded: Sequence[dict[str, Any]], kind: str | None = None) -> dict[str, int]:
    from collections import Counter

    return dict(sorted(Counter(row["reason"] for row in excluded if kind in (None, row["kind"])).items()))


def _assign(
    rows: list[dict[str, Any]],
    mris: Sequence[Examination],
    shares: Sequence[Any],
    folds: int,
    seed: int,
    stratify: str | None,
    where: Path,
) -> None:
    """Fill in split and fold by group; splits that the table states are kept."""
    from scartools.errors import InputError, concerning
    from scartools.files.pairs import SPLITS
    from scartools.learning.splits import assign_splits, require_disjoint

    given = [row for row in rows if row["split"] is not None]
    if given and len(given) < len(rows):
        raise InputError("has a split for some MRIs only", where=where, remedy="Give all or none")
    unknown = {row["split"] for row in given} - set(SPLITS)
    if unknown:
        raise InputError(
            f"has the unknown split {sorted(unknown)[0]!r}", where=where, remedy=f"Known: {', '.join(SPLITS)}"
        )
    strata: dict[str, str] = {}
    for row in rows if stratify else []:
        value = mris[row["mri"]].cells[stratify or ""] or "n/a"
        if strata.setdefault(row["group"], value) != value:
            raise InputError(
                f"the group {row['group']!r} has two values of {stratify!r}",
                where=where,
                remedy="Stratify by patient",
            )
    assigned = assign_splits([row["group"] for row in rows], shares, folds, seed, strata=strata or None)
    for row in rows:
        split, row["fold"] = assigned[row["group"]]
        row["split"] = row["split"] or split
    with concerning(where):
        require_disjoint(rows)


def _flow(found: Pairing, excluded: Sequence[dict[str, Any]], ecgs: int, mris: int) -> dict[str, Any]:
    return {
        "ECGs": ecgs,
        "MRIs": mris,
        "ECGsExcluded": _count(excluded, "ecg"),
        "MRIsExcluded": _count(excluded, "mri"),
        "ECGsPaired": len({match.ecg for match in found.matches}),
        "MRIsPaired": len({match.mri for match in found.matches}),
        "MRIsKeptUnpaired": sum(row["kept"] == "yes" for row in excluded),
        "Pairs": len(found.matches),
    }


def _intervals(days: Sequence[int]) -> dict[str, Any]:
    import numpy as np

    from scartools.learning.pairing import interval_histogram

    low, middle, high = (float(value) for value in np.percentile(days, [25, 50, 75]))
    return {"Median": middle, "Quartiles": [low, high], "Max": max(days), "Histogram": interval_histogram(days)}


def _split_counts(rows: Sequence[dict[str, Any]], split: str, folds: int, seed: int) -> dict[str, Any]:
    from scartools.files.pairs import SPLITS

    def count(name: str) -> dict[str, int]:
        mine = [row for row in rows if row["split"] == name]
        return {"Groups": len({row["group"] for row in mine}), "Rows": len(mine)}

    return {"Fractions": split, "Folds": folds, "Seed": seed, **{name.title(): count(name) for name in SPLITS}}


def _ties(found: Pairing, ecgs: Sequence[Examination], mris: Sequence[Examination]) -> list[dict[str, Any]]:
    ties = [
        {
            "Participant": mris[tie.mri].participant_id,
            "MRI": mris[tie.mri].exam_id,
            "Chosen": ecgs[tie.chosen].exam_id,
            "Others": [ecgs[at].exam_id for at in tie.others],
            "DecidedBy": tie.decided_by,
        }
        for tie in found.ties
    ]
    return sorted(ties, key=lambda tie: (str(tie["Participant"]), str(tie["MRI"])))


def _warn(facts: dict[str, Any], has_beats: bool, ecgs: Path, mris: Path) -> None:
    flow = facts["Flow"]
    if not has_beats:
        log.warning("%s: no column beat and no --beats: every beat is n/a", ecgs)
    lost = 1 - flow["MRIsPaired"] / flow["MRIs"]
    if lost > LOST_FRACTION:
        said = ", ".join(f"{count} {reason}" for reason, count in flow["MRIsExcluded"].items())
        log.warning("%s: %.0f %% of the MRIs are in no pair (%s)", mris, 100 * lost, said)
    for path, found in ((ecgs, facts["ImplausibleDays"]["ECGs"]), (mris, facts["ImplausibleDays"]["MRIs"])):
        if found["Before1990"]:
            log.warning("%s: %d dates are before 1990; were they moved?", path, found["Before1990"])
        if found["AllFirstOfMonth"]:
            log.warning("%s: every date is the first of a month; intervals may be off by a month", path)
