"""Where each millimetre of the paper is: from a scan, a screenshot or a photograph to an upright page.

The printed lattice is followed over the whole picture, so that a turned, slanted or curled page becomes one on which
the lines are level and upright and a millimetre has the same number of pixels everywhere. Quarter turns are left as
they are: only names and traces tell which side is up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import cv2
import numpy as np

from scartools.ecg.page_blots import paint_out_blots
from scartools.ecg.page_comb import Unit, choose_unit, teeth
from scartools.ecg.page_creases import creased, find_creases
from scartools.ecg.page_flat import Mesh, flat_mesh, flatten, place_lines, refit
from scartools.ecg.page_lattice import WINDOW, Lattice, Windows, find_lattice
from scartools.ecg.page_paper import check_picture
from scartools.ecg.page_surface import Surface, evaluate

WORKING_PX = 1300  # the lattice is followed on a picture of at most this size
LEAST_TURN = 1.0  # degrees, of a page without a grid
LEAST_SHARE = 0.25  # of the windows that must belong to one lattice
LEAST_SCORE = 0.5
COARSEST, FINEST = 4.0, 12.0  # px a mm of the page returned
STRAIGHT_TURN = 0.03  # degrees; a page straighter than this,
STRAIGHT_ASPECT = 0.002  # more equal along both axes than this
STRAIGHT_MM = 0.15  # and nowhere further off than this is returned as it was given
UNFOLDED = 0.985  # share of the blocks that belong to the surface, from which on there is no fold beside it
LETTER_MM = 279.0  # width of a page of which nothing is known
AROUND = 20.0  # mm kept around the lattice: names and scales are printed there
LARGEST_GROWTH = 2.0  # local scale over its median, beyond which the surface is not paper any more


@dataclass(frozen=True)
class Quality:
    """How well one lattice explains the page.

    median_mm, most_mm  half and 95 % of the blocks lie within these residuals, mm
    share               of the blocks of the page that belong to the lattice, 0 to 1
    """

    median_mm: float
    most_mm: float
    share: float


@dataclass(frozen=True)
class Frame:
    """An upright page in millimetres.

    image             uint8 (H, W, 3), RGB
    px_per_mm         pixels a mm of `image`, along both axes
    source_px_per_mm  along x and y of the picture as given, at its middle
    grid              "measured", or "none": no lattice was found and px_per_mm is a guess
    alternatives      other px_per_mm the lattice allows, likeliest first: factors of 5 that teeth cannot exclude
    quality           None without a grid
    mesh              where `image` lies in the picture as given; None where it is that picture
    facts             for the sidecar
    """

    image: np.ndarray
    px_per_mm: float
    source_px_per_mm: tuple[float, float]
    grid: Literal["measured", "none"]
    alternatives: tuple[float, ...] = ()
    quality: Quality | None = None
    mesh: Mesh | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def to_page(self, points: np.ndarray) -> np.ndarray:
        """x, y float (N, 2) of `image` to x, y float (N, 2) of the picture as given, px."""
        points = np.asarray(points, dtype=float).reshape(-1, 2)
        return points.copy() if self.mesh is None else self.mesh.to_source(points)


def find_frame(image: np.ndarray) -> Frame:
    """Find the millimetre lattice of a page and straighten the page along it.

    image  uint8 (H, W, 3), RGB: scan, screenshot or photograph, turned by at most 45 degrees from upright or from a
           quarter turn
    Raises InputError for a picture that is too small or blank.
    """
    check_picture(image)
    work, scale = _working(image)
    lines = grid_darkness(work)
    found = find_lattice(lines)
    if found is None or not _believable(found[0]):
        return _without_grid(image, work, scale)
    lattice, windows = found
    unit = _unit(lines, lattice, windows)
    if unit is None:
        return _without_grid(image, work, scale)
    surface = lattice.surface
    surface = replace(surface, coefficients=surface.coefficients * np.array(unit.mm)[:, None, None])
    surface, quality, area = _refine(lines, surface, lattice, windows)
    return _straighten(image, surface, lines, scale, unit, quality, area)


def _working(image: np.ndarray) -> tuple[np.ndarray, float]:
    """The picture reduced to working size, and working px a px of the picture."""
    scale = WORKING_PX / max(image.shape[:2])
    if scale >= 1:
        return image, 1.0
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), scale


def grid_darkness(image: np.ndarray) -> np.ndarray:
    """float32 (H, W): how much darker than the paper around it each pixel is in its darkest colour.

    Clipped, so that a black trace weighs no more than a grid line.
    """
    height, width = image.shape[:2]
    step = max(2, round(max(height, width) / 250))
    small = cv2.resize(image, (max(width // step, 8), max(height // step, 8)), interpolation=cv2.INTER_AREA)
    paper = cv2.GaussianBlur(cv2.medianBlur(small, 15), (0, 0), 4)
    paper = cv2.resize(np.maximum(paper, 6), (width, height), interpolation=cv2.INTER_LINEAR)
    share = cv2.divide(image, paper, scale=1.0, dtype=cv2.CV_32F)
    dark = np.clip(1.0 - cv2.min(cv2.min(share[..., 0], share[..., 1]), share[..., 2]), 0.0, 1.0)
    return np.minimum(dark, max(float(np.percentile(dark[::3, ::3], 95)), 0.02))


def _believable(lattice: Lattice) -> bool:
    belong = np.sqrt(lattice.weights.prod(axis=0)) > 0.3
    return bool(belong.mean() >= LEAST_SHARE and lattice.score >= LEAST_SCORE)


def _unit(lines: np.ndarray, lattice: Lattice, windows: Windows) -> Unit | None:
    """Flatten the grid along the lines that were followed and decide how far apart they are."""
    value, slope = evaluate(lattice.surface, windows.centre)
    belong = np.sqrt(lattice.weights.prod(axis=0)) > 0.3
    periods = tuple(float(p) for p in np.median(1 / np.linalg.norm(slope[belong], axis=2), axis=0))
    px = max(float(np.sqrt(periods[0] * periods[1])), 2.2)
    reach = WINDOW / 2 / px
    low, high = value[belong].min(axis=0) - reach, value[belong].max(axis=0) + reach
    flat = flatten(lines, flat_mesh(lattice.surface, low, high, px))
    return choose_unit([teeth(flat, px), teeth(flat.T, px)], (periods[0], periods[1]), px, high - low)


def _refine(
    lines: np.ndarray, surface: Surface, lattice: Lattice, windows: Windows
) -> tuple[Surface, Quality, tuple[np.ndarray, np.ndarray]]:
    """Place the lines on the flattened page; the finer surface, its quality and the corners (mm) of the page."""
    belong = np.sqrt(lattice.weights.prod(axis=0)) > 0.3
    value, slope = evaluate(surface, windows.centre[belong])
    px = max(1 / float(np.median(np.abs(np.linalg.det(slope)))) ** 0.5, 2.5)
    reach = WINDOW / 2 / px
    low, high = value.min(axis=0) - reach, value.max(axis=0) + reach
    for _ in range(2):
        mesh = flat_mesh(surface, low, high, px)
        placed = place_lines(flatten(lines, mesh), px)
        surface, residual, robust = refit(surface, mesh, placed, low, px)
    good = robust.min(axis=1) > 0.2
    miss = np.abs(residual[good]) if good.any() else np.full((1, 2), np.inf)
    used = placed.trust.min(axis=1) > 0.02
    quality = Quality(
        float(np.median(miss)), float(np.percentile(miss, 95)), float(good.sum() / max(used.sum(), 1))
    )
    return surface, quality, (low, high)


def _straighten(
    image: np.ndarray,
    surface: Surface,
    lines: np.ndarray,
    scale: float,
    unit: Unit,
    quality: Quality,
    area: tuple[np.ndarray, np.ndarray],
) -> Frame:
    """Resample the picture along the surface, or leave it where it is straight already."""
    inner = flat_mesh(surface, *area, 1.0).points.reshape(-1, 2)
    size = np.array([image.shape[1], image.shape[0]])
    inner = inner[((inner >= 0) & (inner < size * scale)).all(axis=1)]
    value, slope = evaluate(surface, inner)
    across, down = (float(np.median(1 / np.linalg.norm(slope[:, k], axis=1))) / scale for k in (0, 1))
    turn, plane_mm, bent = _straightness(inner / scale, value)
    aspect = plane_mm[0] / plane_mm[1]
    facts = {
        "Grid": "measured",
        "TurnDegrees": round(turn, 3),
        "BentMm": round(bent, 2),
        "AspectXOverY": round(across / down, 4),
        "LatticeResidualMm": [round(quality.median_mm, 3), round(quality.most_mm, 3)],
        "LatticeShare": round(quality.share, 3),
        "SmallBoxesSeen": unit.fine,
        "UnitLogOdds": [[factor, round(odds, 2)] for factor, odds in unit.alternatives],
    }
    native = float(np.percentile(1 / np.sqrt(np.abs(np.linalg.det(slope))), 60)) / scale
    straight = abs(turn) < STRAIGHT_TURN and abs(aspect - 1) < STRAIGHT_ASPECT and bent < STRAIGHT_MM
    others = [factor for factor, odds in unit.alternatives if odds > -4.0]
    frame = Frame(image, native, (across, down), "measured", (), quality, None, facts)
    if straight and COARSEST <= native <= FINEST:
        # of a straight page the whole plane tells the millimetre; local slopes stray by a thousandth, 10 ms in 10 s
        native = (plane_mm[0] * plane_mm[1]) ** 0.5
        return replace(
            frame,
            image=paint_out_blots(image, native),
            px_per_mm=native,
            source_px_per_mm=plane_mm,
            alternatives=tuple(native / factor for factor in others),
        )
    px = float(np.clip(native, COARSEST, FINEST))
    low, high = _whole_page(surface, size * scale, slope, area)
    mesh = flat_mesh(surface, low, high, px)
    seen = max(native * scale, 2.5)
    # lines 5 mm apart do not tell where paper is between them; where all lines lie on the surface there is no fold
    may_fold = unit.fine and quality.share < UNFOLDED
    creases = find_creases(lines, flat_mesh(surface, *area, seen), seen) if may_fold else None
    if creases is not None:
        mesh = creased(mesh, creases, px, low - area[0])
        facts["CreasesMm"] = round(creases.most_mm, 2)
    mesh = replace(mesh, points=(mesh.points + 0.5) / scale - 0.5)
    source = image
    if px < 0.8 * native:  # reduce by areas first: thin lines must not fall between the samples
        source = cv2.resize(image, None, fx=px / native, fy=px / native, interpolation=cv2.INTER_AREA)
    shrink = source.shape[1] / image.shape[1]
    drawn = replace(mesh, points=(mesh.points + 0.5) * shrink - 0.5)
    fill = tuple(float(v) for v in np.median(image[::9, ::9].reshape(-1, 3), axis=0))
    page = paint_out_blots(flatten(source, drawn, cubic=True, fill=fill), px)
    return replace(
        frame, image=page, px_per_mm=px, mesh=mesh, alternatives=tuple(px / factor for factor in others)
    )


def _straightness(points: np.ndarray, value: np.ndarray) -> tuple[float, tuple[float, float], float]:
    """Turn (degrees, anticlockwise), px a mm along x and along y, and the largest residual (mm, 99 %) of a plane."""
    rows = np.column_stack([points, np.ones(len(points))])
    plane = np.linalg.lstsq(rows, value, rcond=None)[0]
    bent = float(np.percentile(np.abs(value - rows @ plane), 99))
    (a, c), (b, d) = plane[:2]  # mm along x and y of a px to the right, and of a px down
    turn = np.degrees(np.arctan2(b, a) - np.arctan2(c, d)) / 2
    return float(turn), (float(1 / np.hypot(a, b)), float(1 / np.hypot(c, d))), bent


def _whole_page(
    surface: Surface, size: np.ndarray, slope: np.ndarray, area: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Corners (mm) of the picture, without the parts where the surface went on too far to be paper.

    area  corners (mm) of the lattice; what lies further than AROUND beyond it is a table, or the empty corners of a
          turned page, and would make grid lines look short
    """
    x, y = np.meshgrid(np.linspace(0, size[0] - 1, 40), np.linspace(0, size[1] - 1, 40))
    value, local = evaluate(surface, np.stack([x.ravel(), y.ravel()], axis=1))
    growth = np.linalg.det(local) / np.median(np.linalg.det(slope))
    sane = (growth > 1 / LARGEST_GROWTH) & (growth < LARGEST_GROWTH)
    low, high = value[sane].min(axis=0), value[sane].max(axis=0)
    return np.maximum(low, area[0] - AROUND), np.minimum(high, area[1] + AROUND)


