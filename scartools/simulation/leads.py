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
from scartools.simulation.activation import Unevenness, VoxelHeart
from scartools.simulation.anatomy import HeartShape
from scartools.simulation.stack import Pose
from scartools.simulation.tissue import Body

ELECTRODES = ("RA", "LA", "LL", "V1", "V2", "V3", "V4", "V5", "V6")
RATE_HZ, BEAT_SAMPLES, R_SAMPLE = 500, 600, 200
MILLIVOLTS = 4.80  # a potential of the uniform medium, in mV: gives amplitudes like those of patients
ATRIAL_MOMENT = 150.0  # of the atrial dipoles
# Angle about the body's axis from the front towards the left, degrees, and mm above the middle of the LV.
_CHEST = {
    "V1": (-10.4, 43.3), "V2": (11.9, 43.3), "V3": (27.2, 30.3), "V4": (40.5, 15.3), "V5": (61.8, 13.3), "V6": (86.3, 13.3),
}  # fmt: skip


# What lies between heart and electrode, blood, lung, bone: a measured correction of each chest electrode (fitted).
CHEST_GAIN = {"V1": 0.50, "V2": 1.05, "V3": 1.00, "V4": 1.00, "V5": 0.97, "V6": 0.90}


def electrode_gains(limb: float) -> np.ndarray:
    """Gains (9,) of the electrodes in the order of ELECTRODES; `limb` is that of the three on the limbs."""
    return np.array([limb] * 3 + [CHEST_GAIN[name] for name in ELECTRODES[3:]])


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
    upstroke_sd: float = 5.5  # of the upstroke, the time the front takes through a voxel included
    plateau_slope: float = 0.18  # part of the height that is lost before the final fall
    fall_sd: float = 27.6  # of the final fall: a broad T wave, lower than the QRS in most leads
    border: float = 0.0  # in the border zone of a scar
    uneven: Unevenness = Unevenness()  # of the duration over the heart
    gain: float = 1.0  # on every potential
    limb_gain: float = (
        3.0  # on the limbs: an insulated trunk carries more current to them than free space would
    )


def electrodes(
    body: Body, rng: np.random.Generator, scatter_mm: float = 9.0, shift_mm: float = 8.0
) -> np.ndarray:
    """Where nine electrodes lie on a chest: float64 (9, 3), RAS+ mm from the middle of the LV.

    body        the chest
    rng         draws the misplacement
    scatter_mm  SD of each chest electrode along the skin, twice that for the limbs; V3 is put midway between V2 and V4
    shift_mm    SD of the shift up or down that the chest electrodes have in common: the intercostal space is miscounted
    """
    width, depth = body.half_width - 2.0, body.half_depth - 2.0
    places = [(0.88 * width, -10.0, 215.0), (-0.88 * width, -10.0, 215.0), (-0.42 * width, 10.0, -330.0)]
    limbs = np.array(places) + rng.normal(0.0, 2 * scatter_mm, (3, 3))
    angles, heights = np.array([_CHEST[name] for name in ELECTRODES[3:]]).T
    common = rng.normal(0.0, shift_mm)
    up, along = rng.normal(0.0, scatter_mm, 6), rng.normal(0.0, scatter_mm, 6)
    for apart in (up, along):
        apart[2] = 0.5 * (apart[1] + apart[3] + apart[2])
    heights = heights + common + up
    turn = np.radians(angles) + along / (0.5 * (width + depth))
    chest = np.stack([-width * np.sin(turn), depth * np.cos(turn), heights], axis=1)
    middle = np.array([body.centre_right, body.centre_anterior, 0.0])
    return np.concatenate([limbs + middle, chest + middle])


def _to_body(points: np.ndarray, pose: Pose) -> np.ndarray:
    """Turn points (N, 3) of the heart frame, from the middle of the LV, into body directions."""
    return np.einsum("nc,cx->nx", points, np.array([pose.septum, pose.anterior, pose.base]))


def body_points(heart: VoxelHeart, shape: HeartShape, pose: Pose) -> np.ndarray:
    """Centres of the voxels in the body frame: float64 (N, 3), RAS+ mm from the middle of the LV."""
    return _to_body(heart.points - [0.0, 0.0, shape.cavity_length_mm / 2.0], pose)


