"""From activation to twelve leads: dipoles where the transmembrane potential changes, nine electrodes, one beat.

The current source of muscle is the gradient of its transmembrane potential; in an infinite uniform medium a
dipole p at a distance r gives p.r / |r|^3 at an electrode (Plonsey & Barr, Bioelectricity; the pseudo-ECG of
Gima & Rudy, Circ Res 2002;90:889). Scar has no potential and no neighbours: it is a window in the heart.
What the medium leaves out, lungs, blood, the surface of the body, is one gain for all subjects and a second
one for the limbs. Body frame RAS+ millimetres, time in milliseconds, leads in millivolts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scartools.ecg.reading import LEADS
from scartools.simulation.activation import VoxelHeart, neighbours
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.stack import Pose
from scartools.simulation.tissue import Body

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")
RATE_HZ, BEAT_SAMPLES, R_SAMPLE = 500, 600, 200
MILLIVOLTS = 8.0  # a potential of the uniform medium, in mV: gives amplitudes like those of patients
ATRIAL_MOMENT = 190.0  # of the atrial dipoles
_FACES = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
# Angle about the body's axis from the front towards the left, degrees, and mm above the middle of the LV.
_CHEST = {
    "V1": (-9.0, 18.0), "V2": (9.0, 18.0), "V3": (25.0, 5.0), "V4": (41.0, -10.0), "V5": (62.0, -12.0), "V6": (86.0, -12.0),
}  # fmt: skip


def _lead_matrix() -> np.ndarray:
    """Weights (12, 9) of the electrodes in each lead: Einthoven, Goldberger, Wilson."""
    ra, la, ll = np.eye(9)[:3]
    terminal = (ra + la + ll) / 3.0
    limb = [la - ra, ll - ra, ll - la, ra - (la + ll) / 2, la - (ra + ll) / 2, ll - (ra + la) / 2]
    return np.stack([*limb, *(np.eye(9)[3:] - terminal)])


LEAD_MATRIX = _lead_matrix()  # (12, 9), rows in the order of LEADS
assert len(LEADS) == len(LEAD_MATRIX)


def leads_of(potentials: np.ndarray) -> np.ndarray:
    """The twelve leads of electrode potentials: (9, T) in the order of ELECTRODES to (12, T) in that of LEADS."""
    return np.einsum("le,et->lt", LEAD_MATRIX, potentials)  # no BLAS: the same bytes on any number of threads


@dataclass(frozen=True)
class Membrane:
    """Action potentials and the conductor around the heart. Times in ms.

    A cell fires at its activation time and recovers `duration` later: longest at the left endocardium, shorter
    towards the epicardium, at the base and where activation comes late (Franz et al., Circulation 1987;75:379).
    """

    duration: float = 285.0  # at the apical endocardium, activated first
    epicardium: float = -30.0  # at the epicardium of the free wall
    base: float = 8.0  # at the base plane
    late: float = -0.55  # per ms of later activation
    right: float = -25.0  # in the RV free wall
    upstroke_sd: float = 3.0  # of the upstroke, the time the front takes through a voxel included
    plateau_slope: float = 0.18  # part of the height that is lost before the final fall
    fall_sd: float = 26.0  # of the final fall: a broad T wave, lower than the QRS in most leads
    gain: float = 1.0  # on every potential
    limb_gain: float = (
        3.0  # on the limbs: an insulated trunk carries more current to them than free space would
    )


def electrodes(body: Body, rng: np.random.Generator, scatter_mm: float = 9.0) -> np.ndarray:
    """Where nine electrodes lie on a chest: float64 (9, 3), RAS+ mm from the middle of the LV.

    body        the chest
    rng         draws the misplacement: SD `scatter_mm` along the skin for the chest, twice that for the limbs,
                and a common shift up or down, as when the intercostal space is miscounted
    """
    width, depth = body.half_width - 2.0, body.half_depth - 2.0
    places = [(0.88 * width, -10.0, 215.0), (-0.88 * width, -10.0, 215.0), (-0.42 * width, 10.0, -330.0)]
    limbs = np.array(places) + rng.normal(0.0, 2 * scatter_mm, (3, 3))
    angles, heights = np.array([_CHEST[name] for name in ELECTRODES[3:]]).T
    heights = heights + rng.normal(0.0, 8.0) + rng.normal(0.0, scatter_mm, 6)
    turn = np.radians(angles) + rng.normal(0.0, scatter_mm, 6) / (0.5 * (width + depth))
    chest = np.stack([-width * np.sin(turn), depth * np.cos(turn), heights], axis=1)
    middle = np.array([body.centre_right, body.centre_anterior, 0.0])
    return np.concatenate([limbs + middle, chest + middle])


def _to_body(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Turn points (N, 3) of the heart frame, from the middle of the LV, into body directions."""
    return np.einsum("nc,cx->nx", points, np.array([pose.septum, pose.anterior, pose.base]))


def body_points(heart: VoxelHeart, shape: HeartShape, pose: Pose) -> np.ndarray:
    """Centres of the voxels in the body frame: float64 (N, 3), RAS+ mm from the middle of the LV."""
    return _to_body(heart.points - [0.0, 0.0, shape.cavity_length_mm / 2.0], pose)


