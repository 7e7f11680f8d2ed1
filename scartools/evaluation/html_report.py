"""The report of an evaluation as one HTML page with its figures inside: no script, no network, no other file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from scartools.evaluation.metrics import CaseMetrics
from scartools.evaluation.report_blocks import Block, Bullets, Figure, Grid, Heading, Text
from scartools.evaluation.report_content import content
from scartools.evaluation.report_figures import draw
from scartools.figures import HTML_POLICY

_STYLE = """
body { max-width: 960px; margin: 0 auto; padding: 16px 20px 60px; color: #1b1b1b; background: #fff;
  font: 15px/1.5 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
h1 { font-size: 26px; margin: 12px 0 4px; }
h2 { font-size: 19px; margin: 38px 0 10px; padding-top: 10px; border-top: 2px solid #1b1b1b; }
h3 { font-size: 16px; margin: 28px 0 8px; }
.notice { border-left: 4px solid #b3261e; padding: 6px 12px; background: #fbefee; font-weight: 600; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 12px; line-height: 1.35; font-variant-numeric: tabular-nums; }
caption { text-align: left; }
th, td { padding: 3px 8px 3px 0; text-align: left; vertical-align: top; }
th { border-bottom: 1px solid #1b1b1b; font-weight: 600; vertical-align: bottom; }
td { border-bottom: 1px solid #e4e4e4; }
td.n, th.n { text-align: right; padding-left: 8px; }
th.w { padding-top: 12px; border-bottom: 1px solid #9a9a9a; }
figure { margin: 14px 0 18px; }
figcaption { font-size: 13px; color: #444; margin-bottom: 4px; }
svg { max-width: 100%; height: auto; display: block; }
summary { cursor: pointer; font-size: 13px; color: #0b57a4; margin: 6px 0; }
ul, dl { font-size: 13px; padding-left: 18px; }
footer { margin-top: 40px; font-size: 12px; color: #555; }
@media print { body { max-width: none; font-size: 11px; } h2 { break-after: avoid; } tr, figure { break-inside: avoid; } }
"""


def render_html(
    rows: Sequence[CaseMetrics], tables: Mapping[str, Sequence[Mapping[str, Any]]], facts: Mapping[str, Any]
) -> str:
    """Return report.html; the arguments are those of `content`. Equal input gives equal text."""
    parts = [_block(block, rows, tables) for block in content(rows, tables, facts)]
    return "\n".join(
        [
            "<!DOCTYPE html>",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{HTML_POLICY}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Evaluation</title><style>{_STYLE}</style></head><body>",
            *(part for part in parts if part),
            f"<footer>scartools {escape(str(facts['Version']))}. {escape(facts['Disclaimer'])}</footer>",
            "</body></html>\n",
        ]
    )


def _block(block: Block, rows: Sequence[CaseMetrics], tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    if isinstance(block, Heading):
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if isinstance(block, Text):
        return f'<p class="notice">{escape(block.text)}</p>' if block.strong else f"<p>{escape(block.text)}</p>"
    if isinstance(block, Bullets):
        items = (
            f"<li>{f'<b>{escape(term)}</b>: ' if term else ''}{escape(text)}</li>" for term, text in block.items
        )
        return f"<ul>{''.join(items)}</ul>"
    if isinstance(block, Figure):
        drawing = draw(block.kind, block.regime, rows, tables)
        return f"<figure><figcaption>{escape(block.caption)}</figcaption>{drawing}</figure>" if drawing else ""
    table = _table(block)
    return f"<details><summary>{escape(block.folded)}</summary>{table}</details>" if block.folded else table


def _table(grid: Grid) -> str:
    """The table; columns of numbers are set to the right; whose numbers they are stands above the rows that share it."""
    places = range(grid.whose, len(grid.header))
    numeric = {at: bool(grid.lines) and all(_is_number(line[at]) for line in grid.lines) for at in places}
    head = "".join(f"<th{_kind(numeric[at])}>{escape(grid.header[at])}</th>" for at in places)
    lines: list[str] = []
    whose: tuple[str, ...] = ()
    for line in grid.lines:
        if line[: grid.whose] != whose:
            whose = line[: grid.whose]
            said = zip(grid.header, whose, strict=False)
            words = "; ".join(cell if at == 0 else f"{name} {cell}" for at, (name, cell) in enumerate(said))
            lines.append(f'<tr><th class="w" colspan="{len(places)}">{escape(words)}</th></tr>')
        lines.append(f"<tr>{''.join(f'<td{_kind(numeric[at])}>{_cell(line[at])}</td>' for at in places)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'
    )


def _kind(right: bool) -> str:
    return ' class="n"' if right else ""


def _cell(text: str) -> str:
    """A cell; an interval stays in one piece, on a line of its own where there is no room."""
    if text.startswith("<") or " to " in text and "(" not in text and text[:1] in "+-0123456789":
        return f'<span style="white-space:nowrap">{escape(text)}</span>'
    value, opened, rest = text.partition(" (")
    if opened and value and value[-1].isdigit():
        return f'{escape(value)} <span style="white-space:nowrap">({escape(rest)}</span>'
    return escape(text)


def _is_number(text: str) -> bool:
    words = text.lstrip("<+- ").partition(" (")[0].split(" to ")
    return text in ("n/a", "") or all(word.lstrip("+-").replace(".", "", 1).isdigit() for word in words)
