"""Segmentations of hearts whose ECG is known: those of a simulated subject, with any scar painted on the labels."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
from scipy.ndimage import distance_transform_edt

from scartools.simulation.case import SimulatedCase, simulate_case
from scartools.simulation.subject import Subject, draw_subject

SEED = 7
TERRITORIES = {"anterior": (1, 2, 7, 8, 13, 14), "inferior": (3, 4, 9, 10, 15), "lateral": (5, 6, 11, 12, 16)}


@cache
def imaged(index: int, scarred: bool = True) -> SimulatedCase:
    """A subject's labels with five samples a voxel, which is quick; without its scars if asked."""
    subject = draw_subject(index, SEED)
    return simulate_case(subject if scarred else replace(subject, scars=()), samples=5)


def healthy(index: int) -> tuple[np.ndarray, np.ndarray, Subject]:
    """Labels without scar, affine, subject."""
    case = imaged(index, scarred=False)
    return case.labels, case.affine, case.subject


def scarred(index: int, segments: tuple[int, ...], depth_mm: float = np.inf) -> np.ndarray:
    """The labels with scar in these segments, up to a distance from the cavity in the slice."""
    case = imaged(index, scarred=False)
    labels = case.labels.copy()
    pixel = case.subject.stack.pixel_mm
    pool = np.stack([distance_transform_edt(part != 1) for part in np.moveaxis(labels, 2, 0)], axis=2) * pixel
    labels[(labels == 2) & np.isin(case.segments, segments) & (pool <= depth_mm)] = 3
    return labels
