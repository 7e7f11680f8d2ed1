"""Controls of the ECG from training to the table: who is shown whose ECG is written wherever a number stands."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.conftest import Result, run_inside

TRAIN = [
    "--preset",
    "tiny",
    "--patch",
    "128",
    "--features",
    "2",
    "--batch",
    "1",
    "--iterations",
    "2",
]  # one window a slice
SEGMENT = ["--fusion", "segment", "--prior-source", "truth"]
NAMES = ("sim-0001", "sim-0002")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def run(*words: str | Path) -> None:
    done = run_inside(*words, "-q")
    assert done.status == 0, done.stderr


@pytest.fixture(scope="module")
def work(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two patients with beats, and models that were trained for no time: plain, shuffled and the ceiling."""
    folder = tmp_path_factory.mktemp("controls")
    for name in NAMES:
        run("median-beat", cohort / f"truth/{name}/ecg.hea", "-o", folder / f"{name}-ecg1.hea")
    pairs = ["--beats", folder, "--split", "1/0/0", "-o", folder / "pairs.tsv"]
    run("pair", cohort / "ecg.tsv", cohort / "mri.tsv", *pairs)
    run("preprocess", folder / "pairs.tsv", "-o", folder / "dataset")
    for name, options in (("plain", ()), ("shuffled", ("--shuffle-ecg",)), ("oracle", ("--oracle-ecg",))):
        run("train", folder / "dataset", *TRAIN, *SEGMENT, *options, "-o", folder / name)
    contours = [f"{name}\t{cohort / 'truth' / name / 'segmentation.nii.gz'}" for name in NAMES]
    (folder / "contours.tsv").write_text("\n".join(["case_id\tanatomy", *contours]) + "\n")
    return folder


def predict(work: Path, model: str, out: Path, *options: str, manifest: str = "pairs.tsv") -> Result:
    given = ["--anatomy", work / "contours.tsv", "--anatomy-source", "truth", "--no-bullseye"]
    return run_inside("predict", work / model, work / manifest, *given, *options, "-o", out, "-q")


@pytest.fixture(scope="module")
def plain(work: Path) -> list[dict[str, str]]:
    assert predict(work, "plain", work / "of-plain").status == 0
    return rows(work / "of-plain/predictions.tsv")


@pytest.mark.parametrize(
    ("model", "options", "word"),
    [
        ("plain", (), "used"),
        ("plain", ("--no-ecg",), "absent"),
        ("plain", ("--shuffle-ecg",), "shuffled"),
        ("plain", ("--shuffle-interval",), "interval-shuffled"),
        ("shuffled", (), "shuffled"),
        ("oracle", ("--oracle-ecg",), "truth"),
    ],
)
def test_every_row_says_whose_ecg_was_shown(work, plain, tmp_path, model, options, word):
    assert predict(work, model, tmp_path / "out", *options).status == 0
    found = rows(tmp_path / "out/predictions.tsv")
    assert [row["ecg"] for row in found] == [word, word]
    assert {row["prior_source"] for row in found} == {"truth"}
    own = [row["interval_days"] for row in plain]
    assert own[0] != own[1] and "n/a" not in own
    expected = {"absent": ["n/a", "n/a"], "used": own, "truth": own}.get(word, own[::-1])
    assert [row["interval_days"] for row in found] == expected
    said = json.loads((tmp_path / "out/prov.json").read_text())["Parameters"]
    assert any(
        value is True for key, value in said.items() if key.lower().startswith(("shuffle", "oracle"))
    ) is ("--shuffle-ecg" in options or "--shuffle-interval" in options or "--oracle-ecg" in options)


def test_a_shuffled_case_is_the_case_with_the_other_patients_beat(work, tmp_path):
    table = rows(work / "pairs.tsv")
    for key in ("beat", "interval_days"):
        table[0][key], table[1][key] = table[1][key], table[0][key]
    lines = ["\t".join(table[0]), *("\t".join(row.values()) for row in table)]
    (work / "swapped.tsv").write_text("\n".join(lines) + "\n")
    assert predict(work, "plain", tmp_path / "shuffled", "--shuffle-ecg", "--probabilities").status == 0
    assert predict(work, "plain", tmp_path / "swapped", "--probabilities", manifest="swapped.tsv").status == 0
    assert predict(work, "plain", tmp_path / "own", "--probabilities").status == 0
    for name in NAMES:
        made, by_hand, own = (
            (tmp_path / kind / name / "probabilities.nii.gz").read_bytes()
            for kind in ("shuffled", "swapped", "own")
        )
        assert made == by_hand and made != own


