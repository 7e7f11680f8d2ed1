"""ECGs of real masks: EMIDEC, without orientation, RV and voxel size; Sunnybrook, truly oblique, without RV."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from scartools.errors import GeometryError
from scartools.files import table
from scartools.simulation.mask_ecg import MaskEcg, Where, simulate_mask_ecg

pytestmark = pytest.mark.real
GUESSED = Where(anchor="image-left")


def require_an_ecg(ecg: MaskEcg) -> None:
    """Amplitudes and duration of a living person's, and the limb leads in agreement."""
    assert ecg.signals.shape == (12, 5000) and np.isfinite(ecg.signals).all()
    heights = np.ptp(ecg.beat, axis=1)
    assert 0.3 < heights.max() < 8.0
    assert 60 < ecg.facts["QrsDuration"] < 220
    assert np.abs(ecg.beat[1] - ecg.beat[0] - ecg.beat[2]).max() < 1e-9


def test_emidec_gives_an_ecg_of_each_mask_or_a_reason(data_folder: Path) -> None:
    ratios = {
        row["subject"]: float(str(row["lv_width_over_height"]))
        for row in table.read(data_folder / "cmr/emidec/png_subjects.tsv").rows
    }
    made, refused, changed = 0, {}, {}
    healthy = None
    for path in sorted((data_folder / "cmr/emidec/png_subjects").glob("*.npz")):
        labels = np.moveaxis(np.load(path)["label"], 0, 2)  # rows, columns, slices
        height = 1.5 / ratios[path.stem]  # the pictures are stretched; the size itself is unknown
        affine = np.array([[0, -1.5, 0, 0], [-height, 0, 0, 0], [0, 0, 10, 0], [0, 0, 0, 1]])
        try:
            ecg = simulate_mask_ecg(labels, affine, seed=1, where=GUESSED)
        except GeometryError as error:
            refused[path.stem] = str(error)
            assert len(str(error).splitlines()) == 1
            continue
        made += 1
        require_an_ecg(ecg)
        assert ecg.facts["Anatomy"] == "template" and ecg.facts["PoseFrom"] == "drawn"
        scar = ecg.facts["ScarPercent"]
        healthy = ecg.beat if healthy is None else healthy  # the first is normal
        changed[path.stem] = (scar, float(np.sqrt(((ecg.beat - healthy) ** 2).mean())))
    print(f"{made} ECGs, {len(refused)} refused: {refused}")
    assert made + len(refused) == 70 and made >= 68
    normal = [change for name, (_, change) in changed.items() if name.startswith("N")]
    infarcted = [change for name, (scar, change) in changed.items() if scar > 10]
    assert max(normal) == 0.0 and min(infarcted) > 0.01
    scars, changes = np.array(list(changed.values())).T
    ranks = np.corrcoef(scars.argsort().argsort(), changes.argsort().argsort())[0, 1]
    print(f"rank correlation of scar and change of the beat {ranks:.2f}")
    assert ranks > 0.7


@pytest.mark.parametrize("case", ["1", "2", "4", "5"])
def test_sunnybrook_gives_a_healthy_ecg_either_way(data_folder: Path, case: str) -> None:
    image = nibabel.load(data_folder / f"cmr/sunnybrook/SC-HF-I-{case}_ED_mask.nii.gz")
    labels = np.asarray(image.dataobj)  # type: ignore[attr-defined]
    template = simulate_mask_ecg(labels, image.affine, seed=1, where=GUESSED)  # type: ignore[attr-defined]
    fitted = simulate_mask_ecg(labels, image.affine, seed=1, where=GUESSED, anatomy="fitted")  # type: ignore[attr-defined]
    for ecg in (template, fitted):
        require_an_ecg(ecg)
        assert ecg.facts["ScarPercent"] == 0.0
    assert fitted.facts["PoseFrom"] == "segmentation"
    assert 60 < fitted.facts["CavityLength"] < 120
