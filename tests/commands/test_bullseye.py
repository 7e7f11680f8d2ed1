"""bullseye as a user meets it: what is drawn is what the table says, and what was not imaged is not zero."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import cv2
import pytest

from tests.conftest import run_inside, run_process

SEGMENTATION = "cohort/truth/sim-0001/segmentation.nii.gz"


def rows(values: dict[int, str], column: str = "scar_percent") -> str:
    return f"level\tregion\t{column}\n" + "".join(f"segment\t{k}\t{v}\n" for k, v in values.items())


@pytest.fixture
def table(workspace) -> Path:
    Path("t.tsv").write_text(rows({k: str(5 * k) for k in range(1, 17)} | {17: "n/a"}))
    return Path("t.tsv")


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".png", b"\x89PNG")])
def test_the_suffix_chooses_the_format(table, suffix, start):
    assert run_inside("bullseye", table, "-o", f"b{suffix}").status == 0
    assert Path(f"b{suffix}").read_bytes().startswith(start)


def test_the_sidecar_repeats_the_values_and_missing_is_null(table):
    done = run_inside("bullseye", table, "-o", "b.svg", "--json")
    assert done.json["Panels"][0]["Values"]["3"] == 15 and done.json["Panels"][0]["Values"]["17"] is None
    assert "Research use only" in json.loads(Path("b.json").read_text())["Notice"]


def test_one_panel_is_90_mm_wide_and_two_are_180(table):
    for count, millimetres in ((1, 90), (2, 180), (3, 180)):
        assert run_inside("bullseye", *[table] * count, "-o", f"b{count}.png").status == 0
        assert cv2.imread(f"b{count}.png").shape[1] == pytest.approx(millimetres / 25.4 * 300, abs=2)


def test_a_segmentation_with_its_prior_is_the_table_they_give(workspace):
    assert run_inside("aha17", SEGMENTATION, "-o", "prior.nii.gz").status == 0
    assert run_inside("quantify", SEGMENTATION, "--prior", "prior.nii.gz", "-o", "s.tsv").status == 0
    assert run_inside("bullseye", "s.tsv", "-o", "a.png").status == 0
    assert run_inside("bullseye", SEGMENTATION, "--prior", "prior.nii.gz", "-o", "b.png").status == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_the_values_change_the_picture(table):
    Path("u.tsv").write_text(rows(dict.fromkeys(range(1, 18), "0")))
    for name in ("t", "u"):
        assert run_inside("bullseye", f"{name}.tsv", "-o", f"{name}-figure.png").status == 0
    assert Path("t-figure.png").read_bytes() != Path("u-figure.png").read_bytes()


@pytest.mark.parametrize(
    ("values", "said"),
    [({0: "1"}, "segment '0'"), ({19: "1"}, "segment '19'"), ({1: "many"}, "'many' is not a number")],
)
def test_a_table_that_makes_no_sense_is_refused_with_its_line(workspace, values, said):
    Path("t.tsv").write_text(rows(values))
    done = run_inside("bullseye", "t.tsv", "-o", "b.svg")
    assert done.status == 3 and said in done.error and "line 2" in done.error


def test_a_segment_twice_is_refused(workspace):
    Path("t.tsv").write_text(rows({1: "1"}) + "segment\t1\t2\n")
    done = run_inside("bullseye", "t.tsv", "-o", "b.svg")
    assert done.status == 3 and "line 3" in done.error


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--value", "nothing"], "no column nothing"),
        (["--panel", "a", "--panel", "b"], "--panel was given 2 times"),
        (["--prior", "cohort/truth/sim-0001/aha17.nii.gz"], "no meaning"),
        (["--max", "0"], "--max"),
    ],
)
def test_options_that_do_not_fit(table, options, said):
    done = run_inside("bullseye", table, "-o", "b.svg", *options)
    assert done.status in (2, 3) and said in done.error
    assert not Path("b.svg").exists()


def test_five_tables_and_a_segmentation_without_prior_are_usage_errors(table):
    assert run_inside("bullseye", *[table] * 5, "-o", "b.svg").status == 2
    assert "needs --prior" in run_inside("bullseye", SEGMENTATION, "-o", "b.svg").error


def test_a_jpeg_is_not_offered(table):
    done = run_inside("bullseye", table, "-o", "b.jpg")
    assert done.status == 2 and "*.svg" in done.error


@pytest.mark.parametrize(
    ("values", "said"),
    [({1: "-5"}, "-5 is not a percentage"), ({1: "150"}, "150 is not"), ({1: "１２"}, "not a number")],
)
def test_a_value_that_no_segment_can_have_is_refused(workspace, values, said):
    Path("t.tsv").write_text(rows(values))
    done = run_inside("bullseye", "t.tsv", "-o", "b.svg")
    assert done.status == 3 and said in done.error


def test_a_table_that_stops_early_is_said(workspace):
    Path("t.tsv").write_text(rows({1: "10", 2: "20"}))
    done = run_inside("bullseye", "t.tsv", "-o", "b.svg", "--json")
    assert done.status == 0 and "lists 2 of 17 segments" in done.json["Warnings"][0]


@pytest.mark.parametrize(
    "options", [["--title", "a\x01b"], ["--panel", "\x1b[31m"], ["--max", "inf"], ["--max", "-1"]]
)
def test_titles_and_scales_that_make_no_figure_are_usage_errors(table, options):
    assert run_inside("bullseye", table, "-o", "b.svg", *options).status == 2


def test_the_back_end_of_the_user_does_not_matter(table, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    assert run_process("bullseye", table, "-o", "b.svg").status == 0


def test_a_foreign_sidecar_beside_a_table_does_no_harm(table):
    Path("t.json").write_text("[1, 2]")
    done = run_inside("bullseye", table, "-o", "b.svg")
    assert done.status == 0 and "warning" in done.stderr


def test_a_difference_of_equal_tables_is_zero_everywhere(table):
    done = run_inside("bullseye", table, table, "--difference", "-o", "d.svg", "--json")
    assert done.status == 0
    last = done.json["Panels"][-1]
    assert last["Name"] == "B \N{MINUS SIGN} A" and last["Difference"] == "panel 2 minus panel 1"
    assert last["Values"] == {str(k): 0.0 for k in range(1, 17)} | {"17": None}
    assert "percentage points" in done.json["DifferenceUnit"]


def test_the_difference_is_the_last_table_minus_the_one_before(table):
    Path("u.tsv").write_text(rows(dict.fromkeys(range(1, 17), "50") | {17: "10"}))
    done = run_inside("bullseye", table, table, "u.tsv", "--difference", "-o", "d.png", "--json")
    values = done.json["Panels"][3]["Values"]
    assert values["1"] == 45 and values["16"] == -30
    assert values["17"] is None  # imaged in one of them alone


def with_sidecar(name: str, units: str, model: int = 17) -> str:
    Path(f"{name}.tsv").write_text(rows(dict.fromkeys(range(1, model + 1), "5")))
    said = {
        "Columns": {"scar_percent": {"Description": "scar", "Units": units}},
        "Facts": {"SegmentModel": model},
    }
    Path(f"{name}.json").write_text(json.dumps(said))
    return f"{name}.tsv"


@pytest.mark.parametrize(
    ("given", "options", "status", "said"),
    [
        (["a.tsv"], ["--difference"], 2, "--difference needs two tables"),
        (["a.tsv", "m.tsv"], ["--difference"], 3, "another measure"),
        (["a.tsv", "s.tsv"], ["--difference"], 2, "models of 16 and 17"),
        (["a.tsv", "gone.tsv"], ["--difference"], 3, "gone.tsv"),
        (["a.tsv"] * 4, ["--difference"], 2, "4 tables and a difference"),
        (["a.tsv"] * 2, ["--difference-max", "20"], 2, "--difference-max"),
        (["a.tsv"] * 2, ["--difference", "--difference-max", "0"], 2, "--difference-max 0"),
        (["a.tsv"] * 2, ["--difference", *["--panel", "x"] * 4], 2, "4 times"),
        (["a.tsv"], ["--smooth"], 2, "a number a segment"),
        (
            [SEGMENTATION],
            ["--smooth", "--prior", "cohort/truth/sim-0001/aha17.nii.gz", "--value", "scar_ml"],
            2,
            "scar_ml",
        ),
        ([SEGMENTATION], ["--prior", "cohort/truth/sim-0001/aha17.nii.gz"] * 2, 2, "2 times"),
        (["a.tsv"], ["--width", "44"], 2, "'44'"),
        (["a.tsv"], ["--width", "triple"], 2, "'triple'"),
        (["a.tsv"], ["--width", "nan"], 2, "'nan'"),
        (["a.tsv"], ["--width", "45", "--decimals", "4"], 2, "fewer decimals"),
        (["a.tsv"], ["--title", "word " * 200], 2, "Shorten it"),
        (["-", "-"], [], 2, "one stdin"),
    ],
)
def test_what_makes_no_figure_is_refused_before_anything_is_written(workspace, given, options, status, said):
    with_sidecar("a", "%"), with_sidecar("m", "mL"), with_sidecar("s", "%", 16)
    done = run_inside("bullseye", *given, "-o", "b.svg", *options)
    assert done.status == status and said in done.error
    assert not Path("b.svg").exists() and not Path("b.json").exists()


@pytest.mark.parametrize(
    ("width", "millimetres"), [("single", 90), ("1.5", 140), ("double", 180), ("85", 85), ("174.5", 174.5)]
)
def test_the_width_is_that_of_the_journal_in_every_format(table, width, millimetres):
    for name in ("a.svg", "b.pdf", "c.png"):
        assert run_inside("bullseye", table, "--width", width, "-o", name).status == 0
    svg = float(re.search(rb'<svg[^>]* width="([0-9.]+)pt"', Path("a.svg").read_bytes())[1])
    pdf = float(re.search(rb"/MediaBox \[ ?0 0 ([0-9.]+) ", Path("b.pdf").read_bytes())[1])
    assert svg / 72 * 25.4 == pytest.approx(millimetres, abs=0.002)
    assert pdf / 72 * 25.4 == pytest.approx(millimetres, abs=0.002)
    png = Path("c.png").read_bytes()
    place = png.index(b"pHYs") + 4
    a_metre = int.from_bytes(png[place : place + 4], "big")
    assert int.from_bytes(png[16:20], "big") / a_metre * 1000 == pytest.approx(millimetres, abs=0.01)
    assert a_metre * 0.0254 == pytest.approx(300, abs=0.2)


def test_a_table_on_stdin_is_the_same_table(table, forked_programs):
    assert run_inside("bullseye", table, "-o", "a.png").status == 0
    call = [forked_programs / "scartools", "bullseye", "-", "-o", "b.png"]
    subprocess.run(call, input=table.read_bytes(), check=True)
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize("suffix", ["svg", "pdf", "png"])
def test_continuous_maps_and_differences_have_fixed_bytes(workspace, suffix):
    assert run_inside("aha17", SEGMENTATION, "-o", "prior.nii.gz").status == 0
    words = ["bullseye", SEGMENTATION, SEGMENTATION, "--prior", "prior.nii.gz", "--smooth", "--difference"]
    made = [run_inside(*words, "-o", f"{name}.{suffix}", "--json") for name in "ab"]
    assert [one.status for one in made] == [0, 0]
    assert Path(f"a.{suffix}").read_bytes() == Path(f"b.{suffix}").read_bytes()
    assert made[0].json["Panels"][0]["Smooth"]["SmoothDegrees"] == 6
    assert any("Continuous map" in note for note in made[0].json["Notes"])


def test_the_figure_says_what_the_prior_and_the_scar_rest_on(workspace):
    assert run_inside("aha17", SEGMENTATION, "--source", "manual", "-o", "prior.nii.gz").status == 0
    assert run_inside("quantify", SEGMENTATION, "--prior", "prior.nii.gz", "-o", "s.tsv").status == 0
    done = run_inside("bullseye", "s.tsv", "-o", "b.svg", "--json")
    assert done.json["Notes"] == ["Prior: contours manual, anchor mid-septum (RV).", "Scar found by: labels."]
    Path("t.tsv").write_text(rows(dict.fromkeys(range(1, 18), "5")))
    done = run_inside("bullseye", "t.tsv", "-o", "c.svg", "--json")
    assert done.json["Notes"] == []  # nothing is claimed of a table that states nothing


def test_values_are_printed_or_not(table):
    assert run_inside("bullseye", table, "-o", "a.png").status == 0
    assert run_inside("bullseye", table, "--no-values", "-o", "b.png").status == 0
    assert Path("a.png").read_bytes() != Path("b.png").read_bytes()
