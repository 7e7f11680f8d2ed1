"""Pathological Q waves by the Fourth Universal Definition of Myocardial Infarction, and fragmented QRS complexes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scartools.ecg.qrs_waves import Complex

Complexes = Mapping[str, Complex | None]  # lead name to its complex

Q_GROUPS = {"lateral": ("I", "aVL"), "anterior": ("V4", "V5", "V6"), "inferior": ("II", "III", "aVF")}
SEPTAL = ("V2", "V3")
FRAGMENT_GROUPS = {
    "anterior": ("V1", "V2", "V3", "V4", "V5"),
    "lateral": ("I", "aVL", "V6"),
    "inferior": ("II", "III", "aVF"),
}


@dataclass(frozen=True)
class QWaves:
    """Pathological Q waves: leads that count, and regions; "septal" is V2-V3, "posterior" the R criterion in V1-V2."""

    leads: tuple[str, ...]
    regions: tuple[str, ...]


def pathological_q(complexes: Complexes, t_amplitudes: Mapping[str, float | None]) -> QWaves | None:
    """Apply the table "prior myocardial infarction" of the Fourth Universal Definition.

    complexes     the QRS of each lead, None where absent
    t_amplitudes  mV, for the R criterion
    Any Q wave in V2 or V3 of more than 20 ms, or a QS complex there; a Q wave of 30 ms or more and 0.1 mV or more, or a QS
    complex, in any two leads of I, aVL; V4 to V6; II, III, aVF; an R wave of more than 40 ms in V1 and V2 with R/S above 1
    and a positive T wave. Returns None where a group with absent leads could still have decided otherwise.
    The definition holds without left ventricular hypertrophy and left bundle-branch block: the caller sees to that.
    Thygesen et al., Circulation 2018;138:e618, doi:10.1161/CIR.0000000000000617.
    """
    leads: list[str] = []
    regions: list[str] = []
    undecided = False
    septal = [name for name in SEPTAL if _is_septal_q(complexes.get(name))]
    if septal:
        leads += septal
        regions.append("septal")
    undecided |= not septal and any(complexes.get(name) is None for name in SEPTAL)
    for region, group in Q_GROUPS.items():
        with_q = [name for name in group if _is_wide_q(complexes.get(name))]
        absent = sum(complexes.get(name) is None for name in group)
        if len(with_q) >= 2:
            leads += with_q
            regions.append(region)
        elif len(with_q) + absent >= 2:
            undecided = True
    posterior = [_is_posterior_r(complexes.get(name), t_amplitudes.get(name)) for name in ("V1", "V2")]
    if all(posterior):
        leads += ["V1", "V2"]
        regions.append("posterior")
    undecided |= None in posterior and False not in posterior
    if undecided and not regions:
        return None
    order = list(complexes)
    return QWaves(tuple(sorted(set(leads), key=order.index)), tuple(regions))


def _is_septal_q(lead: Complex | None) -> bool:
    return lead is not None and lead.q is not None and (lead.is_qs or lead.q.duration > 20)


def _is_wide_q(lead: Complex | None) -> bool:
    if lead is None or lead.q is None:
        return False
    return lead.is_qs or (lead.q.duration >= 30 and lead.q.amplitude <= -0.1)


def _is_posterior_r(lead: Complex | None, t_amplitude: float | None) -> bool | None:
    if lead is None or t_amplitude is None:
        return None
    if lead.r is None:
        return False
    taller = lead.s is None or lead.r.amplitude > -lead.s.amplitude
    return bool(lead.r.duration > 40 and taller and t_amplitude > 0)


def fragmented(complexes: Complexes, qrs_ms: float, bundle_branch_block: str) -> tuple[str, ...] | None:
    """Return the territories with a fragmented QRS: "anterior" (V1-V5), "lateral" (I, aVL, V6), "inferior".

    A lead counts with an R', or with a notch of 0.05 mV or more in R or in S; a territory with two neighbours in it
    (aVL and I go with V6). An R' in V1 or V2 is left out: rsr' is a normal variant and incomplete bundle-branch block.
    Returns None (not applicable) from 120 ms on and with bundle-branch block, and where no lead is there.
    Das et al., Circulation 2006;113:2495, doi:10.1161/CIRCULATIONAHA.105.595892. The depth of a notch is ours: the
    paper has none. Filters of 40 Hz and paper hide fragments.
    """
    if qrs_ms >= 120 or bundle_branch_block in ("LBBB", "RBBB") or not any(complexes.values()):
        return None
    found = []
    for territory, group in FRAGMENT_GROUPS.items():
        broken = [_is_fragmented(name, complexes.get(name)) for name in group]
        pairs = zip(broken, broken[1:], strict=False)
        if any(a and b for a, b in pairs) or (territory != "anterior" and sum(broken) >= 2):
            found.append(territory)
    return tuple(found)


def _is_fragmented(name: str, lead: Complex | None) -> bool:
    if lead is None:
        return False
    second = lead.r_prime is not None and name not in ("V1", "V2")
    return second or any(wave in ("R", "S") for wave in lead.notched)
