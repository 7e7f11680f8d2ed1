"""report.html: one file that asks nothing of the network, says what it must, and draws numbers where they belong."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from scartools.evaluation.definitions import DEFINITIONS, DISCLAIMER
from scartools.evaluation.html_report import render_html
from scartools.evaluation.report import render_report
from scartools.evaluation.svg import Scale, fitted
from scartools.evaluation.tables import make_tables
from tests.unit.evaluation.test_arms_compared import row

VOID = {
    "meta",
    "line",
    "circle",
    "rect",
}  # of what the page uses: elements without an end tag, or closed at once
NASTY = "<img src=x onerror=alert(1)>"


class Structure(HTMLParser):
    """Collects tags, attributes and text, and fails where an end tag does not close what is open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def made(name: str = "net", **facts: object):
    """Rows, tables and facts of two arms with 12 patients, and of one whose wall was given."""
    random, rows, days = np.random.default_rng(1), [], {}
    for n in range(12):
        volume = float(random.uniform(5, 30))
        share = {"truth_ml": volume, "truth_percent_lv": volume, "hd95_mm": 4.0, "assd_mm": 1.0, "nsd": 0.7}
        days[f"p{n}"] = "0-7 d" if n < 6 else "31-60 d"
        for arm, prior, gain in (("base", "none", 0.0), (name, "predicted", 0.1), ("wall", "truth", 0.3)):
            found = volume + float(random.normal(0, 2))
            told = {"predicted_ml": found, "predicted_percent_lv": found, "prior_source": prior}
            rows.append(row(arm, f"p{n}", 0.4 + gain + n / 100, ecg_source="simulated", **share, **told))
    how = {"resamples": 200, "seed": 0}
    tables = make_tables(
        rows, [], reference="base", chain=["base", name], groupings={"interval_days": days}, **how
    )
    said = {
        "Split": "test",
        "Partition": "patient",
        "TruthScheme": "scartools",
        "EmptyPolicy": "policy",
        "VoxelSizeKnown": True,
        "ToleranceMm": 2.0,
        "SegmentPercent": 1.0,
        "Resamples": 200,
        "Seed": 0,
        "Version": "0",
        "Disclaimer": DISCLAIMER,
        "Arms": [],
        "Warnings": ["a warning"],
    }
    return rows, tables, {**said, **facts}


def parsed(page: str) -> Structure:
    found = Structure()
    found.feed(page)
    assert found.open == []
    return found


def test_the_page_asks_nothing_of_the_network():
    page = render_html(*made())
    found = parsed(page)
    for tag, attributes in found.tags:
        assert tag not in ("script", "link", "img", "iframe", "object", "base", "form")
        assert not {"src", "href", "srcset", "xlink:href", "onload"} & set(attributes)
    addresses = set(re.findall(r"https?://[^\"'<> ]+", page))
    assert addresses <= {"http://www.w3.org/2000/svg"}  # the name of a language, which no one fetches
    assert "url(" not in page and "@import" not in page
    policy = next(a["content"] for tag, a in found.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy and policy.startswith("default-src 'none'")


def test_what_comes_from_the_data_cannot_become_markup():
    page = render_html(*made(NASTY, Warnings=[NASTY]))
    assert "<img" not in page and "&lt;img src=x onerror=alert(1)&gt;" in page
    parsed(page)


def test_every_figure_is_there_in_the_regime_that_has_it():
    page = render_html(*made())
    titles = [attributes["aria-label"] for tag, attributes in parsed(page).tags if tag == "svg"]
    automatic = ["Scar Dice by arm", "Differences of scar Dice", "Decomposition of the gain"]
    automatic += ["Bland-Altman plots", "Scar Dice by interval between ECG and MRI"]
    reader = ["Scar Dice by arm", "Bland-Altman plots", "Scar Dice by interval between ECG and MRI"]
    assert titles == automatic + reader


def test_the_regimes_have_parts_of_their_own():
    page = render_html(*made())
    predicted, _, given = page.partition("<h2>Wall given by a reader")
    given = given.partition("<h2>Cases")[0]
    assert "wall" not in re.findall(r'<th class="w"[^>]*>(\w+)', predicted)
    assert set(re.findall(r'<th class="w"[^>]*>(\w+)', given)) == {"wall"}
    assert "prior truth as reader" in given and "prior manual" not in page


def test_numbers_stand_under_their_prior_and_their_ecg():
    words = " ".join(parsed(render_html(*made())).words)
    assert "net; prior predicted; ECG used, simulated" in words
    assert words.count(DISCLAIMER) == 2 and "a warning" in words
    assert all(term in words for term in DEFINITIONS)


def test_without_millimetres_there_are_no_surfaces():
    assert "Surfaces (NSD within 2 mm)" in render_html(*made())
    page = render_html(*made(VoxelSizeKnown=False))
    assert "Surfaces (NSD" not in page and "unknown: no mL and no mm" in page


def test_a_mean_is_drawn_at_its_value():
    rows, tables, facts = made()
    page = render_html(rows, tables, facts)
    drawing = page.partition('aria-label="Scar Dice by arm"')[2].partition("</svg>")[0]
    marks = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"[^>]* r="4.5"', drawing)]
    axis = [float(x) for x in re.findall(r'<text x="([\d.]+)"[^>]*>[01]\.[0-9]</text>', drawing)]
    means = [one["dice_mean_positive"] for one in tables["summary"] if one["arm"] in ("base", "net")]
    scale = Scale(0, 1, min(axis), max(axis))
    assert marks == pytest.approx([scale(mean) for mean in means], abs=0.06)
    dots = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"[^>]* r="2.2"', drawing)]
    assert len(dots) == 24 and dots[0] == pytest.approx(scale(0.40), abs=0.06)


def test_ticks_are_round_and_inside():
    assert Scale(0, 1, 0, 100).ticks() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert Scale(-7.3, 18.1, 0, 1).ticks() == pytest.approx([-5, 0, 5, 10, 15])
    assert [Scale(0, 0.1, 0, 1).name(v) for v in (0.0, 0.02)] == ["0.00", "0.02"]
    found = fitted([2.0, 4.0], 0, 10, hold=(0.0,))
    assert found.first < 0 < 4 < found.last
    assert fitted([3.0], 0, 1)(3.0) == pytest.approx(0.5)


def test_equal_input_gives_equal_text_and_markdown_has_the_same_tables():
    assert render_html(*made()) == render_html(*made())
    text = render_report(*made())
    assert "| base | none | used, simulated | scar |" in text
    assert "| wall | truth as reader | used, simulated | scar |" in text
    assert "<" not in text.replace("< 0.001", "")