def source_weights(heart: VoxelHeart, active: np.ndarray, points: np.ndarray, places: np.ndarray) -> np.ndarray:
    """What the transmembrane potential of each voxel gives at each electrode: float64 (E, N).

    active  bool (N,), voxels with a potential
    points  (N, 3) of the voxels and `places` (E, 3) of the electrodes, in one frame, mm
    Across each face of two active voxels flows a current along the line between them, as strong as the share of
    living muscle that both have. The weights of a heart at one potential throughout add up to nothing.
    """
    weights = np.zeros((len(places), len(points)))
    for first, second in neighbours(heart, _FACES):
        both = active[first] & active[second]
        first, second = first[both], second[both]
        share = np.minimum(heart.viable[first], heart.viable[second]) * heart.spacing_mm
        # A higher potential of the first makes a dipole towards the second: against the gradient.
        along = points[second] - points[first]
        middle = 0.5 * (points[first] + points[second])
        for row, place in zip(weights, places, strict=True):
            away = place - middle
            distance = np.sqrt((away * away).sum(axis=1))
            pull = share * (along * away).sum(axis=1) / distance**3
            row += np.bincount(first, pull, minlength=row.size) - np.bincount(second, pull, minlength=row.size)
    return weights


def recovery_times(heart: VoxelHeart, times: np.ndarray, membrane: Membrane) -> np.ndarray:
    """When each voxel recovers, ms after the first site: float64 (N,), infinite where it never fires."""
    transmural = membrane.epicardium * heart.depth * (1.0 - 0.6 * heart.septal)
    duration = membrane.duration + np.where(heart.right, membrane.right, transmural)
    duration += membrane.base * np.clip(heart.level, 0.0, 1.0)
    return np.asarray(duration + (1.0 + membrane.late) * times)


def _at_times(weights: np.ndarray, when: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Sums of the weights (E, N) that fall between the ticks of a regular clock (T,): float64 (E, T)."""
    step = clock[1] - clock[0]
    place = (when - clock[0]) / step
    before = np.clip(np.floor(place).astype(np.int64), 0, clock.size - 2)
    part = np.clip(place - before, 0.0, 1.0)
    rows = [
        np.bincount(before, row * (1.0 - part), minlength=clock.size)
        + np.bincount(before + 1, row * part, minlength=clock.size)
        for row in weights
    ]
    return np.stack(rows)


def _smooth(signals: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.stack([np.convolve(row, kernel, mode="same") for row in signals])


def _bell(sd: float, step: float) -> np.ndarray:
    x = np.arange(-round(5 * sd / step), round(5 * sd / step) + 1) * step
    kernel = np.exp(-0.5 * (x / sd) ** 2)
    return np.asarray(kernel / kernel.sum())


def ventricular_potentials(
    weights: np.ndarray, times: np.ndarray, recovery: np.ndarray, membrane: Membrane, clock: np.ndarray
) -> np.ndarray:
    """Potentials of the electrodes over time, float64 (E, T), up to the membrane's gain.

    weights  (E, N) of `source_weights`; times and recovery (N,), ms, finite; clock (T,), regular, ms
    An action potential is a rise at the activation time, a plateau that sinks slowly and a fall at recovery.
    As all cells share the form of rise and fall, each is one sum of steps, smoothed once.
    """
    step = clock[1] - clock[0]
    rise = _smooth(_at_times(weights, times, clock), _bell(membrane.upstroke_sd, step))
    fall = _smooth(_at_times(weights, recovery, clock), _bell(membrane.fall_sd, step))
    # The plateau sinks over the last part of its length, so that the T wave rises slowly and falls fast.
    sinking = _smooth(
        _at_times(weights, recovery - 3.0 * membrane.fall_sd, clock), _bell(1.8 * membrane.fall_sd, step)
    )
    slope = membrane.plateau_slope
    return np.asarray(np.cumsum(rise - (1.0 - slope) * fall - slope * sinking, axis=1))


def atrial_potentials(
    places: np.ndarray, shape: HeartShape, pose: Pose, clock: np.ndarray, moment: float = 1.0
) -> np.ndarray:
    """P wave at the electrodes, float64 (E, T), for a P wave that begins at 0 of the clock, ms.

    places  (E, 3), RAS+ mm from the middle of the LV
    Two dipoles above the base plane: the right atrium, down and forward, then the left, to the left and back.
    """
    total = np.zeros((len(places), clock.size))
    parts = (
        ((40.0, -8.0, 20.0), (-0.35, 0.25, -0.9), 38.0),
        ((-4.0, -8.0, 26.0), (-0.85, -0.35, -0.4), 66.0),
    )
    for (s, a, above), direction, centre in parts:
        origin = _to_body(np.array([[s, a, above + shape.cavity_length_mm / 2.0]]), pose)[0]
        away = places - origin
        pull = (away * np.array(direction)).sum(axis=1) / np.sqrt((away * away).sum(axis=1)) ** 3
        total += moment * pull[:, None] * np.exp(-0.5 * ((clock - centre) / 17.0) ** 2)
    return total


def vector_magnitude(leads: np.ndarray) -> np.ndarray:
    """Length of the heart vector over time (T,), mV, of twelve leads (12, T).

    Orthogonal leads after Kors et al., Eur Heart J 1990;11:1083.
    """
    # I, II, V1-V6
    kors = np.array(
        [
            [0.38, -0.07, -0.13, 0.05, -0.01, 0.14, 0.06, 0.54],
            [-0.07, 0.93, 0.06, -0.02, -0.05, 0.06, -0.17, 0.13],
            [0.11, -0.23, -0.43, -0.06, -0.14, -0.20, -0.11, 0.31],
        ]
    )
    xyz = np.einsum("al,lt->at", kors, leads[[0, 1, 6, 7, 8, 9, 10, 11]])
    return np.asarray(np.sqrt((xyz * xyz).sum(axis=0)))
