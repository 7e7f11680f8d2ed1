"""EMIDEC as it is published: its headers, its labels, and the way back to its own grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scartools.files.dataset import read_case, read_dataset
from scartools.files.volume import read_labels
from scartools.learning.grids import NetworkGrid, labels_to_source
from tests.conftest import run_inside

pytestmark = pytest.mark.real


@pytest.fixture
def prepared(data_folder, tmp_path, monkeypatch) -> Path:
    """The two sample studies of EMIDEC as a dataset at 1.25 mm."""
    monkeypatch.chdir(tmp_path)
    lines = ["case_id\tparticipant_id\timage\tlabel\tsplit"]
    for name, split in (("samplePositive", "train"), ("sampleNegative", "test")):
        folder = data_folder / "cmr" / "emidec" / "nifti" / name
        files = [folder / part / f"{name}.nii.gz" for part in ("Images", "Contours")]
        lines.append("\t".join([name, name, *map(str, files), split]))
    Path("pairs.tsv").write_text("\n".join(lines) + "\n")
    done = run_inside(
        *("preprocess", "pairs.tsv", "-o", "dataset", "--labels", "emidec", "--target-spacing", "1.25")
    )
    assert done.status == 0, done.stderr
    return Path("dataset")


@pytest.mark.parametrize("name", ["samplePositive", "sampleNegative"])
def test_labels_come_back_to_the_published_grid(name, prepared, data_folder):
    case = read_case(prepared, name)
    truth = read_labels(
        data_folder / "cmr" / "emidec" / "nifti" / name / "Contours" / f"{name}.nii.gz", scheme="emidec"
    )
    grid = NetworkGrid.from_json(case.facts["Grid"])
    back = labels_to_source(np.asarray(case.arrays["label"]), grid)
    assert back.shape == truth.array.shape
    for members in ((1,), (2, 3, 4)):
        one, two = np.isin(back, members), np.isin(truth.array, members)
        assert 2 * (one & two).sum() / (one.sum() + two.sum()) > 0.97
    ml = abs(np.linalg.det(np.array(grid.affine)[:3, :3])) / 1000
    scar = np.isin(case.arrays["label"], (3, 4)).sum() * ml
    assert scar == pytest.approx(np.isin(truth.array, (3, 4)).sum() * truth.voxel_volume_ml, rel=0.05, abs=0.01)


def test_the_headers_trap_is_met_and_noted(prepared):
    facts = read_case(prepared, "samplePositive").facts
    assert any("pixdim" in note for note in facts["GeometryNotes"])
    assert facts["Grid"]["SpacingMm"][1:] == pytest.approx([1.25, 1.25], abs=0.02)
    assert facts["Grid"]["SpacingMm"][0] > 5
    assert read_dataset(prepared)["Splits"]["train"] == ["samplePositive"]