def test_the_model_remembers_its_control(work):
    for name, source in (("plain", "own"), ("shuffled", "shuffled"), ("oracle", "truth")):
        said = json.loads((work / name / "model.json").read_text())
        assert said["Inputs"]["EcgSource"] == source
        assert said["Settings"]["shuffle_ecg"] is (name == "shuffled")
        assert said["Settings"]["oracle_ecg"] is (name == "oracle")
    assert "never a result" in (work / "oracle/card.md").read_text()
    assert "control" in (work / "shuffled/card.md").read_text()


@pytest.mark.parametrize(
    ("model", "options", "status", "words"),
    [
        ("oracle", (), 3, "--oracle-ecg"),
        ("plain", ("--oracle-ecg",), 3, "was not trained"),
        ("oracle", ("--oracle-ecg", "--no-ecg"), 2, "--no-ecg"),
        ("plain", ("--oracle-ecg", "--shuffle-ecg"), 2, "contradict"),
    ],
)
def test_what_would_mislead_is_refused(work, tmp_path, model, options, status, words):
    done = predict(work, model, tmp_path / "out", *options)
    assert done.status == status and words in done.error
    assert not (tmp_path / "out").exists()


def test_one_patient_cannot_be_shuffled_and_an_oracle_needs_labels(work, cohort, tmp_path):
    words = ["predict", work / "plain", cohort / "lge/sim-0001.nii.gz", "--beat", work / "sim-0001-ecg1.hea"]
    done = run_inside(*words, "--shuffle-ecg", "-o", tmp_path / "one")
    assert done.status == 2 and "--shuffle-ecg" in done.error
    one = ["predict", work / "shuffled", *words[2:], "--anatomy", cohort / "truth/sim-0001/segmentation.nii.gz"]
    done = run_inside(*one, "--anatomy-source", "truth", "-o", tmp_path / "one")
    assert done.status == 3 and "other patients" in done.error
    without = [{**row, "label": "n/a"} for row in rows(work / "pairs.tsv")]
    lines = ["\t".join(without[0]), *("\t".join(row.values()) for row in without)]
    (work / "unlabelled.tsv").write_text("\n".join(lines) + "\n")
    done = predict(work, "oracle", tmp_path / "two", "--oracle-ecg", manifest="unlabelled.tsv")
    assert done.status == 3 and "no label" in done.stderr


def test_evaluate_prints_what_was_shown(work, tmp_path):
    assert predict(work, "oracle", tmp_path / "oracle", "--oracle-ecg").status == 0
    run(
        "evaluate",
        tmp_path / "oracle",
        "--truth",
        work / "pairs.tsv",
        "--split",
        "all",
        "-o",
        tmp_path / "found",
    )
    assert {row["ecg"] for row in rows(tmp_path / "found/metrics.tsv")} == {"truth"}
    assert json.loads((tmp_path / "found/summary.json").read_text())["Arms"][0]["ECG"] == {"truth": 2}


def test_a_page_says_what_the_ecg_said(work, tmp_path):
    assert predict(work, "plain", tmp_path / "out", "--explain").status == 0
    for name in NAMES:
        page = (tmp_path / f"out/{name}/explanation.html").read_text()
        said = json.loads((tmp_path / f"out/{name}/explanation.json").read_text())
        assert name in page and page.count("<svg") == 2 + said["EncoderHeard"] and "Research use only" in page
        assert len(said["SegmentLogits"]) == 17 and len(said["AttributionByLead"]) == 12
        gain = said["Value"] - said["ValueOfFlatLine"]
        assert abs(sum(said["AttributionByLead"].values()) + said["NotAccountedFor"] - gain) < 1e-5
    assert run_inside("check", tmp_path / "out").status == 0
    assert predict(work, "plain", tmp_path / "without", "--explain", "--no-ecg").status == 0
    assert not list((tmp_path / "without").rglob("explanation.*"))
    assert predict(work, "oracle", tmp_path / "oracle", "--explain", "--oracle-ecg").status == 0
    assert not list((tmp_path / "oracle").rglob("explanation.*"))  # the truth spoke, and no beat was looked at
