"""`evaluation/`: what `evaluate` writes.

metrics.tsv        one row an arm, run, case and structure, with metrics.json
summary.tsv        one row an arm and structure
comparisons.tsv    one row an arm that is compared, structure and measure
decomposition.tsv  one row a step of --chain; like the following only where there is something to say
agreement.tsv      one row an arm and volume
segments.tsv       one row an arm, run, case and AHA segment
detection.tsv      one row an arm and region
subgroups.tsv      one row an arm and group of cases
gates.tsv          one row an arm, gate and group
summary.json       the same as all but metrics and segments, definitions, counts, columns of summary.tsv
report.md          for a person
report.html        the same with figures; needs nothing but itself
overlays/        CASE_ID.png, where pictures were asked for
prov.json        provenance
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scartools.files import atomic, provenance, table
from scartools.files.provenance import Source
from scartools.files.table import Column

Rows = Sequence[Mapping[str, Any]]
ALWAYS = ("metrics", "summary", "comparisons")
ONE_A_CASE = ("metrics", "segments")


def write_evaluation(
    output: Path,
    tables: Mapping[str, tuple[Mapping[str, Column], Rows]],
    facts: Mapping[str, Any],
    reports: Mapping[str, str],
    pictures: Iterable[tuple[str, bytes, Source]] = (),
    *,
    sources: Iterable[Source],
    force: bool = False,
) -> None:
    """Write the folder.

    tables    columns and rows of each by name; those without rows are not written, but for metrics, summary and comparisons
    facts     what summary.json says beside the rows of the tables
    reports   text by name of the file
    pictures  case_id, PNG and the image that was read for it; may be lazy: drawn one by one as they are written
    """

    def fill(folder: Path) -> list[Source]:
        """Write the tables, their descriptions, the report and the pictures; return what was read on the way."""
        said: dict[str, Any] = {**facts}
        for name, (columns, rows) in tables.items():
            if not rows and name not in ALWAYS:
                continue
            (folder / f"{name}.tsv").write_text(table.render(columns, rows), encoding="utf-8")
            described = table.describe(columns)
            if name == "summary":
                said |= described
            else:
                provenance.write_json(folder / f"{name}.json", described)
            if name not in ONE_A_CASE:
                said[name.capitalize()] = [_plain(row) for row in rows]
        provenance.write_json(folder / "summary.json", said)
        for name, text in reports.items():
            (folder / name).write_text(text, encoding="utf-8")
        shown = []
        for case_id, picture, source in pictures:
            place = folder / "overlays" / f"{case_id}.png"
            place.parent.mkdir(exist_ok=True)
            place.write_bytes(picture)
            shown.append(source)
        return shown

    atomic.publish_folder(output, fill, sources=list(sources), force=force)


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()
    }
