"""The report of an evaluation as Markdown: tables by regime, cases, definitions, and what a reviewer has to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scartools.evaluation.metrics import CaseMetrics
from scartools.evaluation.report_blocks import Block, Bullets, Figure, Grid, Heading, Text
from scartools.evaluation.report_content import content


def render_report(
    rows: Sequence[CaseMetrics], tables: Mapping[str, Sequence[Mapping[str, Any]]], facts: Mapping[str, Any]
) -> str:
    """Return report.md; the arguments are those of `content`."""
    parts = [_block(block) for block in content(rows, tables, facts) if not isinstance(block, Figure)]
    return "\n\n".join(parts) + "\n"


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"{'#' * block.level} {block.text}"
    if isinstance(block, Text):
        return f"**{block.text}**" if block.strong else block.text
    if isinstance(block, Bullets):
        return "\n".join(f"- **{term}**: {text}" if term else f"- {text}" for term, text in block.items)
    assert isinstance(block, Grid)
    return _table(block)


def _table(grid: Grid) -> str:
    marks = ["| " + " | ".join(grid.header) + " |", "|" + "---|" * len(grid.header)]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in grid.lines]
    return "\n".join(marks + ["| " + " | ".join(line) + " |" for line in cells])
