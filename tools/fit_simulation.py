"""Move the means of the electrical population until beats without scar measure like normal ECGs.

    python tools/fit_simulation.py normals.tsv --seed 101 --hearts 24 --rounds 6 > fitted.json

normals.tsv is what `simulate validate --normals` takes. Hearts without scar are drawn from the seed and cut into voxels of
4 mm; their beats, without noise, are measured; the 10th, 25th, 50th, 75th and 90th percentiles of each feature are held
against those of the normal ECGs, in units of the normal SD. Levenberg-Marquardt steps with differences for slopes; every
parameter is tied to its starting value by a prior. Nothing of scar is fitted here.
The values are printed; they are no more than a start for those in simulation/{activation,leads,physiology}.py, which were
moved by hand afterwards (see physiology.py). Report validate on other seeds than the one that was fitted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from scartools.ecg.delineate import delineate
from scartools.ecg.measure import measure
from scartools.files.normals import read_normals
from scartools.simulation import ecg, leads
from scartools.simulation.activation import voxel_heart
from scartools.simulation.beat_features import COMPARED, beat_features, compared_features
from scartools.simulation.case import draw_chest
from scartools.simulation.physiology import Physiology
from scartools.simulation.population import Spread
from scartools.simulation.scar import depth_field
from scartools.simulation.subject import draw_subject

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
RISES = (
    ("r_v1", "r_v2"),
    ("r_v2", "r_v3"),
    ("r_v3", "r_v4"),
)  # the R wave must rise in each heart, not on average
WEIGHTS = {"q_v3": 2.0, "q_v4": 2.0, "r_v2": 2.0, "r_v3": 2.0, "s_v3": 2.0, "s_v4": 2.0, "qrs_ms": 2.5}
LEAST_SD_MV = 0.06  # of a Q wave: most are absent
MOST_SD = 4.0  # a percentile that is farther off counts no more
DIFFERENCE = 0.35  # of the prior's SD
_SPREADS = {
    "along": 0.1, "across": 0.04, "endocardium": 0.3, "right_wall": 0.15, "reach_level": 0.12, "epicardium": 12.0,
    "apex": 15.0, "late": 0.2, "limb_gain": 0.6, "pitch_deg": 12.0, "roll_deg": 12.0, "yaw_deg": 12.0,
}  # fmt: skip
_SCATTERS = {"electrode_scatter_mm": 2.5, "log_gain_sd": 0.05}


def parameters() -> dict[str, tuple[float, float]]:
    """Return start and SD of the prior of each parameter."""
    start = Physiology()
    found: dict[str, tuple[float, float]] = {}
    for site in start.sites:
        found[f"{site.name} deg"] = ((site.aha_deg + 180.0) % 360.0 - 180.0, 20.0)
        found[f"{site.name} level"] = (site.level, 0.15)
        if site.delay_ms > 0:
            found[f"{site.name} delay"] = (site.delay_ms, 6.0)
    found |= {name: (getattr(start, name).mean, sd) for name, sd in _SPREADS.items()}
    found |= {name: (getattr(start, name), sd) for name, sd in _SCATTERS.items()}
    found |= {f"gain {lead}": (gain, 0.2) for lead, gain in leads.CHEST_GAIN.items()}
    found["millivolts"] = (leads.MILLIVOLTS, 1.5)
    found["chest up"], found["chest degrees"] = (0.0, 15.0), (0.0, 8.0)
    return found


def physiology_of(values: dict[str, float]) -> Physiology:
    """Return the population of these values; sets gains and places of the chest electrodes in `leads`."""
    start = Physiology()
    sites = tuple(
        replace(
            site,
            aha_deg=values[f"{site.name} deg"] % 360.0,
            level=float(np.clip(values[f"{site.name} level"], 0.05, 1.0)),
            delay_ms=max(values.get(f"{site.name} delay", 0.0), 0.0),
        )
        for site in start.sites
    )
    changes: dict[str, Any] = {}
    for name in _SPREADS:
        old = getattr(start, name)
        changes[name] = Spread(values[name], old.sd, min(old.low, values[name]), max(old.high, values[name]))
    changes |= {name: max(values[name], 0.0) for name in _SCATTERS}
    leads.CHEST_GAIN = {lead: max(values[f"gain {lead}"], 0.1) for lead in leads.CHEST_GAIN}
    leads.MILLIVOLTS = max(values["millivolts"], 0.5)
    leads._CHEST = {
        lead: (angle + values["chest degrees"], height + values["chest up"])
        for lead, (angle, height) in _CHEST.items()
    }
    return replace(start, sites=sites, **changes)


def features(values: dict[str, float], hearts: Sequence[Any]) -> np.ndarray:
    """Return COMPARED of the beats of these hearts, with the rises of R: float64 (n, 52)."""
    population = physiology_of(values)
    rows = []
    for number, (subject, heart, chest) in enumerate(hearts):
        rng = np.random.default_rng([0, number])
        beat = ecg.beat_of(heart, subject.shape, subject.pose, chest, rng, block="none", physiology=population)
        rr_s = 60.0 / beat.heart_rate
        found = beat_features(measure(beat.signals, delineate(beat.signals, rr_s, 0.02), rr_s))
        rows.append([found[name] for name in COMPARED])
    return with_rises(np.array(rows))


def with_rises(rows: np.ndarray) -> np.ndarray:
    """Append the rise of R from each of V1 to V3 to the next."""
    rises = [rows[:, COMPARED.index(after)] - rows[:, COMPARED.index(before)] for before, after in RISES]
    return np.column_stack([rows, *rises])


def misfit(values: np.ndarray, names: Sequence[str], hearts: Sequence[Any], normals: np.ndarray) -> np.ndarray:
    """Return the weighted departures of all percentiles, clipped, and those from the prior."""
    priors = parameters_at_start
    weights = np.array([WEIGHTS.get(name, 1.0) for name in COMPARED] + [2.0] * len(RISES))
    least = np.array([LEAST_SD_MV if name.startswith("q_") else 0.0 for name in COMPARED] + [0.0] * len(RISES))
    sd = np.maximum(np.nanstd(normals, axis=0), least)
    found = features(dict(zip(names, values, strict=True)), hearts)
    apart = (np.nanquantile(found, LEVELS, axis=0) - np.nanquantile(normals, LEVELS, axis=0)) / sd * weights
    apart = np.clip(np.where(np.isfinite(apart), apart, 3.0), -MOST_SD, MOST_SD)
    tie = [(value - priors[name][0]) / priors[name][1] for name, value in zip(names, values, strict=True)]
    return np.concatenate([apart.ravel(), tie])


def fit(hearts: Sequence[Any], normals: np.ndarray, rounds: int) -> dict[str, float]:
    """Run Levenberg-Marquardt; tells the misfit of each round on stderr."""
    names = list(parameters_at_start)
    start, sd = (np.array(column) for column in zip(*parameters_at_start.values(), strict=True))
    values, damping = start.copy(), 0.3
    here = misfit(values, names, hearts, normals)
    print(f"start {float(here @ here):.1f}", file=sys.stderr)
    for number in range(rounds):
        slopes = np.zeros((here.size, values.size))
        for at in range(values.size):
            moved = values.copy()
            moved[at] += DIFFERENCE * sd[at]
            slopes[:, at] = (misfit(moved, names, hearts, normals) - here) / DIFFERENCE
        square = slopes.T @ slopes
        for _ in range(4):
            step = -np.linalg.solve(square + damping * np.diag(np.diag(square) + 1.0), slopes.T @ here)
            moved = values + np.clip(step, -1.0, 1.0) * sd
            there = misfit(moved, names, hearts, normals)
            if there @ there < here @ here:
                values, here, damping = moved, there, damping / 3.0
                break
            damping *= 3.0
        print(f"round {number + 1}: {float(here @ here):.1f}", file=sys.stderr)
    return dict(zip(names, values.tolist(), strict=True))


def healthy_hearts(seed: int, count: int) -> list[Any]:
    """Return subjects without scar, their voxels of 4 mm and their chests."""
    found, index = [], 0
    while len(found) < count:
        index += 1
        subject = draw_subject(index, seed)
        if not subject.scars:
            heart = voxel_heart(subject.shape, depth_field(subject.shape, ()), 4.0)
            found.append((subject, heart, draw_chest(subject)))
    return found


_CHEST = dict(leads._CHEST)
parameters_at_start = parameters()

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("normals", type=Path)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--hearts", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=6)
    given = parser.parse_args()
    table, beats, _ = read_normals(given.normals, COMPARED)
    table = table or [compared_features(beat.signals, beat.facts.get("HeartRate")) for beat in beats]
    fitted = fit(healthy_hearts(given.seed, given.hearts), with_rises(np.array(table)), given.rounds)
    print(json.dumps({name: round(value, 3) for name, value in fitted.items()}, indent=1))
