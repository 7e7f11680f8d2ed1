"""Draw simulated subjects, one a row: LGE slices, scar and activation of the wall, and the beat.

    python tools/draw_simulated.py examples/simulated.png --seed 3

The subjects are the first of the seed whose infarct lies in the territory of the LAD, the RCA and the LCX, and the
first with a mid-wall stripe. All is drawn from the simulation's own functions; nothing is chosen by eye.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from PIL import Image

from scartools.ecg.reading import LEADS
from scartools.simulation.activation import Conduction, activation_times, voxel_heart
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.case import SimulatedCase, simulate_case
from scartools.simulation.ecg import simulate_beat
from scartools.simulation.scar import depth_field, fibrosis, wall_grid
from scartools.simulation.stack import heart_steps
from scartools.simulation.subject import Subject, draw_subject

ROWS = ("LAD", "RCA", "LCX", "midwall")
SLICES = (0.80, 0.5, 0.22)  # levels shown, of the cavity length
HALF_MM = 55.0
RINGS = (0.0, 1 / 3, 2 / 3, 1.0)


def first_with(kind: str, seed: int) -> Subject:
    """The first subject of a seed with one scar of this territory or pattern, large enough to be seen."""
    for index in range(1, 500):
        subject = draw_subject(index, seed)
        if len(subject.scars) == 1 and kind in (subject.scars[0].territory, subject.scars[0].pattern):
            scar = subject.scars[0]
            large = scar.pattern != "ischaemic" or (len(scar.segments) >= 3 and scar.transmural_extent > 0.7)
            if scar.focal is None and large:
                return subject
    raise SystemExit(f"no subject of seed {seed} has {kind}")


def draw_slice(axes: Axes, case: SimulatedCase, level: float) -> None:
    """One slice, anterior up and septum on the left as seen from the apex, with the border of the scar."""
    shape, pose = case.subject.shape, case.subject.pose
    start, steps = heart_steps(pose, case.subject.stack)
    k = int(
        np.clip(round((level * shape.cavity_length_mm - start[2]) / steps[2, 2]), 0, case.image.shape[2] - 1)
    )
    grid = np.arange(-HALF_MM, HALF_MM, 0.75)
    # Columns run from the septum to the lateral wall, rows from anterior to inferior.
    s, a = -grid[None, :] + 0 * grid[:, None] + 12.0, -grid[:, None] + 0 * grid[None, :]
    offset = np.stack([s - start[0] - steps[0, 2] * k, a - start[1] - steps[1, 2] * k])
    i, j = np.tensordot(np.linalg.inv(steps[:2, :2]), offset, axes=1)
    i, j = (np.clip(np.rint(v).astype(int), 0, n - 1) for v, n in zip((i, j), case.image.shape, strict=False))
    white = 1.4 * float(np.median(case.image[case.labels == 1]))
    axes.imshow(case.image[i, j, k], cmap="gray", vmin=0, vmax=white, interpolation="bilinear")
    scar = (case.labels[i, j, k] == 3) | (case.labels[i, j, k] == 4)
    if scar.any():
        axes.contour(scar, [0.5], colors="#ff7f2a", linewidths=0.7)
    axes.set_axis_off()


def polar(axes: Axes, shape: HeartShape, values: np.ndarray, colours: str, top: float) -> object:
    """Values of the unrolled wall (angle, level) as a bullseye: apex in the middle, anterior up, septum on the left."""
    theta, b = wall_grid(shape)
    level = b[0] / shape.cavity_length_mm
    shown = (level >= -0.05) & (level <= 1.0)
    angle = np.append(theta[:, 0], 2 * np.pi)
    mesh = axes.pcolormesh(
        angle, level[shown] + 0.05, np.vstack([values, values[:1]])[:, shown].T,
        cmap=colours, vmin=0, vmax=top, shading="nearest", rasterized=True,
    )  # fmt: skip
    axes.set_theta_zero_location("N")
    axes.set_rlim(0, 1.05)
    axes.set_xticks([])
    axes.set_yticks([])
    turn = np.linspace(0, 2 * np.pi, 181)
    for ring in RINGS:
        axes.plot(turn, np.full(turn.size, ring + 0.05), color="0.3", linewidth=0.5)
    for degrees, low in [(30 + 60 * n, 1 / 3) for n in range(6)] + [(45 + 90 * n, 0.0) for n in range(4)]:
        axes.plot(
            np.radians([degrees] * 2), [low + 0.05, 1.05 if low else 1 / 3 + 0.05], color="0.3", linewidth=0.5
        )
    return mesh


def wall_maps(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """Mean fibrosis through the wall, and activation in ms of its outer half; both (angle, level)."""
    shape, field = subject.shape, depth_field(subject.shape, subject.scars)
    theta, b = np.broadcast_arrays(*wall_grid(shape))
    depths = (np.arange(10) + 0.5) / 10
    share = np.mean(
        [fibrosis(field, theta.ravel(), b.ravel(), np.full(theta.size, depth)) for depth in depths], axis=0
    ).reshape(theta.shape)
    heart = voxel_heart(shape, field)
    times = activation_times(heart, shape, Conduction())
    chosen = np.isfinite(times) & ~heart.right & (heart.depth > 0.4)
    s, a, level = heart.points[chosen].T
    angle = np.arctan2(s, a)
    time = np.full(theta.shape, np.nan)
    radius = shape.cavity_radius_mm
    for k in range(theta.shape[1]):
        near = np.abs(level - b[0, k]) < 4.0
        if near.any():
            apart = (theta[:, :1] - angle[near][None, :] + np.pi) % (2 * np.pi) - np.pi
            distance = np.hypot(apart * radius, level[near][None, :] - b[0, k])
            nearest = distance.argmin(axis=1)
            found = times[chosen][near][nearest]
            time[:, k] = np.where(distance.min(axis=1) < 6.0, found, np.nan)
    return share, time


def draw_beat(axes: Axes, subject: Subject) -> None:
    """Twelve leads in four columns, 1 mV as high as 0.4 s are long."""
    beat = simulate_beat(subject).signals[:, 100:500]
    lines = []
    for n, signal in enumerate(beat):
        column, row = divmod(n, 3)
        lines.append(np.column_stack([column * 1.0 + np.arange(400) / 500, signal * 0.32 - row * 0.75]))
        axes.text(column * 1.0, 0.28 - row * 0.75, LEADS[n], fontsize=6, color="0.35")
    axes.add_collection(LineCollection(lines, colors="black", linewidths=0.7))
    axes.set_xlim(-0.05, 3.9)
    axes.set_ylim(-2.2, 0.6)
    axes.set_axis_off()


def main() -> None:
    """Draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=3)
    chosen = parser.parse_args()
    figure = plt.figure(dpi=100, figsize=(11.0, 1.52 * len(ROWS) + 0.25))
    grid = figure.add_gridspec(
        len(ROWS), 6, width_ratios=[1, 1, 1, 1, 1, 2.3], wspace=0.05, hspace=0.04,
        left=0.005, right=0.995, top=0.955, bottom=0.005,
    )  # fmt: skip
    titles = ("LGE, basal", "mid", "apical", "fibrosis of the wall", "activation, 0 to 140 ms", "the beat")
    for row, kind in enumerate(ROWS):
        subject = first_with(kind, chosen.seed)
        case = simulate_case(subject)
        share, time = wall_maps(subject)
        cells = [figure.add_subplot(grid[row, n], polar=n in (3, 4)) for n in range(6)]
        for axes, level in zip(cells, SLICES, strict=False):
            draw_slice(axes, case, level)
        polar(cells[3], subject.shape, share, "inferno", 1.0)
        polar(cells[4], subject.shape, time, "viridis_r", 140.0)
        draw_beat(cells[5], subject)
        name = {"midwall": "mid-wall stripe"}.get(kind, kind)
        label = {
            "color": "white",
            "fontsize": 8,
            "bbox": {"facecolor": "black", "edgecolor": "none", "pad": 1.5},
        }
        cells[0].text(0.03, 0.05, name, transform=cells[0].transAxes, **label)
        if row == 0:
            for axes, title in zip(cells, titles, strict=True):
                axes.set_title(title, fontsize=8)
    figure.canvas.draw()
    drawn = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())[:, :, :3])
    drawn.quantize(160, dither=Image.Dither.NONE).save(chosen.output, optimize=True)
    print(f"{chosen.output}: {chosen.output.stat().st_size // 1024} kB")


if __name__ == "__main__":
    main()
