"""Folds and creases of the paper, which the smooth surface of a page passes over: its lines are followed there block by block.

From the blocks whose lines lie where the surface has them, neighbours are asked how far their own lines are from theirs. A
place is known up to a whole millimetre: a fold that moves lines by more than STEP_MM between two neighbours, 0.07 mm a mm,
is not followed.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import cv2
import numpy as np

from scartools.ecg.page_flat import MESH, Mesh, flatten, place_lines

BLOCK_MM = 10.0  # of a block; its neighbour is half of it away
LEAST_TRUST = 0.3  # of a block that is asked
AT_HOME_MM = 0.12  # lines this near their places are where the surface has them
STEP_MM = 0.36  # from one block to the next: well below half a millimetre, where it could be either way
LEAST_MM = 0.2  # a page with no block further off has no crease
ROUNDS = 6  # the middle of a fold is seen once its sides are flat
DONE_MM = 0.08
FEWEST = 4  # blocks that must be off
SPREAD = 1.0  # blocks, of what neighbours say of a block that cannot be asked
PERIOD_MM = 1.0


@dataclass(frozen=True)
class Creases:
    """By how much paper lies beside its smooth surface.

    moves      float (rows, columns, 2): mm right of and below its place, block by block
    first      x, y of the first block's middle, mm from the corner of the page; step: from block to block
    """

    moves: np.ndarray
    first: np.ndarray
    step: np.ndarray

    @property
    def most_mm(self) -> float:
        """The largest move."""
        return float(np.abs(self.moves).max())

    def at(self, places: np.ndarray) -> np.ndarray:
        """Moves (N, 2) in mm at places (N, 2) in mm."""
        last = np.array(self.moves.shape[1::-1]) - 1
        block = np.clip(
            (places - self.first) / self.step, 0, last
        )  # x, y; beyond the middles those at the edge hold
        low = np.minimum(block.astype(int), np.maximum(last - 1, 0))
        (x, y), (right, below) = low.T, np.minimum(low + 1, last).T
        share = (block - low)[:, :, None]
        upper = self.moves[y, x] * (1 - share[:, 0]) + self.moves[y, right] * share[:, 0]
        lower = self.moves[below, x] * (1 - share[:, 0]) + self.moves[below, right] * share[:, 0]
        return np.asarray(upper * (1 - share[:, 1]) + lower * share[:, 1])


def find_creases(lines: np.ndarray, mesh: Mesh, px_per_mm: float) -> Creases | None:
    """Find where lines of a page leave its smooth surface; None where they do nowhere.

    lines      float32 (H, W), darkness of the grid
    mesh       of the page flattened to `px_per_mm`, into `lines`
    """
    found: Creases | None = None
    for turn in range(ROUNDS):
        bent = mesh if found is None else creased(mesh, found, px_per_mm)
        placed = place_lines(flatten(lines, bent), px_per_mm, BLOCK_MM)
        columns = len(np.unique(placed.centre[:, 0]))
        shifts = placed.shift.reshape(-1, columns, 2)
        trusted = placed.trust.reshape(-1, columns, 2) > LEAST_TRUST
        moves = np.stack([_followed(shifts[..., k], trusted[..., k]) for k in (0, 1)], axis=-1)
        off = np.nan_to_num(np.abs(moves))
        if turn == 0 and (off > LEAST_MM).sum() < FEWEST:
            return None
        filled = np.stack([_filled(moves[..., k]) for k in (0, 1)], axis=-1)
        if found is None:
            centres = placed.centre.reshape(-1, columns, 2) / px_per_mm
            step = centres[1, 1] - centres[0, 0]
            if (step <= 0).any():
                return None  # too small for two blocks
            found = Creases(filled, centres[0, 0], step)
        else:
            found = replace(found, moves=found.moves + filled)
        if (off > DONE_MM).sum() < FEWEST:
            break
    return found


def creased(mesh: Mesh, creases: Creases, px_per_mm: float, corner: np.ndarray | float = 0.0) -> Mesh:
    """The mesh that follows the creases.

    px_per_mm  of the mesh; corner: x, y in mm of its first pixel, from the corner of the page the creases were found on
    """
    rows, columns = mesh.points.shape[:2]
    x, y = np.meshgrid(np.arange(columns) * MESH, np.arange(rows) * MESH)
    places = np.stack([x.ravel(), y.ravel()], axis=1).astype(float)
    places += creases.at(places / px_per_mm + corner) * px_per_mm
    return replace(mesh, points=mesh.to_source(places).reshape(rows, columns, 2))


def _followed(shift: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """Shifts (rows, columns) in mm with the whole millimetres that neighbours give them; NaN where none is known."""
    known = np.full(shift.shape, np.nan)
    home = cv2.connectedComponents((trusted & (np.abs(shift) < AT_HOME_MM)).view(np.uint8), connectivity=4)[1]
    if not home.any():
        return known
    largest = home == np.argmax(np.bincount(home[home > 0]))
    known[largest] = shift[largest]
    waiting = deque(zip(*np.nonzero(largest), strict=True))
    while waiting:
        row, column = waiting.popleft()
        for at in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            if not (0 <= at[0] < shift.shape[0] and 0 <= at[1] < shift.shape[1]):
                continue
            if not trusted[at] or np.isfinite(known[at]):
                continue
            own = shift[at] + PERIOD_MM * np.round((known[row, column] - shift[at]) / PERIOD_MM)
            if abs(own - known[row, column]) < STEP_MM:
                known[at] = own
                waiting.append(at)
    return known


def _filled(moves: np.ndarray) -> np.ndarray:
    """Moves (rows, columns) with what neighbours say where none is known; 0 far from all that are."""
    known = np.isfinite(moves)
    weight, total = (
        cv2.GaussianBlur(layer, (9, 9), SPREAD, borderType=cv2.BORDER_REFLECT)  # four SPREAD to either side
        for layer in (known.astype(float), np.where(known, moves, 0.0))
    )
    near = total / np.maximum(weight, 0.02)
    return np.where(known, moves, near)