def _without_grid(image: np.ndarray, work: np.ndarray, scale: float) -> Frame:
    """Level the page by its baselines and text; the scale is a guess."""
    turn = _turn_of_rows(work)
    if abs(turn) < LEAST_TURN:  # of rows alone it is not known better
        turn = 0.0
    height, width = image.shape[:2]
    guess = width / LETTER_MM
    facts = {"Grid": "none", "TurnDegrees": round(turn, 3), "PxPerMm": "guessed from the width of the picture"}
    frame = Frame(image, guess, (guess, guess), "none", facts=facts)
    if abs(turn) < 0.1:
        return frame
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    rotation = np.array([[cos, -sin], [sin, cos]])  # y points down: this turns the page's rows up to the right
    x, y = np.meshgrid(*(np.arange(0, n + 16, 16) for n in (width, height)))
    places = np.stack([x.ravel(), y.ravel()], axis=1) - middle
    mesh = Mesh((places @ rotation + middle).reshape(*x.shape, 2), (height, width))
    fill = tuple(float(v) for v in np.median(image[::9, ::9].reshape(-1, 3), axis=0))
    return replace(frame, image=flatten(image, mesh, cubic=True, fill=fill), mesh=mesh)


def _turn_of_rows(work: np.ndarray) -> float:
    """Angle in degrees, anticlockwise, at which the rows of ink are sharpest, 12 to both sides."""
    dark = cv2.resize(grid_darkness(work), None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    height, width = dark.shape

    def sharpness(angle: float) -> float:
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -angle, 1.0)
        turned = cv2.warpAffine(dark, matrix, (width, height))
        middle = turned[height // 8 : -height // 8, width // 8 : -width // 8]
        return float(np.square(np.diff(middle.mean(axis=1))).sum())

    best = 0.0
    for step, count in ((1.0, 12), (0.25, 4), (0.05, 5)):
        near = best + step * np.arange(-count, count + 1)
        best = float(near[int(np.argmax([sharpness(angle) for angle in near]))])
    return best
