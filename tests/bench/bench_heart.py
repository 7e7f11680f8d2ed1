"""How fast segments and scar are measured: milliseconds and peak memory of aha17 and quantify, arrays in, tables out.

    python tests/bench/bench_heart.py [--rounds N] [--large-rounds N]

Two stacks are drawn: 256 x 256 x 12 at 1.4 x 1.4 x 8 mm, as LGE is, and 512 x 512 x 120 at 0.7 x 0.7 x 0.8 mm, as CT is.
Milliseconds are processor time of this one process, which a busy machine lengthens far less than the clock's, without the
start of Python; the best round counts. Memory is what numpy holds above the inputs at the worst moment (tracemalloc, in a
round of its own, because it slows the work). The peer of the same round is scipy's exact distance transform of the same
wall, the commonest single step of tools like this; a ratio below 1 is faster than that one step.
"""

from __future__ import annotations

import argparse
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
from scipy import ndimage

from scartools.heart.quantities import quantify
from scartools.heart.scar_from_image import ScarRule, scar_from_image
from scartools.heart.segments import label_segments

STACKS = {"256x256x12": (256, 12, 1.4, 8.0), "512x512x120": (512, 120, 0.7, 0.8)}


def stack(size: int, depth: int, pixel: float, step: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels uint8, an LGE image float32, and the affine: half an ellipsoid of LV, its RV, a lateral scar."""
    matrix = np.diag([-pixel, pixel, step, 1.0])
    side = (np.arange(size) - (size - 1) / 2) * pixel
    x, y = np.meshgrid(-side, side, indexing="ij")
    labels = np.zeros((size, size, depth), dtype=np.uint8, order="F")  # as files have it
    for k in range(depth):
        z = (depth - 1 - k + 0.5) * step  # mm from the base
        inner, outer = (across**2 * (1 - (z / along) ** 2) for across, along in ((25.0, 84.0), (35.0, 94.0)))
        radius = x**2 + y**2
        away = np.hypot(x - 30, y) ** 2
        labels[:, :, k][(away < max(outer, 0)) & (radius >= outer)] = 5
        labels[:, :, k][radius < outer] = 2
        labels[:, :, k][(radius < (inner + outer) / 2) & (x < -np.abs(y))] = 3
        labels[:, :, k][(labels[:, :, k] == 3) & (radius >= outer)] = 0
        labels[:, :, k][radius < inner] = 1
    image = np.select([labels == 3, labels == 2, labels == 0], [200.0, 30.0, 20.0], 120.0).astype(np.float32)
    image += np.random.default_rng(0).normal(0, 6, labels.shape).astype(np.float32)
    image = np.asfortranarray(image)
    return labels, image, matrix


def best(work: Callable[[], object], rounds: int) -> float:
    """Processor milliseconds of the best round."""
    took = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        took.append(time.process_time() - start)
    return 1000 * min(took)


def peak_mb(work: Callable[[], object]) -> float:
    """What numpy and Python hold above what they held before, MB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 1e6
    finally:
        tracemalloc.stop()


def works(
    labels: np.ndarray, image: np.ndarray, matrix: np.ndarray, edges: tuple[float, float]
) -> dict[str, Callable[[], object]]:
    """What is timed on one stack, the peer first; `edges` are pixel and step, mm."""
    found = label_segments(labels, matrix)
    wall = (labels >= 2) & (labels <= 4)
    return {
        "distance transform (peer)": lambda: ndimage.distance_transform_edt(wall, (edges[0], *edges)),
        "aha17": lambda: label_segments(labels, matrix),
        "quantify, 100 chords": lambda: quantify(labels, matrix, segments=found),
        "quantify, 24 chords": lambda: quantify(labels, matrix, segments=found, chords=24),
        "scar by 5-SD": lambda: scar_from_image(labels, image, matrix, ScarRule("sd")),
        "scar by ewa": lambda: scar_from_image(labels, image, matrix, ScarRule("ewa")),
    }


def main() -> None:
    """Print milliseconds, the ratio to the peer and the peak memory of each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="of the small stack")
    parser.add_argument("--large-rounds", type=int, default=3)
    options = parser.parse_args()
    for name, shape in STACKS.items():
        rounds = options.rounds if shape[1] < 50 else options.large_rounds
        peer = 0.0
        for what, work in works(*stack(*shape), shape[2:]).items():
            took = best(work, rounds)
            peer = peer or took
            print(
                f"{name:12} {what:26} {took:8.1f} ms   ratio {took / peer:6.2f}   peak {peak_mb(work):7.1f} MB"
            )


if __name__ == "__main__":
    main()
