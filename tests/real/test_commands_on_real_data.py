"""The commands on public data, traps included: the numbers that the headers try to hide."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from scartools.files import record, table
from tests.conftest import run_inside

pytestmark = pytest.mark.real


def ventricle(output: Path) -> dict[str, float]:
    found = table.read(output)
    last = len(found.rows) - 1
    assert found.rows[last]["level"] == "ventricle"
    return {c: table.number(found, last, c) for c in ("myocardium_ml", "mass_g", "scar_ml", "scar_percent")}


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("sampleNegative", {"myocardium_ml": 98.8, "scar_ml": 0.0}),
        ("samplePositive", {"mass_g": 145.6, "scar_ml": 20.3, "scar_percent": 14.6}),
    ],
)
def test_emidec_is_measured_right_and_its_header_fault_is_reported(data_folder, tmp_path, case, expected):
    path = data_folder / f"cmr/emidec/nifti/{case}/Contours/{case}.nii.gz"
    done = run_inside("quantify", path, "--labels", "emidec", "-o", tmp_path / "s.tsv", "--json")
    assert done.status == 0, done.stderr
    found = ventricle(tmp_path / "s.tsv")
    assert {key: round(found[key], 1) for key in expected} == expected
    assert "affine says 1 x 1 x 1 mm, pixdim says 1.4" in done.json["Warnings"][0]


@pytest.mark.parametrize("case", ["sampleNegative", "samplePositive"])
def test_emidec_has_no_rv_so_the_anchor_is_asked_for(data_folder, tmp_path, case):
    path = data_folder / f"cmr/emidec/nifti/{case}/Contours/{case}.nii.gz"
    assert run_inside("aha17", path, "--labels", "emidec", "-o", tmp_path / "p.nii.gz").status == 3
    done = run_inside(
        "aha17", path, "--labels", "emidec", "--anchor", "image-left", "-o", tmp_path / "p.nii.gz", "--json"
    )
    assert done.status == 0, done.stderr
    assert done.json["AnchorSource"] == "assumed"
    source, made = nibabel.load(path), nibabel.load(tmp_path / "p.nii.gz")
    np.testing.assert_array_equal(source.affine, made.affine)
    np.testing.assert_array_equal(source.header["pixdim"][1:4], made.header["pixdim"][1:4])


def test_the_atlas_is_labelled_as_its_authors_did(data_folder, tmp_path):
    image = nibabel.load(data_folder / "cmr/aha17_template/AHA17_model_ED.nii.gz")
    truth = np.asarray(image.dataobj)[..., 0]
    labels = np.select([truth == 21, (truth >= 1) & (truth <= 17), truth == 24], [1, 2, 5], 0).astype(np.uint8)
    nibabel.save(nibabel.Nifti1Image(labels, image.affine), tmp_path / "atlas.nii.gz")
    assert run_inside("aha17", tmp_path / "atlas.nii.gz", "-o", tmp_path / "p.nii.gz").status == 0
    found = np.asarray(nibabel.load(tmp_path / "p.nii.gz").dataobj)
    assert (found == truth)[labels == 2].mean() > 0.83


def test_labels_of_no_scheme_are_refused_with_their_counts(data_folder, tmp_path):
    path = data_folder / "cmr/aha17_template/AHA17_model_ED.nii.gz"
    done = run_inside("quantify", path, "-o", tmp_path / "s.tsv")
    assert done.status == 3 and "10 (1485 voxels)" in done.error


@pytest.mark.parametrize("subject", ["1", "2", "4", "5"])
def test_sunnybrook_contours_measure_like_hearts(data_folder, tmp_path, subject):
    path = data_folder / f"cmr/sunnybrook/SC-HF-I-{subject}_ED_mask.nii.gz"
    done = run_inside("quantify", path, "-o", tmp_path / "s.tsv")
    assert done.status == 0, done.stderr
    found = ventricle(tmp_path / "s.tsv")
    assert 80 < found["mass_g"] < 300 and found["scar_ml"] == 0


def test_every_wfdb_record_is_read_with_its_leads_in_order(data_folder):
    import wfdb

    headers = [
        *sorted((data_folder / "ecg/ptbxl/wfdb").rglob("*.hea")),
        *sorted((data_folder / "ecg/ludb/data").glob("*.hea"))[:20],
    ]
    assert len(headers) >= 30
    for header in headers:
        found = record.read_record(header)
        raw = wfdb.rdrecord(str(header.with_suffix("")))
        leads = [name.lower() for name in raw.sig_name]
        np.testing.assert_allclose(found.signals[7], raw.p_signal[:, leads.index("v2")], atol=1e-9)
        if "ptbxl" in header.parts:  # II = I + III holds to 5 uV there; LUDB stores leads filtered one by one
            assert np.abs(found.signals[1] - found.signals[0] - found.signals[2]).max() < 0.0055
