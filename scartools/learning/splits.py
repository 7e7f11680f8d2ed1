"""Training, validation and test by patient: the same patient, or the same group of patients, is never in two of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from hashlib import sha256
from typing import Any

from scartools.errors import InputError

SPLITS = ("train", "validation", "test")


def assign_splits(
    groups: Iterable[str],
    fractions: Sequence[float | Fraction],
    folds: int,
    seed: int,
    *,
    strata: Mapping[str, str] | None = None,
) -> dict[str, tuple[str, int]]:
    """Give every group its split and its fold, whatever the order the groups come in.

    groups     names; repetitions count once
    fractions  of train, validation and test; their sum is 1
    folds      number of folds, 1 or more; folds run 0 ... folds - 1, each split is spread evenly over them
    seed       chooses the order, which is that of SHA-256 over seed and name: the same on every machine
    strata     group to stratum: counts are then exact within each stratum

    Counts are exact by largest remainder; equal remainders go to the split with fewest groups so far, so that two
    patients at 0.7/0.1/0.2 give one to train and one to test.
    Returns group to (split, fold).
    Raises InputError for fractions that are negative or do not sum to 1, or folds below 1.
    """
    parts = [Fraction(str(value)) if isinstance(value, float) else Fraction(value) for value in fractions]
    if len(parts) != len(SPLITS) or min(parts) < 0 or sum(parts) != 1:
        shown = "/".join(str(value) for value in fractions)
        raise InputError(f"the fractions {shown} are not three numbers from 0 to 1 whose sum is 1")
    if folds < 1:
        raise InputError(f"{folds} folds cannot be made", remedy="Give 1 or more")
    by_stratum: dict[str, list[str]] = defaultdict(list)
    for group in set(groups):
        by_stratum[strata[group] if strata else ""].append(group)
    assigned: dict[str, tuple[str, int]] = {}
    for stratum in sorted(by_stratum):
        members = sorted(by_stratum[stratum], key=lambda group: _order(seed, group))
        places = [
            split
            for split, count in zip(SPLITS, _counts(len(members), parts), strict=True)
            for _ in range(count)
        ]
        first = len(assigned)  # folds are dealt on through the strata, so that they stay equal in size
        for at, (group, split) in enumerate(zip(members, places, strict=True), start=first):
            assigned[group] = (split, at % folds)
    return assigned


def require_disjoint(rows: Iterable[Any]) -> None:
    """Refuse rows in which a participant, or a group, is in two splits, or a participant in two groups.

    rows  objects with the attributes participant_id, group and split, or mappings with those keys; a group or split
          that is None says nothing
    Raises InputError naming the first such participant or group.
    """
    seen: dict[tuple[str, str, str], str] = {}
    for row in rows:
        participant, group, split = (_field(row, name) for name in ("participant_id", "group", "split"))
        for key, name, kind, value in (
            ("participant", participant, "splits", split),
            ("group", group, "splits", split),
            ("participant", participant, "groups", group),
        ):
            if name is None or value is None:
                continue
            before = seen.setdefault((key, name, kind), value)
            if before != value:
                raise InputError(
                    f"the {key} {name!r} is in two {kind}, {' and '.join(sorted((before, value)))}",
                    remedy="All scans of a patient, and all of a group, belong to one split",
                )


def _field(row: Any, name: str) -> str | None:
    value = row.get(name) if isinstance(row, Mapping) else getattr(row, name)
    return None if value is None else str(value)


def _order(seed: int, group: str) -> tuple[bytes, str]:
    return sha256(f"{seed}\0{group}".encode()).digest(), group


def _counts(total: int, parts: Sequence[Fraction]) -> list[int]:
    """Share a total by largest remainder."""
    counts = [int(total * part) for part in parts]
    left = [total * part - count for part, count in zip(parts, counts, strict=True)]
    order = sorted(range(len(parts)), key=lambda at: (-left[at], counts[at], at))
    for at in order[: total - sum(counts)]:
        counts[at] += 1
    return counts
