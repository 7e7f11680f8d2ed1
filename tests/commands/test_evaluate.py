"""evaluate as a user meets it: every number with its prior, patients as the unit, empty masks told, regimes apart."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from scartools.files import table
from scartools.files.predictions import NEEDED as COLUMNS  # what a table must have
from tests.conftest import run_inside

AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])  # 0.02 mL a voxel


def heart(scar: int) -> np.ndarray:
    """A wall of 80 voxels around a pool of 20, the first `scar` of the wall infarcted."""
    array = np.zeros((10, 10, 4), np.uint8)
    array.flat[:80], array.flat[100:120] = 2, 1
    array.flat[:scar] = 3
    return array


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, affine), path)


def write_truth(scars: dict[str, int], **cells: dict[str, str]) -> None:
    """Write pairs.tsv; the patient of p1_b is p1."""
    lines = ["case_id\tparticipant_id\tlabel\tsplit"]
    for case, scar in scars.items():
        save(Path("truth") / f"{case}.nii.gz", heart(scar))
        split = cells.get(case, {}).get("split", "test")
        lines.append(f"{case}\t{case.split('_')[0]}\ttruth/{case}.nii.gz\t{split}")
    Path("pairs.tsv").write_text("\n".join(lines) + "\n")


def write_predictions(name: str, scars: dict[str, int | np.ndarray], **cells: dict[str, str]) -> Path:
    """Write a predictions folder as predict does; cells change columns by case, `every` in all rows."""
    rows = []
    for case, scar in scars.items():
        save(Path(name) / case / "segmentation.nii.gz", heart(scar) if isinstance(scar, int) else scar)
        row = {
            "case_id": case,
            "participant_id": case.split("_")[0],
            "image": f"../lge/{case}.nii.gz",
            "segmentation": f"{case}/segmentation.nii.gz",
            "prior": "n/a",
            "prior_source": "none",
            "ecg": "off",
            "interval_days": "n/a",
            "split": "test",
            "model": name,
        }
        rows.append({**row, **cells.get("every", {}), **cells.get(case, {})})
    lines = ["\t".join(COLUMNS), *("\t".join(row[column] for column in COLUMNS) for row in rows)]
    (Path(name) / "predictions.tsv").write_text("\n".join(lines) + "\n")
    return Path(name)


def with_prior(source: str) -> dict[str, str]:
    return {"prior": "prior.nii.gz", "prior_source": source}


def evaluate(*arguments: str | Path) -> dict[str, list[dict[str, str | None]]]:
    done = run_inside(
        "evaluate", *arguments, "--truth", "pairs.tsv", "-o", "out", "--force", "--resamples", "500"
    )
    assert done.status == 0, done.stderr
    return {
        name: list(table.read(Path("out") / f"{name}.tsv", none_empty=False).rows)
        for name in ("metrics", "summary", "comparisons")
    }


def refused(*arguments: str | Path, status: int = 3) -> str:
    done = run_inside("evaluate", *arguments, "--truth", "pairs.tsv", "-o", "out")
    assert done.status == status, done.stderr
    assert not Path("out").exists()
    return done.error


def of(rows, **wanted):
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    assert len(found) == 1, found
    return found[0]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_four_cells_of_the_empty_mask_table():
    write_truth({"p1": 20, "p2": 20, "p3": 0, "p4": 0})
    write_predictions("net", {"p1": 10, "p2": 0, "p3": 10, "p4": 0})
    found = evaluate("net")
    kinds = [of(found["metrics"], structure="scar", case_id=f"p{n}")["agreement"] for n in (1, 2, 3, 4)]
    assert kinds == ["hit", "missed", "false_positive", "true_negative"]
    scar = of(found["summary"], structure="scar")
    assert [scar[f"n_{k}"] for k in ("both", "missed", "false_positive", "true_negative")] == ["1"] * 4
    assert float(scar["dice_mean_positive"]) == pytest.approx((2 / 3 + 0) / 2, abs=1e-5)
    assert float(scar["dice_mean_all"]) == pytest.approx((2 / 3 + 0 + 0) / 3, abs=1e-5)
    assert (scar["case_sensitivity"], scar["case_specificity"]) == ("0.5", "0.5")
    assert float(scar["false_positive_ml_mean"]) == pytest.approx(10 * 0.02 / 2)
    assert of(found["metrics"], structure="scar", case_id="p4")["dice"] is None
    one = of(evaluate("net", "--empty", "one")["summary"], structure="scar")
    assert float(one["dice_mean_all"]) == pytest.approx((2 / 3 + 0 + 0 + 1) / 4, abs=1e-5)
    assert one["dice_mean_positive"] == scar["dice_mean_positive"]


def test_volumes_are_those_of_the_affine_and_percent_is_of_the_true_wall():
    write_truth({"p1": 20})
    write_predictions("net", {"p1": 12})
    row = of(evaluate("net")["metrics"], structure="scar")
    assert (row["truth_ml"], row["predicted_ml"], row["difference_ml"]) == ("0.4", "0.24", "-0.16")
    assert (row["difference_percent_lv"], row["absolute_difference_percent_lv"]) == ("-10", "10")
    row = of(evaluate("net", "--fractions-only")["metrics"], structure="scar")
    assert (row["truth_ml"], row["difference_ml"], row["difference_percent_lv"]) == (None, None, "-10")


def test_the_cases_of_a_patient_are_averaged():
    write_truth({"p1_a": 20, "p1_b": 20, "p2": 20})
    write_predictions("net", {"p1_a": 20, "p1_b": 0, "p2": 20})
    scar = of(evaluate("net")["summary"], structure="scar")
    assert (scar["n_cases"], scar["n_patients"], scar["dice_mean_positive"]) == ("3", "2", "0.75")


def test_arms_are_compared_on_common_cases():
    write_truth({f"p{n}": 20 for n in range(8)})
    write_predictions("base", {f"p{n}": 10 for n in range(7)})
    write_predictions("more", {f"p{n}": 20 - n for n in range(1, 8)}, every=with_prior("predicted"))
    found = evaluate("base", "more")
    row = of(found["comparisons"], structure="scar", measure="dice")
    assert (row["arm"], row["reference"], row["n_patients"]) == ("more", "base", "6")
    expected = np.mean([2 * (20 - n) / (40 - n) - 2 / 3 for n in range(1, 7)])
    assert float(row["difference"]) == pytest.approx(expected, abs=1e-5)
    assert float(row["p_wilcoxon"]) == pytest.approx(2 / 2**6)
    assert float(row["p_holm"]) > float(row["p_wilcoxon"])
    assert "only 6 patients" in row["warning"]
    assert {r["n_cases"] for r in found["summary"] if r["structure"] == "scar"} == {"6"}
    assert of(found["metrics"], arm="base", structure="scar", case_id="p0")["in_summary"] == "false"
    back = of(evaluate("base", "more", "--reference", "more")["comparisons"], structure="scar", measure="dice")
    assert float(back["difference"]) == pytest.approx(-expected, abs=1e-5)


def test_regimes_have_tables_of_their_own_and_are_never_compared():
    write_truth({"p1": 20, "p2": 10})
    for name, source in (("own", "predicted"), ("reader", "manual"), ("oracle", "truth")):
        write_predictions(name, {"p1": 18, "p2": 9}, every=with_prior(source))
    found = evaluate("own", "reader", "oracle")
    assert {(row["arm"], row["reference"]) for row in found["comparisons"]} == {("oracle", "reader")}
    report = Path("out/report.md").read_text()
    automatic, _, reader = report.partition("## Wall given by a reader")
    assert "| own | predicted | off | scar" in automatic and "| oracle |" not in automatic
    assert "| oracle | truth as reader | off | scar" in reader.partition("## Cases")[0]
    assert "| own |" not in reader.partition("## Cases")[0] and "| oracle | truth |" not in report
    assert "Research use only. Not a medical device; not for diagnosis or treatment." in report


def test_an_arm_that_mixes_priors_is_refused_and_names_cases():
    write_truth({"p1": 20, "p2": 10})
    write_predictions("net", {"p1": 18, "p2": 9}, p2=with_prior("truth"))
    assert "p2" in (error := refused("net")) and "several sources" in error


def test_only_the_split_counts_and_a_patient_of_train_is_refused():
    write_truth({"p1": 20, "p2": 10}, p2={"split": "train"})
    write_predictions("net", {"p1": 18, "p2": 9}, p2={"split": "train"})
    assert {row["case_id"] for row in evaluate("net")["metrics"]} == {"p1"}
    assert {row["case_id"] for row in evaluate("net", "--split", "all")["metrics"]} == {"p1", "p2"}
    assert (
        "validation"
        in run_inside("evaluate", "net", "--truth", "pairs.tsv", "-o", "x", "--split", "validation").error
    )
    write_truth({"p1_a": 20, "p1_b": 10}, p1_b={"split": "train"})
    write_predictions("leak", {"p1_a": 18})
    done = run_inside("evaluate", "leak", "--truth", "pairs.tsv", "-o", "x")
    assert done.status == 3 and "in train: p1" in done.error


def test_cases_without_a_partner_are_counted():
    write_truth({"p1": 20, "p2": 10})
    write_predictions("net", {"p1": 18, "p3": 9})
    evaluate("net")
    arm = json.loads(Path("out/summary.json").read_text())["Arms"][0]
    assert (arm["CasesWithoutTruth"], arm["CasesWithoutPrediction"]) == (["p3"], ["p2"])
    write_predictions("none", {"p8": 18})
    assert "no case in common" in run_inside("evaluate", "none", "--truth", "pairs.tsv", "-o", "x").error


def test_an_empty_prediction_is_a_missed_case_and_ignored_voxels_are_left_out():
    truth = heart(20)
    truth.flat[:5] = 255
    write_truth({"p1": 20, "p2": 20})
    save(Path("truth/p1.nii.gz"), truth)
    write_predictions("net", {"p1": 20, "p2": np.zeros((10, 10, 4), np.uint8)})
    found = evaluate("net")["metrics"]
    assert of(found, case_id="p1", structure="scar")["predicted_ml"] == "0.3"
    assert of(found, case_id="p2", structure="scar")["agreement"] == "missed"


def test_another_grid_is_refused():
    write_truth({"p1": 20})
    write_predictions("net", {"p1": 18})
    save(Path("net/p1/segmentation.nii.gz"), heart(18), AFFINE + np.eye(4, k=3) * 0.01)
    assert "corners" in refused("net")


def test_names_tell_arms_apart():
    write_truth({"p1": 20})
    write_predictions("a", {"p1": 18}, every={"model": "net"})
    write_predictions("b", {"p1": 15}, every={"model": "net"})
    assert "--name" in refused("a", "b", status=2)
    assert "no arm" in refused("a", "--reference", "z", status=2)
    found = evaluate("a", "b", "--name", "x", "--name", "y")["comparisons"]
    assert of(found, structure="scar", measure="dice")["arm"] == "y"


def test_the_seed_gives_the_same_bytes():
    write_truth({f"p{n}": 20 for n in range(5)})
    write_predictions("net", {f"p{n}": 20 - 3 * n for n in range(5)})
    evaluate("net")
    names = ("metrics.tsv", "summary.tsv", "comparisons.tsv", "summary.json", "report.md", "report.html")
    before = [(Path("out") / name).read_bytes() for name in names]
    evaluate("net")
    assert before == [(Path("out") / name).read_bytes() for name in names]


def write_images(*cases: str) -> None:
    for case in cases:
        save(
            Path("lge") / f"{case}.nii.gz",
            np.random.default_rng(1).normal(100, 10, (10, 10, 4)).astype(np.float32),
        )


def test_overlays_are_drawn_for_each_case_of_the_summary_with_the_same_bytes():
    write_truth({"p1": 20, "p2": 0, "p3": 20})
    write_predictions("a", {"p1": 18, "p2": 0, "p3": 3})
    write_predictions("b", {"p1": 10, "p2": 5})
    write_images("p1", "p2")  # p3 is not in the summary: its image is not read
    evaluate("a", "b", "--overlays")
    drawn = {path.name: path.read_bytes() for path in Path("out/overlays").iterdir()}
    assert sorted(drawn) == ["p1.png", "p2.png"]
    assert all(png.startswith(b"\x89PNG") for png in drawn.values())
    record = json.loads(Path("out/prov.json").read_text())
    assert "p1.nii.gz" in json.dumps(record) and "overlays/p1.png" in json.dumps(record)
    evaluate("a", "b", "--overlays")
    assert drawn == {path.name: path.read_bytes() for path in Path("out/overlays").iterdir()}
    evaluate("a", "b")
    assert not Path("out/overlays").exists()


def test_overlays_tell_n_a_whatever_empty_counts(monkeypatch: pytest.MonkeyPatch):
    from scartools.evaluation import overlays

    shown = {}
    real = overlays.draw_overlay

    def spy(image, truth, arms, affine, **words):
        shown[words["title"]] = [(arm.name, arm.prior_source, arm.scar_dice) for arm in arms]
        return real(image, truth, arms, affine, **words)

    monkeypatch.setattr(overlays, "draw_overlay", spy)
    write_truth({"p1": 20, "p2": 0})
    write_predictions("net", {"p1": 10, "p2": 0})
    write_images("p1", "p2")
    evaluate("net", "--overlays", "--empty", "one")
    assert shown["p1"] == [("net", "none", pytest.approx(2 / 3))]
    assert np.isnan(shown["p2"][0][2])


def test_overlays_name_an_image_that_is_missing_or_on_another_grid():
    write_truth({"p1": 20})
    write_predictions("net", {"p1": 18})
    error = refused("net", "--overlays")
    assert "lge/p1.nii.gz" in error and "p1" in error
    save(Path("lge/p1.nii.gz"), np.random.default_rng(1).normal(size=(10, 10, 5)).astype(np.float32))
    assert "shape" in refused("net", "--overlays")


def test_overlays_have_room_for_three_arms():
    write_truth({"p1": 20})
    names = [write_predictions(name, {"p1": 18}) for name in "abcd"]
    assert "3 arms" in refused(*names, "--overlays", status=2)


def cone(scar: float = 0.0, shift: int = 0) -> np.ndarray:
    """An LV from base (last slice) to apex with an RV beside it, whose segments can be told; scar: degrees of the ring."""
    x, y = np.meshgrid(np.arange(40), np.arange(40), indexing="ij")
    array = np.zeros((40, 40, 9), np.uint8)
    angle = np.degrees(np.arctan2(y - 22, x - 22 - shift)) % 360
    for k in range(9):
        radius = np.hypot(x - 22 - shift, y - 22)
        outer = 6.0 + 0.5 * k
        array[:, :, k][(np.hypot(x - 8 - shift, y - 22) < outer) & (radius >= outer)] = 5
        array[:, :, k][radius < outer] = 2
        array[:, :, k][(radius < outer) & (angle < scar)] = 3
        array[:, :, k][radius < outer - 3] = 1
    return array


OBLIQUE = np.array([[1.2, 0.9, 0.0, 0], [-0.7, 1.0, 4.6, 0], [0.6, -0.8, 6.5, 0], [0, 0, 0, 1.0]])


def write_hearts(name: str, arrays: dict[str, np.ndarray], **cells: dict[str, str]) -> None:
    """Predictions with AHA segments beside them, as predict writes them."""
    from scartools.heart.segments import label_segments

    write_predictions(name, arrays, **cells)
    text = (Path(name) / "predictions.tsv").read_text().splitlines()
    rows = [dict(zip(text[0].split("\t"), line.split("\t"), strict=True)) for line in text[1:]]
    for row in rows:
        case = row["case_id"]
        save(Path(name) / case / "segmentation.nii.gz", arrays[case], OBLIQUE)
        save(Path(name) / case / "prior.nii.gz", label_segments(arrays[case], OBLIQUE).map, OBLIQUE)
        row["prior"] = f"{case}/prior.nii.gz"
    (Path(name) / "predictions.tsv").write_text(
        "\n".join(["\t".join(rows[0]), *("\t".join(row.values()) for row in rows)]) + "\n"
    )


def write_true_hearts(scars: dict[str, float], **columns: list[str]) -> None:
    lines = ["\t".join(["case_id", "participant_id", "label", *columns])]
    for at, (case, scar) in enumerate(scars.items()):
        save(Path("truth") / f"{case}.nii.gz", cone(scar), OBLIQUE)
        lines.append("\t".join([case, case, f"truth/{case}.nii.gz", *(one[at] for one in columns.values())]))
    Path("pairs.tsv").write_text("\n".join(lines) + "\n")


def read(name: str) -> list[dict[str, str | None]]:
    return list(table.read(Path("out") / f"{name}.tsv", none_empty=False).rows)


def test_distances_and_segments_of_a_heart_that_moved():
    write_true_hearts({"p1": 90.0, "p2": 0.0})
    write_hearts("net", {"p1": cone(90.0, shift=1), "p2": cone(0.0)}, every={"split": "n/a"})
    found = evaluate("net", "--tolerance", "1.4")
    pool = of(found["metrics"], case_id="p1", structure="lv_pool")
    # a shift by one pixel along the first axis: sqrt(1.2^2 + 0.7^2 + 0.6^2) mm
    assert float(pool["hd95_mm"]) == pytest.approx(np.linalg.norm(OBLIQUE[:3, 0]), abs=1e-4)
    assert 0 < float(pool["assd_mm"]) < float(pool["hd95_mm"]) and 0 < float(pool["nsd"]) < 1
    wide = of(evaluate("net", "--tolerance", "1.6")["metrics"], case_id="p1", structure="lv_pool")
    assert wide["nsd"] == "1"
    empty = of(found["metrics"], case_id="p2", structure="scar")
    assert (empty["hd95_mm"], empty["nsd"], empty["agreement"]) == (None, None, "true_negative")
    segments = [row for row in read("segments") if row["case_id"] == "p1"]
    assert [row["segment"] for row in segments] == [str(n) for n in range(1, 17)]
    # the heart moved as a whole, RV and all: its segments hold what those of the truth hold
    truth, predicted = (
        [float(row[name]) for row in segments] for name in ("truth_percent", "predicted_percent")
    )
    assert predicted == pytest.approx(truth) and sum(truth) / 16 == pytest.approx(25, abs=3)
    row = of(read("detection"), region="all")
    assert (row["sensitivity"], row["specificity"], row["kappa"], row["n_segments"]) == ("1", "1", "1", "32")


def test_a_scar_in_another_segment_is_a_miss_and_a_false_alarm():
    write_true_hearts({f"p{n}": 60.0 for n in range(3)})
    turned = cone(0.0)
    turned[cone(120.0) == 3] = 3
    turned[cone(60.0) == 3] = 2
    write_hearts("net", {f"p{n}": turned for n in range(3)}, every={"split": "n/a"})
    evaluate("net")
    row = of(read("detection"), region="all")
    assert float(row["sensitivity"]) < 0.6 and float(row["kappa"]) < 0.4
    done = run_inside("evaluate", "net", "--truth", "pairs.tsv", "-o", "none", "--no-segments")
    assert done.status == 0 and not Path("none/segments.tsv").exists()


def test_without_voxel_size_there_are_no_millimetres_anywhere():
    write_true_hearts({f"p{n}": 30.0 * n for n in range(4)})
    write_hearts("net", {f"p{n}": cone(25.0 * n + 10) for n in range(4)}, every={"split": "n/a"})
    found = evaluate("net", "--fractions-only")
    lengths = [name for name in found["metrics"][0] if name.endswith(("_mm", "_ml"))] + ["nsd"]
    assert {row[name] for row in found["metrics"] for name in lengths} == {None}
    assert {row["quantity"] for row in read("agreement")} == {"scar_percent_lv"}
    page = Path("out/report.html").read_text()
    assert "Surfaces (NSD" not in page and "unknown: no mL and no mm" in page


def test_folders_of_one_name_are_the_seeds_of_an_arm():
    write_truth({f"p{n}": 20 for n in range(6)})
    write_predictions("base", {f"p{n}": 10 for n in range(6)})
    write_predictions("one", {f"p{n}": 20 for n in range(6)})
    write_predictions("two", {f"p{n}": 10 for n in range(6)})
    found = evaluate("base", "one", "two", "--name", "base", "--name", "net", "--name", "net")
    row = of(found["comparisons"], structure="scar", measure="dice")
    assert float(row["difference"]) == pytest.approx((1 + 2 / 3) / 2 - 2 / 3, abs=1e-5)
    total = of(found["summary"], arm="net", structure="scar")
    assert (total["n_runs"], total["n_cases"], total["n_both"]) == ("2", "6", "12")
    assert float(total["dice_sd_runs"]) == pytest.approx((1 / 3) / 2**0.5, abs=1e-5)
    write_predictions("three", {f"p{n}": 10 for n in range(6)}, every=with_prior("truth"))
    again = run_inside(
        "evaluate", "one", "three", "--name", "a", "--name", "a", "--truth", "pairs.tsv", "-o", "mixed"
    )
    assert again.status == 3 and "run of 'a'" in again.error
    same = run_inside(
        "evaluate", "one", "one", "--name", "a", "--name", "b", "--truth", "pairs.tsv", "-o", "mixed"
    )
    assert same.status == 2 and "twice" in same.error


def test_a_chain_is_decomposed_and_never_mixes_regimes():
    write_truth({f"p{n}": 20 for n in range(6)})
    for name, scar, source in (("image", 8, "none"), ("prior", 12, "predicted"), ("wall", 18, "truth")):
        write_predictions(name, {f"p{n}": scar + n % 2 for n in range(6)}, every=with_prior(source))
    evaluate("image", "prior", "wall", "--chain", "image,prior")
    steps = read("decomposition")
    assert [row["step"] for row in steps] == ["1", "total"] and steps[0]["gain"] == steps[1]["gain"]
    done = run_inside("evaluate", "image", "wall", "--chain", "image,wall", "--truth", "pairs.tsv", "-o", "no")
    assert done.status == 2 and "regime" in done.error and not Path("no").exists()
    done = run_inside("evaluate", "image", "--chain", "image,gone", "--truth", "pairs.tsv", "-o", "no")
    assert done.status == 2 and "'gone'" in done.error


def add_columns(name: str, **columns: str) -> None:
    lines = (Path(name) / "predictions.tsv").read_text().splitlines()
    more = ["\t".join(columns), *(["\t".join(columns.values())] * (len(lines) - 1))]
    (Path(name) / "predictions.tsv").write_text(
        "\n".join("\t".join(pair) for pair in zip(lines, more, strict=True)) + "\n"
    )


def test_controls_ecg_source_and_gates_are_read_from_the_predictions():
    write_truth({f"p{n}": 20 for n in range(6)})
    write_predictions("base", {f"p{n}": 10 for n in range(6)})
    write_predictions("net", {f"p{n}": 12 for n in range(6)}, every={"ecg": "used"})
    add_columns("net", control="shuffled ECG", ecg_source="simulated", gate_ecg="0.25")
    found = evaluate("base", "net")
    for rows in (found["metrics"], found["summary"]):
        told = {(row["arm"], row["ecg"], row["ecg_source"], row["control"]) for row in rows}
        assert told == {("base", "off", "none", None), ("net", "used", "simulated", "shuffled ECG")}
    row = of(found["comparisons"], structure="scar", measure="dice")
    assert (row["ecg_source"], row["reference_ecg_source"], row["control"]) == (
        "simulated",
        "none",
        "shuffled ECG",
    )
    assert of(read("gates"), grouping="all")["mean"] == "0.25"
    assert "net [shuffled ECG]" in Path("out/report.md").read_text()
    assert "used, simulated" in Path("out/report.html").read_text()
    add_columns("base", gate_ecg="often")
    done = run_inside("evaluate", "base", "--truth", "pairs.tsv", "-o", "no")
    assert done.status == 3 and "gate_ecg" in done.error and "'often'" in done.error


def test_a_beat_says_whether_it_is_simulated_and_the_user_has_the_last_word():
    write_truth({"p1": 20})
    lines = Path("pairs.tsv").read_text().splitlines()
    Path("pairs.tsv").write_text(f"{lines[0]}\tbeat\n{lines[1]}\tp1.hea\n")
    write_predictions("net", {"p1": 12}, every={"ecg": "used"})
    assert {row["ecg_source"] for row in evaluate("net")["metrics"]} == {"unstated"}
    Path("p1.json").write_text(json.dumps({"Record": {"Simulated": True}}))
    assert {row["ecg_source"] for row in evaluate("net")["metrics"]} == {"simulated"}
    rows = evaluate("net", "--ecg-source", "recorded")["metrics"]
    assert {row["ecg_source"] for row in rows} == {"recorded"}


def test_groups_by_interval_and_by_any_column_have_their_n():
    write_true_hearts(
        {f"p{n}": 60.0 for n in range(6)},
        interval_days=["3", "3", "40", "40", "40", "n/a"],
        vendor=["GE", "GE", "GE", "Philips", "Philips", "n/a"],
    )
    write_hearts("net", {f"p{n}": cone(50.0) for n in range(6)}, every={"split": "n/a"})
    evaluate("net", "--by", "vendor", "--no-segments")
    rows = read("subgroups")
    assert {(r["group"], r["n_patients"]) for r in rows if r["grouping"] == "interval_days"} == {
        ("0-7 d", "2"),
        ("31-60 d", "3"),
        ("unknown", "1"),
    }
    assert {(r["group"], r["n_patients"]) for r in rows if r["grouping"] == "vendor"} == {
        ("GE", "3"),
        ("Philips", "2"),
        ("unknown", "1"),
    }
    done = run_inside("evaluate", "net", "--truth", "pairs.tsv", "--by", "centre", "-o", "no")
    assert done.status == 3 and "no column centre" in done.error


def test_the_segments_of_the_truth_may_be_given():
    write_true_hearts({"p1": 90.0})
    write_hearts("net", {"p1": cone(90.0)}, every={"split": "n/a"})
    given = np.where(cone(90.0) == 3, 5, np.where(np.isin(cone(90.0), (2, 3)), 6, 0)).astype(np.uint8)
    save(Path("given.nii.gz"), given, OBLIQUE)
    lines = Path("pairs.tsv").read_text().splitlines()
    Path("pairs.tsv").write_text(f"{lines[0]}\tprior\n{lines[1]}\tgiven.nii.gz\n")
    evaluate("net")
    assert [(row["segment"], row["truth_percent"]) for row in read("segments")] == [("5", "100"), ("6", "0")]
