"""The scar of each AHA segment of a truth, in the frame that predictions were cut in."""

from __future__ import annotations

from typing import Any

import numpy as np

from scartools.evaluation.segment_detection import scar_by_segment
from scartools.heart.segments import label_segments


class TruthSegments:
    """One case; its segments are made once for all arms that share an anchor."""

    def __init__(
        self,
        labels: np.ndarray,
        affine: np.ndarray,
        *,
        prior: np.ndarray | None = None,
        anchor: str | None = None,
        angle: float | None = None,
    ) -> None:
        """Keep what is known.

        labels         uint8 (X, Y, Z), labels of the toolkit
        affine         float (4, 4), voxel index to RAS+ mm
        prior          uint8 (X, Y, Z), AHA segments that someone gave for the truth; they come first
        anchor, angle  what fixes the angle, where the user says so; degrees, see scartools.heart.segments
        """
        self._labels, self._affine, self._prior = labels, affine, prior
        self._anchor, self._angle = anchor, angle
        self._made: dict[str, dict[int, float]] = {}

    def by(self, anchor: str) -> dict[int, float]:
        """Return the percentage of scar by segment.

        anchor  how the predictions were anchored, for a truth of which nothing is given
        Raises InputError or GeometryError where the segments cannot be told.
        """
        rule: Any = "angle" if self._angle is not None else self._anchor or anchor
        key = "given" if self._prior is not None else str(rule)
        if key not in self._made:
            segments = (
                self._prior
                if self._prior is not None
                else label_segments(self._labels, self._affine, anchor=rule, angle=self._angle).map
            )
            self._made[key] = scar_by_segment(self._labels, segments)
        return self._made[key]
