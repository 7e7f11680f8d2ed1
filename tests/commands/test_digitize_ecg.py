"""digitize-ecg as a user meets it: the printed record comes back, a page that contradicts itself does not pass."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
import pytest

from scartools.files.record import read_record
from tests.conftest import run_inside
from tests.unit.ecg.drawn_page import STANDARD, ecg_page, twelve_leads, write_pdf
from tests.unit.ecg.drawn_picture import Drawing, draw_page

PAGE = "cohort/ecg/sim-0001-ecg1.pdf"
PRINTED = "cohort/truth/sim-0001/ecg.hea"
SIGNALS = twelve_leads()


def refused(*arguments: str | Path) -> str:
    """Run, expect a refusal that writes nothing, and return its one line."""
    before = set(Path().iterdir())
    done = run_inside("digitize-ecg", *arguments, "-o", "refused.hea")
    assert done.status == 3, done.stderr
    assert set(Path().iterdir()) == before
    return done.error


def test_a_printed_record_comes_back_within_two_microvolts(workspace):
    done = run_inside("digitize-ecg", PAGE, "-o", "ecg.hea")
    assert done.status == 0, done.stderr
    found, printed = read_record(Path("ecg.hea")), read_record(Path(PRINTED))
    assert found.rate == printed.rate == 500
    there = np.isfinite(found.signals)
    assert np.abs(found.signals - printed.signals)[there].max() <= 0.0021  # each side rounds to 1 uV
    assert there[1].all()  # the rhythm strip
    assert ((there.sum(axis=1) == 1250) | (there.sum(axis=1) == 5000)).all()


def test_the_sidecar_says_how_the_page_was_read(workspace):
    assert run_inside("digitize-ecg", PAGE, "-o", "ecg.hea").status == 0
    facts = json.loads(Path("ecg.json").read_text())
    assert (facts["SourceKind"], facts["PaperSpeed"], facts["Gain"], facts["Layout"]) == (
        "vector",
        25,
        10,
        "3x4+1",
    )
    assert facts["Found"] == {
        "PxPerMm": "measured", "PaperSpeed": "printed", "Gain": "printed", "Layout": "printed",
    }  # fmt: skip
    assert facts["PxPerMm"] == pytest.approx([72 / 25.4] * 2, rel=1e-4)
    assert facts["Status"] == "accepted"
    assert {check["Name"] for check in facts["Checks"]} >= {"einthoven", "pulse_height", "rhythm_correlation"}
    assert all(check["Passed"] is not False for check in facts["Checks"])
    assert len(facts["Quality"]) == 12 and facts["Quality"]["II"]["RhythmStrip"]


@pytest.mark.parametrize(
    ("page", "told", "heavy"),
    [
        (PAGE, [], {"cv2", "scipy", "wfdb", "pandas"}),
        # a speed that is not known is asked of the beats, which takes scipy
        ("scan.png", ["--speed", "25"], {"scipy", "wfdb", "pandas"}),
    ],
)
def test_a_page_loads_nothing_that_takes_longer_than_reading_it(workspace, page, told, heavy):
    if page != PAGE:
        cv2.imwrite(page, draw_page(Drawing(px_per_mm=5.9)))
    code = (
        "import sys; from scartools.cli.run import main; "
        f"status = main(['digitize-ecg', '{page}', *{told!r}, '-o', 'light.hea']); "
        f"sys.exit(status or ', '.join({heavy!r} & {{name.split('.')[0] for name in sys.modules}}) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_text_of_the_page_is_written(workspace):
    content = ecg_page(SIGNALS) + "\nBT /F1 9 Tf 60 560 Td (Erika Mustermann 12.03.1957) Tj ET"
    write_pdf(Path("named.pdf"), content)
    done = run_inside("digitize-ecg", "named.pdf", "-o", "ecg.hea", "--json", "-v")
    assert done.status == 0, done.stderr
    written = (
        b"".join(path.read_bytes() for path in Path().glob("ecg.*")) + (done.stdout + done.stderr).encode()
    )
    assert b"Mustermann" not in written and b"1957" not in written


def test_the_overlay_draws_the_traces_where_they_are_printed(workspace):
    done = run_inside("digitize-ecg", PAGE, "-o", "ecg.hea", "--overlay", "ecg.png")
    assert done.status == 0, done.stderr
    picture = cv2.imread("ecg.png").astype(int)
    assert max(picture.shape) == 2200
    coloured = picture.max(axis=2) - picture.min(axis=2) > 120
    dark = picture.max(axis=2) < 100
    assert coloured.sum() > 5000 and dark.sum() < 100  # every printed trace is drawn over
    assert run_inside("check", "ecg.hea", "ecg.png").status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--overlay", "ecg.jpg"], "*.png"),
        (["--overlay", "elsewhere/ecg.png"], "folder of the record"),
        (["--layout", "many"], "3x4+1"),
        (["--speed", "0"], "--speed"),
        (["--gain", "nan"], "--gain"),
    ],
)
def test_wrong_options_are_usage_errors(workspace, options, said):
    Path("elsewhere").mkdir()
    done = run_inside("digitize-ecg", PAGE, "-o", "ecg.hea", *options)
    assert done.status == 2 and said in done.error
    assert not Path("ecg.hea").exists()


def test_an_overlay_over_a_file_of_the_user_is_refused(workspace):
    Path("mine.png").write_text("mine")
    done = run_inside("digitize-ecg", PAGE, "-o", "ecg.hea", "--overlay", "mine.png", "--force")
    assert done.status == 4 and Path("mine.png").read_text() == "mine"
    assert not Path("ecg.hea").exists()


def test_a_page_that_contradicts_itself_is_refused_with_the_numbers(workspace):
    write_pdf(Path("bad.pdf"), ecg_page(SIGNALS, text="25 mm/s 20 mm/mV"))
    assert "pulse_height_gross 0.5 (at most 0.2" in refused("bad.pdf")
    done = run_inside("digitize-ecg", "bad.pdf", "-o", "x.hea", "--json")
    assert done.json["Status"] == "refused" and done.json["ExitStatus"] == 3
    failed = {check["Name"]: check["Value"] for check in done.json["Checks"] if check["Passed"] is False}
    assert failed == pytest.approx({"pulse_height": 0.5, "pulse_height_gross": 0.5}, abs=1e-3)


def test_exchanged_names_are_refused(workspace):
    rows = [[{"I": "II", "II": "I"}.get(lead, lead) for lead in row] for row in STANDARD]
    swapped = SIGNALS | {"I": SIGNALS["II"], "II": SIGNALS["I"]}
    write_pdf(Path("bad.pdf"), ecg_page(swapped))
    assert "einthoven_gross" in refused("bad.pdf")
    write_pdf(Path("good.pdf"), ecg_page(SIGNALS, rows))  # the order of rows is free, names decide
    assert run_inside("digitize-ecg", "good.pdf", "-o", "good.hea").status == 0


def test_what_needs_a_review_is_written_with_a_warning_and_refused_when_strict(workspace):
    write_pdf(Path("bare.pdf"), ecg_page(SIGNALS, text="", pulses=False, grid=False))
    done = run_inside("digitize-ecg", "bare.pdf", "-o", "ecg.hea")
    assert done.status == 0 and ": warning: " in done.stderr and "scales_assumed" in done.stderr
    assert json.loads(Path("ecg.json").read_text())["Status"] == "needs_review"
    assert "scales_assumed" in refused("bare.pdf", "--strict")


def test_given_scales_are_recorded_as_given(workspace):
    write_pdf(Path("bare.pdf"), ecg_page(SIGNALS, text="", pulses=False, speed=25, gain=10))
    done = run_inside("digitize-ecg", "bare.pdf", "-o", "ecg.hea", "--speed", "25", "--gain", "5", "--json")
    assert done.status == 0, done.stderr
    assert done.json["Found"]["PaperSpeed"] == done.json["Found"]["Gain"] == "given"
    there = read_record(Path("ecg.hea")).signals[0, :1250]
    assert np.ptp(there) == pytest.approx(2 * np.ptp(SIGNALS["I"][:1250]), abs=0.003)


def test_missing_leads_are_refused_by_number(workspace):
    rows = [[lead] for lead in ("I", "II", "III", "aVR", "aVL", "aVF")]
    write_pdf(Path("limbs.pdf"), ecg_page(SIGNALS, rows, ()))
    assert "leads_found 6 (at least 12" in refused("limbs.pdf")


def test_cabreras_order_gives_the_same_record(workspace):
    plain = [[lead] for lead in ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")]
    turned = [[lead] for lead in ("aVL", "I", "-aVR", "II", "aVF", "III", "V1", "V2", "V3", "V4", "V5", "V6")]
    for name, rows in (("plain", plain), ("turned", turned)):
        write_pdf(Path(f"{name}.pdf"), ecg_page(SIGNALS, rows, ()))
        assert run_inside("digitize-ecg", f"{name}.pdf", "-o", f"{name}.hea").status == 0
    records = [read_record(Path(f"{name}.hea")).signals for name in ("plain", "turned")]
    np.testing.assert_allclose(records[0], records[1], atol=0.0011)


def pdf_of_scans(path: str, pictures: list[np.ndarray]) -> None:
    """Wrap pictures, one a page as wide as A4 across, as a scanner does."""
    document = pypdfium2.PdfDocument.new()
    for number, picture in enumerate(pictures):
        assert cv2.imwrite(f"scan{number}.jpg", picture[:, :, ::-1])
        tall = 842 * picture.shape[0] / picture.shape[1]
        page, image = document.new_page(842, tall), pypdfium2.PdfImage.new(document)
        image.load_jpeg(f"scan{number}.jpg")
        image.set_matrix(pypdfium2.PdfMatrix().scale(842, tall))
        page.insert_obj(image)
        page.gen_content()
    document.save(path)


def test_a_pdf_of_two_scans_is_not_guessed_at(workspace):
    pdf_of_scans("scans.pdf", [np.full((600, 800, 3), 255, np.uint8)] * 2)
    assert "2 scanned pages" in refused("scans.pdf")
    assert "has 2 pages and no page 3" in refused("scans.pdf", "--page", "3")


@pytest.mark.parametrize("kind", ["tif", "pdf"])
def test_the_scan_that_is_named_of_several_is_read(workspace, kind):
    pages = [draw_page(Drawing(px_per_mm=5.9)), draw_page(Drawing(px_per_mm=5.9, rhythm=("V1", "II", "V5")))]
    if kind == "tif":
        assert cv2.imwritemulti("scans.tif", [page[:, :, ::-1] for page in pages])
    else:
        pdf_of_scans("scans.pdf", pages)
    said = refused(f"scans.{kind}")
    assert "2 scanned pages" in said and "--page N" in said
    for number, layout in ((1, "3x4+1"), (2, "3x4+3")):
        done = run_inside("digitize-ecg", f"scans.{kind}", "--page", str(number), "-o", f"{number}.hea")
        assert done.status == 0, done.stderr
        facts = json.loads(Path(f"{number}.json").read_text())
        assert (facts["Layout"], facts["Given"]) == (layout, {"Page": number})


def test_one_of_several_recordings_in_a_drawn_pdf_is_read_when_it_is_named(workspace):
    write_pdf(
        Path("two.pdf"), ecg_page(SIGNALS), ecg_page({lead: samples / 2 for lead, samples in SIGNALS.items()})
    )
    assert "--page N" in refused("two.pdf")
    found = {}
    for number in (1, 2):
        done = run_inside(
            "digitize-ecg",
            "two.pdf",
            "--page",
            str(number),
            "--overlay",
            f"{number}.png",
            "-o",
            f"{number}.hea",
        )
        assert done.status == 0, done.stderr
        found[number] = read_record(Path(f"{number}.hea")).signals
        assert cv2.imread(f"{number}.png").shape[1] == 2200  # that page alone
    there = np.isfinite(found[1])
    np.testing.assert_allclose(found[2][there], 0.5 * found[1][there], atol=0.003)


def test_a_drawn_page_beside_a_scan_is_not_taken_for_the_whole_file(workspace):
    write_pdf(Path("drawn.pdf"), ecg_page(SIGNALS))
    pdf_of_scans("scan.pdf", [draw_page(Drawing(px_per_mm=5.9))])
    both = pypdfium2.PdfDocument("drawn.pdf")
    both.import_pages(pypdfium2.PdfDocument("scan.pdf"))
    both.save("both.pdf")
    said = refused("both.pdf")
    assert "page 1" in said and "page 2" in said and "--page N" in said
    for number, kind in ((1, "vector"), (2, "raster")):
        done = run_inside("digitize-ecg", "both.pdf", "--page", str(number), "-o", f"{number}.hea")
        assert done.status == 0, done.stderr
        assert json.loads(Path(f"{number}.json").read_text())["SourceKind"] == kind


def rows_of(folder: str, name: str = "pages.tsv") -> list[dict[str, str]]:
    lines = [line.split("\t") for line in Path(folder, name).read_text().splitlines()]
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def folder_of_pages() -> Path:
    """Two good pages, one that contradicts itself, one that is none."""
    folder = Path("pages")
    folder.mkdir()
    write_pdf(folder / "a b.pdf", ecg_page(SIGNALS))
    write_pdf(folder / "bare.pdf", ecg_page(SIGNALS, text="", pulses=False, grid=False))
    write_pdf(folder / "wrong.pdf", ecg_page(SIGNALS, text="25 mm/s 20 mm/mV"))
    (folder / "none.png").write_bytes(b"no page")
    return folder


def test_one_bad_page_never_stops_the_others(workspace):
    done = run_inside("digitize-ecg", folder_of_pages(), "-o", "read", "--json")
    assert done.status == 5, done.stderr
    assert done.json["Counts"] == {"accepted": 1, "needs_review": 1, "refused": 1, "failed": 1}
    found = {row["page"]: row for row in rows_of("read")}
    assert found["a b.pdf"]["record"] == "a-b.hea" and found["a b.pdf"]["status"] == "accepted"
    assert "scales_assumed" in found["bare.pdf"]["failed_checks"]
    assert "pulse_height 0.5" in found["wrong.pdf"]["reason"] and found["wrong.pdf"]["record"] == "n/a"
    assert found["none.png"]["status"] == "failed" and "neither PNG" in found["none.png"]["reason"]
    assert {path.stem for path in Path("read").glob("*.hea")} == {"a-b", "bare"}
    assert run_inside("check", "read/a-b.hea", "read/pages.tsv").status == 0


def test_skip_existing_completes_and_a_correction_is_applied_again(workspace):
    folder = folder_of_pages()
    run_inside("digitize-ecg", folder, "-o", "read")
    assert run_inside("digitize-ecg", folder, "-o", "read").status == 4
    before = Path("read/a-b.prov.json").stat().st_mtime_ns
    digest = next(row["sha256"] for row in rows_of("read") if row["page"] == "wrong.pdf")
    Path("mine.tsv").write_text(
        f"page\tsha256\tgain\tstatus\nwrong.pdf\t{digest}\t10\tn/a\ngone.pdf\t{digest}\tn/a\trefuse\n"
    )
    done = run_inside(
        "digitize-ecg", folder, "-o", "read", "--skip-existing", "--corrections", "mine.tsv", "--json"
    )
    assert done.status == 5 and done.json["Read"] == 2  # the refused and the failed page
    assert "gone.pdf" in done.stderr
    assert Path("read/a-b.prov.json").stat().st_mtime_ns == before
    facts = json.loads(Path("read/wrong.json").read_text())
    assert facts["Given"] == {"Gain": 10.0} and facts["Status"] == "accepted"
    # without the correction the record has lost its ground
    assert run_inside("digitize-ecg", folder, "-o", "read", "--skip-existing").status == 5
    assert not list(Path("read").glob("wrong.*"))


def test_shards_make_what_one_run_makes(workspace):
    folder = folder_of_pages()
    run_inside("digitize-ecg", folder, "-o", "whole", "--threads", "2")
    for part in ("0/2", "1/2"):
        run_inside("digitize-ecg", folder, "-o", "parts", "--shard", part)
    rows = [*rows_of("parts", "pages_0-of-2.tsv"), *rows_of("parts", "pages_1-of-2.tsv")]
    assert sorted(map(str, rows)) == sorted(map(str, rows_of("whole")))
    assert list(Path("whole").glob("*.dat"))
    for path in Path("whole").glob("*.dat"):
        assert path.read_bytes() == Path("parts", path.name).read_bytes()


def test_boxes_that_were_found_read_the_page_again(workspace):
    picture = "cohort/ecg/sim-0001-ecg1.png"
    assert run_inside("digitize-ecg", picture, "-o", "one.hea", "--write-boxes", "one.tsv").status == 0
    done = run_inside("digitize-ecg", picture, "-o", "two.hea", "--boxes", "one.tsv")
    assert done.status == 0, done.stderr
    one, two = (read_record(Path(name)).signals for name in ("one.hea", "two.hea"))
    width = min(one.shape[1], two.shape[1])
    assert np.nanmax(np.nanstd(one[:, :width] - two[:, :width], axis=1)) < 0.05
    assert len(json.loads(Path("two.json").read_text())["Given"]["Boxes"]) == 13


def test_the_redacted_copy_keeps_the_traces_and_no_name(workspace):
    picture = cv2.imread("cohort/ecg/sim-0001-ecg1.png")
    cv2.putText(picture, "Erika Mustermann", (300, 60), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 4)
    cv2.imwrite("named.png", picture)
    done = run_inside("digitize-ecg", "named.png", "-o", "ecg.hea", "--redact", "ecg.png")
    assert done.status == 0, done.stderr
    copy = cv2.imread("ecg.png")
    assert copy.shape == picture.shape
    assert (copy[:90] == 255).all()  # where the name was
    assert (copy.max(axis=2) < 100).sum() > 5000  # the traces
    assert {
        kind for kind in (b"tEXt", b"eXIf", b"iTXt", b"zTXt") if kind in Path("ecg.png").read_bytes()
    } == set()


def test_overlays_of_a_folder_carry_what_the_page_answered(workspace):
    done = run_inside("digitize-ecg", "cohort/ecg/sim-0001-ecg1.png", "-o", "read", "--overlays")
    assert done.status == 0, done.stderr
    page, overlay = cv2.imread("cohort/ecg/sim-0001-ecg1.png"), cv2.imread("read/sim-0001-ecg1-overlay.png")
    assert overlay.shape[1] == page.shape[1] and overlay.shape[0] > page.shape[0]
    assert (overlay[page.shape[0] :] < 200).sum() > 1000  # the footer is written on
    assert run_inside("check", "read/sim-0001-ecg1-overlay.png").status == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-o", "read", "--overlay", "a.png"], "--overlay is for one page"),
        (["-o", "read", "--page", "1"], "--page is for one page"),
        (["-o", "ecg.hea", "--shard", "0/2"], "--shard is for many pages"),
        (["-o", "ecg.hea", "--write-boxes", "a.txt"], "*.tsv"),
        (["-o", "read", "--shard", "2/2"], "--shard"),
    ],
)
def test_options_of_one_page_and_of_many_are_told_apart(workspace, options, said):
    done = run_inside("digitize-ecg", PAGE, *options)
    assert done.status == 2 and said in done.error
    assert not Path("read").exists()
