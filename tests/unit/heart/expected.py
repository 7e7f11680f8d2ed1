"""What holds of every answer, whatever the mask: a refusal in one line, an exact partition, sums that agree."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from scartools.errors import ScartoolsError
from scartools.heart.segments import Segments


def refused_well(error: ScartoolsError) -> bool:
    """One line that says what to do, and the status of bad input."""
    return "\n" not in str(error) and bool(error.remedy) and error.status == 3


def require_partition(labels: np.ndarray, found: Segments) -> None:
    """Each voxel of myocardium of an included slice has one segment, and no other voxel has any."""
    axis = found.facts["SliceAxis"]
    segments, wall = (np.moveaxis(part, axis, 2) for part in (found.map, np.isin(labels, (2, 3, 4))))
    left_out = [entry["Slice"] for entry in found.facts["ExcludedSlices"]]
    kept = np.setdiff1d(np.arange(wall.shape[2]), left_out)
    np.testing.assert_array_equal(segments[:, :, kept] > 0, wall[:, :, kept])
    assert not segments[:, :, left_out].any()
    assert found.facts["UnassignedVoxels"] == wall.sum() - np.count_nonzero(segments)
    assert found.map.max() <= found.model


def require_sound(rows: tuple[dict[str, Any], ...]) -> None:
    """Parts add up to the ventricle, shares are shares, nothing is infinite."""
    whole = rows[-1]
    parts = [row for row in rows if row["level"] in ("segment", "unassigned")]
    for column in ("myocardium_ml", "scar_ml", "no_reflow_ml") if parts else ():
        assert np.nansum([row[column] for row in parts]) == pytest.approx(whole[column], rel=1e-9, abs=1e-300)
    for row, (column, value) in itertools.product(rows, whole.items()):
        assert not (isinstance(value, float) and math.isinf(row[column]))
        if column.endswith("_percent"):
            assert not row[column] < 0 and not row[column] > 100
