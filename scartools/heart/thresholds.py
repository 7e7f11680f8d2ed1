"""Scar from the image: the threshold conventions of LGE, on voxels inside the myocardium.

Which method and which reader is used, thresholds and manual contours together, moves mean infarct size from
16.8 to 27.2 % of the ventricle on the same patients (Klem et al., JCMR 2017, PMC5553600), so every result
carries its definition in words and every number that went into it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scartools.errors import InputError
from scartools.heart.heterogeneity import scar_pieces

ImageKind = Literal["magnitude", "psir"]
FwhmVariant = Literal["wall", "scar", "grown", "min"]
FEWEST_REMOTE_VOXELS = 20
LOWEST_PERCENTILE = 5.0  # of the myocardium; half of a magnitude peak below it means that zero is no zero


@dataclass(frozen=True)
class ThresholdScar:
    """What a threshold calls scar.

    scar   bool (X, Y, Z), inside the myocardium
    facts  Method, Definition, Threshold, ScarVoxels, MyocardiumVoxels, Remote..., Warnings
    """

    scar: np.ndarray
    facts: dict[str, Any]


def n_sd(image: np.ndarray, myocardium: np.ndarray, remote: np.ndarray, n: float) -> ThresholdScar:
    """Scar is brighter than the mean of remote myocardium plus n of its standard deviations.

    image       float (X, Y, Z), any scale
    myocardium  bool (X, Y, Z)
    remote      bool (X, Y, Z), nulled and unenhanced myocardium; its placement dominates the result
    n           usually 2 to 6
    The standard deviation is that of a sample (n - 1). Strictly above the threshold is scar. A dark core
    without reflow is missed: fill it, or label it.
    Kim et al., Circulation 1999;100:1992; Bondarenko et al., JCMR 2005;7:481, doi:10.1081/JCMR-200053623.
    """
    values = wall_values(image, myocardium)
    if not (np.isfinite(n) and n > 0):
        raise InputError(f"n is {n:g} standard deviations, where a positive number is due", remedy="Use 2 to 6")
    facts = _remote_facts(image, myocardium, remote)
    threshold = facts["RemoteMean"] + n * facts["RemoteSD"]
    definition = f"signal > mean + {n:g} SD of remote myocardium"
    return threshold_result(myocardium, values, threshold, f"{n:g}-SD", definition, facts)


def fwhm(
    image: np.ndarray,
    myocardium: np.ndarray,
    *,
    image_kind: ImageKind | None = None,
    remote: np.ndarray | None = None,
    variant: FwhmVariant = "wall",
    region: np.ndarray | None = None,
    peak_percentile: float = 100.0,
) -> ThresholdScar:
    """Scar reaches at least half of the largest signal (full width at half maximum).

    image            float (X, Y, Z)
    myocardium       bool (X, Y, Z)
    image_kind       "magnitude": half of the peak, because nulled myocardium is zero; "psir": halfway from the
                     mean of remote myocardium to the peak, because there remote may be negative; the variant
                     min needs none
    remote           bool (X, Y, Z); needed for psir
    variant          "wall": the peak of the whole wall, and all voxels that reach half of it; "scar": the peak
                     of `region` instead; "grown": as scar with a region, as wall without, but only voxels that
                     are joined to the brightest one (by face, edge or corner) through such voxels; "min":
                     halfway from the darkest to the brightest of the wall
    region           bool (X, Y, Z), hyperenhanced myocardium as a reader drew it; needed for "scar"
    peak_percentile  100 is the largest voxel, as published; less is a peak that one hot voxel cannot move
    Without region growing every voxel at or above the threshold counts, in a normal ventricle its brightest.
    Amado et al., J Am Coll Cardiol 2004;44:2383, doi:10.1016/j.jacc.2004.09.020 (grown); Flett et al., JACC
    Cardiovasc Imaging 2011;4:150, doi:10.1016/j.jcmg.2010.11.015 (scar); for magnitude against PSIR, and min, see Engblom et al., JCMR
    2016;18:27, doi:10.1186/s12968-016-0242-5.
    """
    values = wall_values(image, myocardium)
    if not 50.0 < peak_percentile <= 100.0:
        raise InputError(
            f"the peak percentile is {peak_percentile:g}, where 50-100 is due", remedy="Use 99 or 100"
        )
    inside, where = _peak_region(myocardium, variant, region)
    peak = float(np.percentile(image[inside].astype(np.float64), peak_percentile))
    name = "maximum" if peak_percentile == 100.0 else f"{peak_percentile:g}th percentile"
    facts: dict[str, Any] = {
        "ImageKind": image_kind,
        "FwhmVariant": variant,
        "Peak": peak,
        "PeakPercentile": peak_percentile,
    }
    if variant == "min":
        facts["Minimum"] = float(values.min())
        threshold = (facts["Minimum"] + peak) / 2
        definition = f"signal >= halfway from the minimum to the {name} of the myocardium"
    elif image_kind == "magnitude":
        threshold = _half_of(values, peak)
        definition = f"signal >= half of the {name} of {where}"
    elif image_kind == "psir":
        if remote is None:
            raise InputError(
                "FWHM on a PSIR image needs a remote region", remedy="Give one, or use another rule"
            )
        facts |= _remote_facts(image, myocardium, remote)
        threshold = (facts["RemoteMean"] + peak) / 2
        definition = f"signal >= halfway from the mean of remote myocardium to the {name} of {where}"
    else:
        raise InputError(f"image kind '{image_kind}' is unknown", remedy="Use magnitude or psir")
    found = threshold_result(myocardium, values, threshold, "FWHM", definition, facts, at_least=True)
    return _grown(found, image, inside) if variant == "grown" else found


def _peak_region(
    myocardium: np.ndarray, variant: FwhmVariant, region: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """Where the peak is looked for, bool (X, Y, Z), and its name."""
    if variant not in ("wall", "scar", "grown", "min"):
        raise InputError(f"the FWHM variant '{variant}' is unknown", remedy="Use wall, scar, grown or min")
    drawn = None if region is None else region & myocardium
    if variant in ("wall", "min") or (variant == "grown" and (drawn is None or not drawn.any())):
        return myocardium, "the myocardium"
    if drawn is None or not drawn.any():
        raise InputError(
            "the maximum of the scar region is asked for, but no scar is labelled",
            remedy="Draw it as label 3, or take the maximum of the wall",
        )
    return drawn, "the labelled scar"


def _half_of(values: np.ndarray, peak: float) -> float:
    """Half of the peak of a magnitude image, after refusing an image in which that has no meaning."""
    if values.min() < 0:
        raise InputError(
            f"the image holds negative values ({values.min():g}), which a magnitude image cannot",
            remedy="Give image kind psir with a remote region",
        )
    if peak / 2 < np.percentile(values, LOWEST_PERCENTILE):
        raise InputError(
            f"half of the peak ({peak / 2:g}) is darker than nearly all of the myocardium: zero is not nulled "
            "tissue in this image",
            remedy="It may be a PSIR image with an offset: give image kind psir",
        )
    return peak / 2


def _grown(found: ThresholdScar, image: np.ndarray, inside: np.ndarray) -> ThresholdScar:
    """Keep the pieces that hold the brightest voxels of the region that the peak was taken from."""
    pieces = scar_pieces(found.scar)
    seeds = inside & found.scar
    brightest = seeds & (image >= image[seeds].max()) if seeds.any() else seeds
    scar = np.isin(pieces, np.unique(pieces[brightest])) & found.scar
    kept = int(scar.sum())
    more = {
        "Definition": f"{found.facts['Definition']}, joined to the brightest voxel there",
        "VoxelsNotJoined": found.facts["ScarVoxels"] - kept,
        "ScarVoxels": kept,
    }
    return ThresholdScar(scar, found.facts | more)


def otsu(image: np.ndarray, myocardium: np.ndarray) -> ThresholdScar:
    """Scar is the brighter of the two classes that differ most: Otsu's threshold over the myocardium.

    image       float (X, Y, Z)
    myocardium  bool (X, Y, Z)
    Exact, over the values themselves instead of a histogram; the threshold is halfway between the classes.
    Presumes that there is scar: a normal ventricle is split all the same.
    Otsu, IEEE Trans SMC 1979;9:62, doi:10.1109/TSMC.1979.4310076.
    """
    unsorted = wall_values(image, myocardium)
    values = np.sort(unsorted)
    if values[0] == values[-1]:
        raise InputError(f"the myocardium is constant ({values[0]:g})", remedy="Give the LGE image itself")
    below = np.arange(1, len(values))  # voxels in the darker class
    total = np.cumsum(values)
    apart = total[:-1] / below - (total[-1] - total[:-1]) / (len(values) - below)
    between = below * (len(values) - below) * apart**2
    between[values[1:] == values[:-1]] = -1.0  # equal values are never split
    cut = int(np.argmax(between))
    threshold = float((values[cut] + values[cut + 1]) / 2)
    definition = "signal > Otsu's threshold of the myocardium"
    return threshold_result(myocardium, unsorted, threshold, "Otsu", definition, {})


def wall_values(image: np.ndarray, myocardium: np.ndarray) -> np.ndarray:
    """The image inside the myocardium, float64 (N,), after refusing what cannot be thresholded."""
    if image.shape != myocardium.shape:
        raise InputError(
            f"the image has shape {image.shape} but the myocardium {myocardium.shape}",
            remedy="Give both on the same grid",
        )
    if myocardium.dtype != np.bool_:
        raise InputError(
            f"the myocardium is {myocardium.dtype}, where a mask is due", remedy="Give a bool array"
        )
    values = image[myocardium].astype(np.float64)
    if len(values) < 2:
        raise InputError(f"the myocardium has {len(values)} voxels", remedy="Check the segmentation")
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise InputError(
            f"the image is NaN or infinite in {bad} voxels of the myocardium", remedy="Export it again"
        )
    return values


def _remote_facts(image: np.ndarray, myocardium: np.ndarray, remote: np.ndarray) -> dict[str, Any]:
    if remote.shape != image.shape or remote.dtype != np.bool_:
        raise InputError(
            f"the remote region is {remote.dtype} {remote.shape}, where bool {image.shape} is due",
            remedy="Give a mask on the grid of the image",
        )
    outside = int((remote & ~myocardium).sum())
    if outside:
        raise InputError(
            f"{outside} voxels of the remote region lie outside the myocardium", remedy="Redraw it"
        )
    values = image[remote].astype(np.float64)
    if len(values) < 2:
        raise InputError(f"the remote region has {len(values)} voxels", remedy="Draw a larger one")
    warnings = []
    if len(values) < FEWEST_REMOTE_VOXELS:
        warnings.append(f"the remote region has only {len(values)} voxels, so its SD is uncertain")
    return {
        "RemoteVoxels": len(values),
        "RemoteMean": float(values.mean()),
        "RemoteSD": float(values.std(ddof=1)),
        "Warnings": warnings,
    }


def threshold_result(
    myocardium: np.ndarray,
    values: np.ndarray,
    threshold: float,
    method: str,
    definition: str,
    facts: dict[str, Any],
    at_least: bool = False,
) -> ThresholdScar:
    """Call scar what lies above a threshold (or, with `at_least`, on it); `values` are those of the myocardium."""
    scar = np.zeros(myocardium.shape, dtype=bool)
    scar[myocardium] = values >= threshold if at_least else values > threshold
    found = int(scar.sum())
    warnings = list(facts.get("Warnings", []))
    if 2 * found > len(values):
        warnings.append(
            f"{method} calls {100 * found / len(values):.0f} % of the myocardium scar: check the image"
        )
    return ThresholdScar(
        scar,
        {
            "Method": method,
            "Definition": definition,
            **facts,
            "Threshold": float(threshold) if np.isfinite(threshold) else None,
            "ScarVoxels": found,
            "MyocardiumVoxels": len(values),
            "Warnings": warnings,
        },
    )
