"""`evaluation/`: what `evaluate` writes.

metrics.tsv      one row an arm, case and structure, with metrics.json
summary.tsv      one row an arm and structure
comparisons.tsv  one row an arm that is compared and structure
summary.json     the same as summary and comparisons, definitions, counts, columns
report.md        for a person
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


def write_evaluation(
    output: Path,
    tables: Mapping[str, tuple[Mapping[str, Column], Rows]],
    facts: Mapping[str, Any],
    report: str,
    pictures: Iterable[tuple[str, bytes, Source]] = (),
    *,
    sources: Iterable[Source],
    force: bool = False,
) -> None:
    """Write the folder.

    tables    metrics, summary and comparisons: columns and rows of each
    facts     what summary.json says beside the rows of summary and comparisons
    report    text of report.md
    pictures  case_id, PNG and the image that was read for it; may be lazy: drawn one by one as they are written
    """

    def fill(folder: Path) -> list[Source]:
        """Write the tables, their descriptions, the report and the pictures; return what was read on the way."""
        for name, (columns, rows) in tables.items():
            (folder / f"{name}.tsv").write_text(table.render(columns, rows), encoding="utf-8")
        described = {name: table.describe(columns)["Columns"] for name, (columns, _) in tables.items()}
        for name in ("metrics", "comparisons"):
            provenance.write_json(folder / f"{name}.json", {"Columns": described[name]})
        said = {"Columns": described["summary"], **facts}
        said["Summary"] = [_plain(row) for row in tables["summary"][1]]
        said["Comparisons"] = [_plain(row) for row in tables["comparisons"][1]]
        provenance.write_json(folder / "summary.json", said)
        (folder / "report.md").write_text(report, encoding="utf-8")
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
