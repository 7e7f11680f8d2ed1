"""Patients are the unit: nobody, and no group that belongs together, stands in two splits."""

from __future__ import annotations

from collections.abc import Sequence

from scartools.errors import InputError


def require_disjoint(
    participants: Sequence[str], groups: Sequence[str | None], splits: Sequence[str | None]
) -> None:
    """Refuse a participant or a group that stands in more than one split.

    participants, groups, splits  one entry a case, in the same order
    Raises InputError naming the first that does, with the cases' splits.
    """
    for what, names in (("participant", participants), ("group", groups)):
        seen: dict[str, str | None] = {}
        for name, split in zip(names, splits, strict=True):
            if name is None:
                continue
            if seen.setdefault(name, split) != split:
                raise InputError(
                    f"the {what} {name} is in the splits {seen[name]} and {split}",
                    remedy="Put everything of one patient, and of one group, into one split",
                )
