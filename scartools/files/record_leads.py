"""Leads by any of their names, in the standard order, and the limb leads that follow from two others.

Einthoven 1912 and Goldberger 1942: III = II - I, aVR = -(I + II)/2, aVL = I - II/2, aVF = II - I/2. Any two of the
six limb leads give the other four exactly. A precordial lead follows from nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scartools.errors import InputError
from scartools.files.record_contents import Waveform

if TYPE_CHECKING:
    import numpy as np

LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
LIMB, PRECORDIAL = LEADS[:6], LEADS[6:]
# each limb lead as so much of I and so much of II
_OF_I_AND_II = {
    "I": (1, 0),
    "II": (0, 1),
    "III": (-1, 1),
    "aVR": (-0.5, -0.5),
    "aVL": (1, -0.5),
    "aVF": (-0.5, 1),
}
DISAGREE_MV = 0.05  # RMS about the mean; steps of 5 uV stay far below it, and so do filters that differ
_PREFIX = re.compile(r"(?:mdc_ecg_lead_|mdc_ecg_|ecg[ _:-]|ekg[ _:-]|lead[ _:-])")
_NAMES = {
    **{lead.casefold(): (lead, 1) for lead in LEADS},
    **{f"d{numeral}": (numeral.upper(), 1) for numeral in ("i", "ii", "iii")},  # DI DII DIII
    **dict.fromkeys(("-avr", "avr-", "avrneg", "negavr", "minusavr", "invertedavr"), ("aVR", -1)),
}
# CID 3001: SCP-ECG (ISO 11073-91064, 5.6.3-9-N), MDC (ISO 11073-10101, 2:N)
_NUMBERS = {
    1: ("I", 1), 2: ("II", 1), **{2 + k: (f"V{k}", 1) for k in range(1, 7)},
    61: ("III", 1), 62: ("aVR", 1), 63: ("aVL", 1), 64: ("aVF", 1), 65: ("aVR", -1),
}  # fmt: skip
_CODE = re.compile(r"(?:5\.6\.3-9-|2:)([0-9]{1,3})")
_OTHER_LEADS = re.compile(r"v[3-9]r?|v[xyz]|[xyz]|mcl[1-6]|cm5|a[ai]|es")  # known, and none of the twelve


@lru_cache(maxsize=1024)
def lead_of(name: str) -> tuple[str, int] | None:
    """Return which of the twelve leads a name means, and -1 where it means its negative; None for any other.

    Understood are I and i, aVR and AVR, Lead I (Einthoven), ECG II, DII, MDC_ECG_LEAD_V1, -aVR, and the codes of
    SCP-ECG (5.6.3-9-1) and MDC (2:1) that DICOM uses.
    """
    text = name.strip().casefold()
    if code := _CODE.fullmatch(text):
        return _NUMBERS.get(int(code[1]))
    return _NAMES.get(_plain(text))


def _plain(text: str) -> str:
    text = re.sub(r"\((?:einthoven|goldberger|wilson)\)", "", text.strip().casefold()).replace(
        "\N{MINUS SIGN}", "-"
    )
    while prefix := _PREFIX.match(text):
        text = text[prefix.end() :].strip()
    return re.sub(r"[ _]", "", text)


def standard_leads(
    path: Path, waveform: Waveform, *, incomplete: bool = False
) -> tuple[np.ndarray, dict[str, Any]]:
    """Bring the leads of a file into the standard order and make the limb leads it leaves out.

    incomplete   precordial leads may be missing: their rows are NaN and MissingLeads names them
    Returns signals, float64 (12, T), mV; and facts: Derived (lead to formula), AVRTurned, MissingLeads, LeftOut,
    LimbLeadsDisagree (lead to RMS, mV) where the limb leads of the file contradict each other.
    Raises InputError for a lead that comes twice and for leads that are missing.
    """
    import numpy as np

    found, turned = _rows(path, waveform)
    signals = np.full((len(LEADS), waveform.signals.shape[1]), np.nan)
    for lead, row in found.items():
        signals[LEADS.index(lead)] = waveform.signals[row]
    if turned:
        signals[LEADS.index("aVR")] *= -1
    facts: dict[str, Any] = {"AVRTurned": True} if turned else {}
    limb = [lead for lead in LIMB if lead in found]
    missing = [lead for lead in PRECORDIAL if lead not in found]
    if len(limb) < 2:
        missing = [lead for lead in LEADS if lead not in found]
    if len(limb) < 2 or len(missing) == len(PRECORDIAL) or (missing and not incomplete):
        names = ", ".join(str(name)[:20] for name in waveform.names[:20])
        raise InputError(f"lacks the leads {', '.join(missing)}", where=path, remedy=f"It has {names}")
    formulas = _limb_formulas(limb)
    if derived := {lead: formula for lead, formula in formulas.items() if lead not in found}:
        for lead, (weights, pair) in derived.items():
            signals[LEADS.index(lead)] = _combined(signals, weights, pair)
        facts["Derived"] = {lead: _spelled(*formula) for lead, formula in derived.items()}
    apart = {lead: _residual(signals, lead, *formulas[lead]) for lead in formulas if lead in found}
    if apart and max(apart.values()) > DISAGREE_MV:
        facts["LimbLeadsDisagree"] = {
            lead: round(value, 4) for lead, value in apart.items() if value > DISAGREE_MV
        }
    if missing:
        facts["MissingLeads"] = missing
    if others := [
        name.strip() for name in waveform.names if not lead_of(name) and _OTHER_LEADS.fullmatch(_plain(name))
    ]:
        facts["LeftOut"] = others
    return signals, facts


def _rows(path: Path, waveform: Waveform) -> tuple[dict[str, int], bool]:
    """Return the row of each standard lead, and whether aVR is the negative of its row."""
    found: dict[str, int] = {}
    turned = False
    for row, name in enumerate(waveform.names):
        known = lead_of(name)
        if known is None:
            continue
        lead, sign = known
        if lead in found:
            raise InputError(f"has the lead {lead} twice", where=path, remedy="Keep one of them")
        found[lead] = row
        turned |= sign < 0
    return found, turned


def _limb_formulas(present: Sequence[str]) -> dict[str, tuple[tuple[float, float], tuple[str, str]]]:
    """Return every limb lead outside the first two present as weights of those two."""
    first, second = next(combinations(present, 2))
    (a, b), (c, d) = _OF_I_AND_II[first], _OF_I_AND_II[second]
    size = a * d - b * c  # never 0: the six limb leads lie in six directions
    formulas = {}
    for lead, (i, ii) in _OF_I_AND_II.items():
        if lead not in (first, second):
            formulas[lead] = (((i * d - ii * c) / size, (a * ii - b * i) / size), (first, second))
    return formulas


def _combined(signals: np.ndarray, weights: tuple[float, float], pair: tuple[str, str]) -> np.ndarray:
    first, second = (signals[LEADS.index(lead)] for lead in pair)
    return weights[0] * first + weights[1] * second


def _residual(signals: np.ndarray, lead: str, weights: tuple[float, float], pair: tuple[str, str]) -> float:
    """Return the RMS of a lead about what the two others say it is, mV, levels apart; 0 where they never meet."""
    import numpy as np

    apart = signals[LEADS.index(lead)] - _combined(signals, weights, pair)
    there = np.isfinite(apart)
    return float(apart[there].std()) if there.any() else 0.0


def _spelled(weights: tuple[float, float], pair: tuple[str, str]) -> str:
    """Write a combination down: II - I, -1/2 I - 1/2 II."""
    terms = sorted(zip(weights, pair, strict=True), key=lambda term: term[0] < 0)
    text = ""
    for weight, lead in terms:
        size = abs(Fraction(weight).limit_denominator(100))
        sign = ("-" if not text else " - ") if weight < 0 else (" + " if text else "")
        text += f"{sign}{'' if size == 1 else f'{size} '}{lead}"
    return text