def free_field(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """What a unit dipole at each point (N, 3) gives at an electrode (3,) in an infinite medium: float64 (N, 3), mm^-2."""
    away = place - points
    return np.asarray(away / np.sqrt((away * away).sum(axis=1, keepdims=True)) ** 3)


def bounded_field(points: np.ndarray, place: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The same on the surface of a conducting sphere in air, whose middle is `centre` (3,): float64 (N, 3), mm^-2.

    No current leaves the body: at its surface a dipole gives twice the potential of free space or more. The sphere is
    the one about the trunk's axis on which this electrode lies, so chest electrodes have narrower ones than limbs.
    The potential of a dipole in a homogeneous sphere in closed form: Brody, Terry and Ideker, IEEE Trans Biomed Eng
    1973;20:141. The middle is taken as reference.
    """
    surface, source = place - centre, points - centre
    radius = float(np.sqrt((surface * surface).sum()))
    away = surface - source
    distance = np.sqrt((away * away).sum(axis=1, keepdims=True))
    across = radius**2 - (source * surface).sum(axis=1, keepdims=True) + radius * distance
    return np.asarray(2.0 * away / distance**3 + (surface / radius + away / distance) / across)


def lead_fields(points: np.ndarray, places: np.ndarray, chest: Body) -> np.ndarray:
    """The fields of all electrodes (E, 3) at points (N, 3), mm, on the chest's trunk: float64 (E, N, 3)."""
    axis = np.array([chest.centre_right, chest.centre_anterior, 0.0])
    return np.stack([bounded_field(points, place, axis) for place in places])


def source_weights(heart: VoxelHeart, active: np.ndarray, points: np.ndarray, fields: np.ndarray) -> np.ndarray:
    """What the transmembrane potential of each voxel gives at each electrode: float64 (E, N).

    active  bool (N,), voxels with a potential
    points  (N, 3) of the voxels, mm; fields (E, N, 3) of unit dipoles there, of `bounded_field` or `free_field`
    Across each face of two active voxels flows a current along the line between them, as strong as the share of
    living muscle that both have. The weights of a heart at one potential throughout add up to nothing.
    """
    weights = np.zeros(fields.shape[:2])
    for first, second in heart.faces:
        both = active[first] & active[second]
        first, second = first[both], second[both]
        share = np.minimum(heart.viable[first], heart.viable[second]) * heart.spacing_mm
        # A higher potential of the first makes a dipole towards the second: against the gradient.
        along = 0.5 * share[:, None] * (points[second] - points[first])
        for row, field in zip(weights, fields, strict=True):
            pull = (along * (field[first] + field[second])).sum(axis=1)
            row += np.bincount(first, pull, minlength=row.size) - np.bincount(second, pull, minlength=row.size)
    return weights


def recovery_times(heart: VoxelHeart, times: np.ndarray, membrane: Membrane) -> np.ndarray:
    """When each voxel recovers, ms after the first site: float64 (N,), infinite where it never fires."""
    transmural = membrane.epicardium * heart.depth * (1.0 - 0.6 * heart.septal)
    duration = membrane.duration + np.where(heart.right, membrane.right, transmural)
    duration += membrane.base * np.clip(heart.level, 0.0, 1.0)
    duration += membrane.border * heart.border + membrane.uneven.at(heart.points)
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


_ATRIA = (  # s, a and height above the base plane in mm; direction in RAS+; centre of its wave after the onset of P, ms
    ((40.0, -8.0, 20.0), (-0.35, 0.25, -0.9), 38.0),
    ((-4.0, -8.0, 26.0), (-0.85, -0.35, -0.4), 66.0),
)


def atrial_fields(places: np.ndarray, shape: HeartShape, pose: Pose, chest: Body) -> np.ndarray:
    """What each of two atrial dipoles of moment 1 gives at the electrodes: float64 (E, 2).

    places  (E, 3), RAS+ mm from the middle of the LV
    Both lie above the base plane: the right atrium's points down and forward, the left one's to the left and back.
    """
    columns = []
    for (s, a, above), direction, _ in _ATRIA:
        origin = _to_body(np.array([[s, a, above + shape.cavity_length_mm / 2.0]]), pose)
        columns.append((lead_fields(origin, places, chest)[:, 0] * np.array(direction)).sum(axis=1))
    return np.stack(columns, axis=1)


def atrial_course(clock: np.ndarray) -> np.ndarray:
    """The strength of the two atrial dipoles over time, float64 (2, T), for a P wave that begins at 0 of the clock, ms."""
    return np.stack([np.exp(-0.5 * ((clock - centre) / 17.0) ** 2) for _, _, centre in _ATRIA])


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
