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
