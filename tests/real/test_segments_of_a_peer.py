"""Our segments of the atlas beside those of platipy (Apache-2.0), which works on the contours of a planning CT.

    pip install platipy==0.7.2      in an environment of its own: it is no dependency

It wants a left atrium and the whole heart, which stand here as a ball on the base and the union; it takes the outer 8 mm
of the ventricle for its wall, turns the heart upright by resampling, and starts at the anterior end of the RV.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from scartools.heart.segments import label_segments
from tests.real.test_heart_on_real_data import atlas, neighbours

pytestmark = pytest.mark.real
MARGIN = ((10, 10), (10, 10), (20, 40))  # voxels, so that nothing is cut when the heart is turned


def peer_segments(labels: np.ndarray) -> np.ndarray:
    """Segments by platipy, uint8 (X, Y, Z), 0 where it sees no wall; voxels are 1.25 x 1.25 x 2 mm, LAS."""
    ventricle = pytest.importorskip("platipy.imaging.utils.ventricle", reason="PEER ABSENT: platipy")
    import SimpleITK as sitk

    if not hasattr(np, "in1d"):  # gone from numpy 2.4, still called by platipy 0.7.2
        np.in1d = np.isin  # type: ignore[attr-defined]
    padded = np.pad(labels, MARGIN)
    i, j, k = np.indices(padded.shape)
    left, right = np.isin(padded, (1, 2)), padded == 5
    top = int(np.flatnonzero(left.any(axis=(0, 1)))[-1])
    middle = np.argwhere(left[:, :, top - 10]).mean(axis=0)
    away = np.hypot(1.25 * (i - middle[0]), 1.25 * (j - middle[1])) ** 2 + (2.0 * (k - top - 9)) ** 2
    atrium = (away < 22.0**2) & (k > top)

    def picture(mask: np.ndarray) -> sitk.Image:
        image = sitk.GetImageFromArray(mask[:, ::-1].transpose(2, 1, 0).astype(np.uint8))  # LPS
        image.SetSpacing((1.25, 1.25, 2.0))
        return image

    masks = {"Ventricle_L": left, "Atrium_L": atrium, "Ventricle_R": right, "Heart": left | right | atrium}
    found = ventricle.generate_left_ventricle_segments(
        {name: picture(mask) for name, mask in masks.items()}, myocardium_thickness_mm=8
    )
    segments = np.zeros(padded.shape, dtype=np.uint8)
    for name, image in found.items():
        number = re.search(r"Segment([0-9]+)$", str(name))
        if number:
            segments[sitk.GetArrayFromImage(image).transpose(2, 1, 0)[:, ::-1] > 0] = int(number[1])
    return segments[tuple(slice(low, -high) for low, high in MARGIN)]


def test_the_atlas_agrees_with_us_more_than_with_a_peer_and_the_peer_with_us(data_folder: Path) -> None:
    labels, segments, affine = atlas(data_folder)
    theirs = peer_segments(labels)
    ours = label_segments(labels, affine, complete_ring=0.5, anchor="anterior-insertion").map
    both = (theirs > 0) & (ours > 0)
    assert both.sum() > 0.9 * (labels == 2).sum()
    assert (ours == theirs)[both].mean() > 0.80
    assert (ours == segments)[both].mean() > (theirs == segments)[both].mean()
    differ = both & (ours != theirs)
    pairs = set(zip(ours[differ].tolist(), theirs[differ].tolist(), strict=True))
    assert pairs <= neighbours(ours) | neighbours(theirs) | neighbours(segments)
