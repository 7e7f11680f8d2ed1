"""Core and grey zone of scar: two limits on the signal, after one of the published rules.

    2-3-sd      grey from 2 to 3 SD above remote myocardium, core above (Yan et al., Circulation 2006;114:32,
                doi:10.1161/CIRCULATIONAHA.106.613414)
    35-50       grey from 35 to 50 % of the maximum, core from 50 % (Roes et al., Circ Cardiovasc Imaging 2009;2:183)
    40-60       grey from 40 to 60 % of the maximum, core from 60 % (the default of ADAS 3D)
    remote-50   grey from the maximum of remote myocardium to 50 %, core from 50 % (Schmidt et al., Circulation
                2007;115:2006)

Percent of the maximum counts from 0 in a magnitude image and from the mean of remote myocardium in a PSIR image,
where 0 is no nulled tissue. The rules give different masses for one heart: name the rule with the number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from scartools.errors import InputError
from scartools.heart.thresholds import ImageKind

GreyZoneRule = Literal["2-3-sd", "35-50", "40-60", "remote-50"]
_SHARES: dict[str, tuple[float, float]] = {"35-50": (0.35, 0.5), "40-60": (0.4, 0.6)}


@dataclass(frozen=True)
class GreyZone:
    """Two parts of the wall that do not overlap.

    core   bool (X, Y, Z)
    grey   bool (X, Y, Z)
    facts  GreyZoneRule, GreyZoneDefinition, GreyZoneFrom, CoreFrom, ...
    """

    core: np.ndarray
    grey: np.ndarray
    facts: dict[str, Any]


def needs_remote(rule: GreyZoneRule, image_kind: ImageKind | None) -> bool:
    """Tell whether a rule cannot do without remote myocardium."""
    return rule in ("2-3-sd", "remote-50") or image_kind == "psir"


def needs_image_kind(rule: GreyZoneRule) -> bool:
    """Tell whether a rule means another thing in a PSIR image."""
    return rule != "2-3-sd"


def grey_zone(
    image: np.ndarray,
    wall: np.ndarray,
    rule: GreyZoneRule,
    *,
    image_kind: ImageKind | None = None,
    remote: np.ndarray | None = None,
    peak: float | None = None,
) -> GreyZone:
    """Part the wall into core, grey zone and the rest.

    image       float (X, Y, Z)
    wall        bool (X, Y, Z), myocardium without labelled no-reflow
    rule        see above
    image_kind  "magnitude" or "psir", for the rules of a maximum
    remote      bool (X, Y, Z), remote myocardium, where needs_remote says so
    peak        the maximum; None: the largest signal of the wall
    The lower limit belongs to the grey zone and the upper one to the core, but 2-3-sd, which asks for more than
    its limits. The whole wall is looked at: noise above the lower limit counts as grey.
    Raises InputError where the rule lacks what it needs.
    """
    if needs_remote(rule, image_kind) and remote is None:
        raise InputError(
            f"the grey zone {rule} needs a remote region", remedy="Give one, or choose another rule"
        )
    if needs_image_kind(rule) and image_kind is None:
        raise InputError(
            f"the grey zone {rule} needs to know whether the image is magnitude or PSIR", remedy="Say which"
        )
    values = image[wall].astype(np.float64)
    distant = image[remote].astype(np.float64) if remote is not None else np.zeros(0)
    if rule == "2-3-sd":
        low, high = (float(distant.mean() + n * distant.std(ddof=1)) for n in (2, 3))
        definition = "core: signal > mean + 3 SD of remote myocardium; grey zone: > mean + 2 SD, not core"
        in_core, in_grey = values > high, (values > low) & (values <= high)
    else:
        top = float(values.max()) if peak is None else peak
        zero = float(distant.mean()) if image_kind == "psir" else 0.0
        origin = " counted from the mean of remote myocardium" if image_kind == "psir" else ""
        if rule == "remote-50":
            low, high = float(distant.max()), zero + 0.5 * (top - zero)
            low_name = "the maximum of remote myocardium"
        else:
            lower, upper = _SHARES[rule]
            low, high = zero + lower * (top - zero), zero + upper * (top - zero)
            low_name = f"{100 * lower:g} % of it"
        percent = 100 * (_SHARES[rule][1] if rule in _SHARES else 0.5)
        definition = (
            f"core: signal >= {percent:g} % of the maximum{origin}; grey zone: from {low_name} up to the core"
        )
        in_core, in_grey = values >= high, (values >= low) & (values < high)
    core, grey = np.zeros(wall.shape, dtype=bool), np.zeros(wall.shape, dtype=bool)
    core[wall], grey[wall] = in_core, in_grey
    warnings = []
    if low >= high:
        warnings.append("the grey zone is empty: remote myocardium reaches the limit of the core")
    return GreyZone(
        core,
        grey,
        {
            "GreyZoneRule": rule,
            "GreyZoneDefinition": definition,
            "GreyZoneFrom": low,
            "CoreFrom": high,
            "Warnings": warnings,
        },
    )
