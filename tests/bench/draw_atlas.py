"""Draw what differs between our 17 segments and those of a published atlas, slice by slice and along the axis.

    python tests/bench/draw_atlas.py FIGURE.png

The atlas is the AHA-17 template of the shared data (MIT licence, Ramzan et al., arXiv:2506.15549), which holds LV, RV and 17
segments. Rows: the atlas, ours, and where they differ. Slices are seen from the apex; SCARTOOLS_DATA names the data.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure

from scartools.heart.segments import label_segments

SLICES = {"basal": 43, "mid": 28, "apical": 12}
COLOURS = ListedColormap(["white", *colormaps["tab20"].colors[:17]])  # type: ignore[attr-defined]
NORM = BoundaryNorm(np.arange(-0.5, 18), 18)
NUMBERS = {"fontsize": 7, "ha": "center", "va": "center"}


def atlas() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, the atlas's own segments, affine."""
    data = Path(os.environ.get("SCARTOOLS_DATA", Path(__file__).parents[3] / "shared" / "data"))
    image = nibabel.load(data / "cmr/aha17_template/AHA17_model_ED.nii.gz")
    values = np.asarray(image.dataobj)[..., 0]  # type: ignore[attr-defined]
    segments = np.where(values <= 17, values, 0)
    labels = np.select([segments > 0, values == 21, values == 24], [2, 1, 5], default=0).astype(np.uint8)
    return labels, segments, image.affine  # type: ignore[attr-defined]


def main(target: str) -> None:
    """Draw and print the agreement."""
    labels, theirs, affine = atlas()
    ours = label_segments(labels, affine, complete_ring=0.5).map
    wall = labels == 2
    differ = np.where(wall, 1 + (ours != theirs), 0)
    right = (ours == theirs)[wall].mean()
    i, j, _ = (part.nonzero()[0] for part in (wall.any((1, 2)), wall.any((0, 2)), wall.any((0, 1))))
    figure = Figure(figsize=(7.2, 5.6), layout="constrained")
    axes = figure.subplots(3, 4, width_ratios=(1, 1, 1, 1.05))
    middle = int(round(float(np.argwhere(labels == 1)[:, 1].mean())))
    for row, (name, volume) in enumerate((("atlas", theirs), ("scartools", ours), ("differ", differ))):
        for column, (ring, k) in enumerate(SLICES.items()):
            plane = volume[i[0] - 2 : i[-1] + 3, j[0] - 2 : j[-1] + 3, k]
            show(axes[row, column], plane, name, 1.0)
            axes[row, column].set_title(f"{ring}, slice {k}" if row == 0 else "", fontsize=8)
        show(axes[row, 3], volume[i[0] - 2 : i[-1] + 3, middle, :55], name, 2.0 / 1.25)
        axes[row, 0].set_ylabel(name, fontsize=9)
    axes[0, 3].set_title("along the axis, base up", fontsize=8)
    figure.suptitle(f"AHA-17 atlas: {100 * right:.1f} % of {wall.sum()} voxels alike", fontsize=9)
    figure.savefig(target, dpi=110)
    print(f"{100 * right:.2f} % of {wall.sum()} voxels alike")


def show(axis: Any, plane: np.ndarray, name: str, aspect: float) -> None:
    """One panel: array (across, up), the first index growing to the patient's left, as in LAS storage."""
    axis.set_xticks([])
    axis.set_yticks([])
    if name == "differ":
        palette = ListedColormap(["white", "#d9d9d9", "#c0392b"])
        axis.imshow(
            plane.T, origin="lower", cmap=palette, vmin=0, vmax=2, interpolation="nearest", aspect=aspect
        )
        return
    axis.imshow(plane.T, origin="lower", cmap=COLOURS, norm=NORM, interpolation="nearest", aspect=aspect)
    for number in np.unique(plane[plane > 0]).tolist():
        places = np.argwhere(plane == number)
        if len(places) > 15:
            nearest = places[np.argmin(np.linalg.norm(places - places.mean(axis=0), axis=1))]
            axis.text(*nearest, str(number), **NUMBERS)


if __name__ == "__main__":
    main(sys.argv[1])
