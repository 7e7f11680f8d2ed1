"""Scar with partial volume: a mixture of two tissues fitted to the wall, and voxels weighted by their signal.

After EWA (expectation maximisation, weighted intensity, a priori information): Engblom et al., JCMR 2016;18:27,
doi:10.1186/s12968-016-0242-5, and the weighting of Heiberg et al., Radiology 2008;246:581,
doi:10.1148/radiol.2461062164. Those ship compiled; this is written from the idea, and its numbers are its own:

    1. two Gaussians are fitted to the signals of the wall; where they do not part, there is no scar
    2. the threshold lies where a voxel is as likely the one as the other
    3. pieces above it smaller than 0.2 mL go: noise
    4. each voxel of what is left, and each one beside it in the slice, counts by its place between the means of
       the two tissues, from 0 to 1
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from scartools.heart.heterogeneity import scar_pieces
from scartools.heart.thresholds import ThresholdScar, threshold_result, wall_values

BINS = 1024
MOST_ROUNDS = 500
CONVERGED = 1e-8  # change of the mean log-likelihood of a voxel
APART = 2.0  # Ashman's D: two Gaussians closer than this have one mode
SMALLEST_ML = 0.2


@dataclass(frozen=True)
class Mixture:
    """Two Gaussians: shares, means and SDs, the darker first."""

    share: tuple[float, float]
    mean: tuple[float, float]
    sd: tuple[float, float]

    @property
    def separation(self) -> float:
        """Ashman's D: the distance of the means over the root mean square of the SDs."""
        return (self.mean[1] - self.mean[0]) / float(np.sqrt((self.sd[0] ** 2 + self.sd[1] ** 2) / 2))

    @property
    def threshold(self) -> float:
        """The signal between the means at which both tissues are equally likely."""
        places = np.linspace(*self.mean, 4097)
        dark, bright = (
            np.log(s) - np.log(d) - 0.5 * ((places - m) / d) ** 2
            for s, m, d in zip(self.share, self.mean, self.sd, strict=True)
        )
        return float(places[int(np.argmax(bright >= dark))])


def fit_mixture(values: np.ndarray, split: float) -> Mixture:
    """Fit two Gaussians by expectation maximisation, to a histogram of 1024 bins.

    values  float (N,), not constant
    split   where the two classes part to begin with, such as Otsu's threshold
    Dempster et al., J R Stat Soc B 1977;39:1.
    """
    counts, edges = np.histogram(values, bins=BINS)
    width = float(edges[1] - edges[0])
    middle, counts = ((edges[:-1] + edges[1:]) / 2)[counts > 0], counts[counts > 0].astype(np.float64)
    bright = (middle > split).astype(np.float64)
    last = -np.inf
    for _ in range(MOST_ROUNDS):
        share, mean, sd = [], [], []
        for weight in ((1 - bright) * counts, bright * counts):
            total = max(float(weight.sum()), 1e-12)
            centre = float((weight * middle).sum()) / total
            share.append(total / float(counts.sum()))
            mean.append(centre)
            # the spread within a bin keeps a tissue without noise from collapsing to a point
            sd.append(float(np.sqrt((weight * (middle - centre) ** 2).sum() / total + width**2 / 12)))
        logs = [
            np.log(s) - np.log(d) - 0.5 * ((middle - m) / d) ** 2
            for s, m, d in zip(share, mean, sd, strict=True)
        ]
        both = np.logaddexp(*logs)
        bright = np.exp(logs[1] - both)
        likelihood = float((counts * both).sum() / counts.sum())
        if likelihood - last < CONVERGED:
            break
        last = likelihood
    order = np.argsort(mean)
    return Mixture(*((float(x[order[0]]), float(x[order[1]])) for x in (share, mean, sd)))


def weighted_scar(
    image: np.ndarray, wall: np.ndarray, *, split: float, voxel_ml: float, slice_axis: int
) -> tuple[ThresholdScar, np.ndarray]:
    """Find scar and weigh its voxels.

    image       float (X, Y, Z), any scale
    wall        bool (X, Y, Z), myocardium without labelled no-reflow
    split       where the fit starts, such as Otsu's threshold
    voxel_ml    volume of a voxel, mL
    slice_axis  axis of the array across the slices
    Returns the voxels above the threshold, and weights float32 (X, Y, Z): 0 where there is no scar, 1 where all
    is scar. The sum of the weights is the volume in voxels. In a normal wall both are empty.
    """
    values = wall_values(image, wall)
    fit = fit_mixture(values, split)
    facts = {
        "MixtureShares": list(fit.share),
        "MixtureMeans": list(fit.mean),
        "MixtureSDs": list(fit.sd),
        "MixtureSeparation": fit.separation,
        "SmallestPieceMl": SMALLEST_ML,
        "Weighting": "(signal - mean of dark tissue) / (mean of bright tissue - mean of dark tissue), from 0 to 1",
    }
    weights = np.zeros(wall.shape, dtype=np.float32)
    definition = "signal > where two Gaussians fitted to the wall are equally likely, pieces of 0.2 mL and more"
    if not fit.separation > APART:
        facts["Warnings"] = [
            f"the wall holds no two tissues (separation {fit.separation:.2g}, where more than {APART:g} is due), so "
            "there is no scar"
        ]
        return threshold_result(wall, values, np.inf, "EWA", definition, facts), weights
    found = threshold_result(wall, values, fit.threshold, "EWA", definition, facts)
    pieces = scar_pieces(found.scar)
    sizes = np.bincount(pieces.ravel())
    keep = sizes * voxel_ml >= SMALLEST_ML
    keep[0] = False
    scar = keep[pieces]
    found.facts["ScarVoxels"] = int(scar.sum())
    cross = np.expand_dims(np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=bool), slice_axis)
    near = ndimage.binary_dilation(scar, structure=cross) & wall
    place = (image[near].astype(np.float64) - fit.mean[0]) / (fit.mean[1] - fit.mean[0])
    weights[near] = np.clip(place, 0.0, 1.0)
    return ThresholdScar(scar, found.facts), weights
