"""What each measurement of a median beat means, and its unit."""

from __future__ import annotations

UNITS: dict[str, str] = {
    "HeartRate": "1/min",
    "PDuration": "ms",
    "PRInterval": "ms",
    "QRSDuration": "ms",
    "QTInterval": "ms",
    "QTcBazett": "ms",
    "QTcFridericia": "ms",
    "QRSAxis": "degrees",
    "TAxis": "degrees",
    "QRSTAngle": "degrees",
    "SelvesterPercent": "% of the left ventricle",
    "QAmplitude": "mV",
    "RAmplitude": "mV",
    "SAmplitude": "mV",
    "RPrimeAmplitude": "mV",
    "JAmplitude": "mV",
    "TAmplitude": "mV",
    "QDuration": "ms",
    "RDuration": "ms",
    "SDuration": "ms",
    "RPrimeDuration": "ms",
    "RPeakTime": "ms",
}

DEFINITIONS: dict[str, str] = {
    "HeartRate": "60 over the median RR interval in s",
    "PDuration": "onset to end of P, in all leads together; n/a without P (atrial fibrillation, flutter)",
    "PRInterval": "onset of P to onset of QRS, in all leads together; n/a without P",
    "QRSDuration": "onset to end of QRS, in all leads together (spatial velocity)",
    "QTInterval": "onset of QRS to end of T, in all leads together",
    "QTcBazett": "QT / RR^(1/2), RR in s (Bazett 1920); not adjusted for the width of the QRS",
    "QTcFridericia": "QT / RR^(1/3), RR in s (Fridericia 1920); not adjusted for the width of the QRS",
    "QRSAxis": (
        "frontal axis of the area under the QRS, from all limb leads that are there (two at least); 0 points left, +90 down; "
        "n/a where the area is below 5 % of that of the rectified signal"
    ),
    "TAxis": "frontal axis of T: mean from 20 ms before to 20 ms after its peak, from the limb leads; n/a below 0.02 mV",
    "QRSTAngle": "smallest angle between QRSAxis and TAxis, 0 to 180",
    "LowVoltageLimb": "QRS below 0.5 mV from peak to trough in each of the six limb leads",
    "LowVoltagePrecordial": "QRS below 1.0 mV from peak to trough in each of V1 to V6",
    "PacingSpike": (
        "a deflection of 0.2 mV within 6 ms to and fro, in three leads or more, from 12 ms before to 24 ms after the onset of the "
        "QRS; with it block, Q waves, fragments and score are n/a and QRSDuration begins at the spike. False does not rule out a "
        "pacemaker: bipolar pacing and filters of 40 Hz leave no spike (the numbers are ours)"
    ),
    "BundleBranchBlock": (
        "none below a QRS of 120 ms. RBBB (AHA 2009): rsr', rsR' or rSR' in V1 or V2, or a pure R in V1 with its peak later than "
        "50 ms; S longer than R or than 40 ms in I and V6. LBBB (ESC 2013): QS or rS in V1, no Q in V5 and V6, a broad R "
        "(notched, or of 90 ms or more) in two of I, aVL, V5, V6. Else nonspecific"
    ),
    "StrictLBBB": (
        "QRS of 140 ms or more (men), 130 ms (women); QS or rS in V1 and V2; a notch or slur in two of I, aVL, V1, V2, V5, V6 "
        "between 40 ms and two thirds of the QRS (Strauss 2011); n/a between 130 and 140 ms where the sex is unknown"
    ),
    "FascicularBlock": (
        "LAFB: axis -45 to -90 degrees, qR in aVL, R peak time in aVL of 45 ms or more; LPFB: axis 90 to 180 degrees, rS in I and "
        "aVL, qR in III and aVF; QRS below 120 ms (AHA 2009); else none"
    ),
    "RWaveProgression": (
        "reversed: R falls from V1 to V2, V2 to V3 or V3 to V4, to 0.3 mV or less; else poor: R of 0.3 mV or less in V3; else "
        "normal; n/a with bundle-branch block (after Zema and Kligfield 1979; a fall between tall R waves is normal)"
    ),
    "TransitionLead": "first of V1 to V6 in which R is as large as S or larger; none where there is no such lead",
    "PathologicalQ": (
        "Fourth Universal Definition of Myocardial Infarction, prior infarction: in V2 or V3 any Q of more than 20 ms, or QS; in any "
        "two leads of I, aVL; V4-V6; II, III, aVF a Q of 30 ms or more and 0.1 mV or more, or QS; in V1 and V2 R of more than 40 ms, "
        "R/S above 1 and T positive. n/a with LBBB and pacing. Left ventricular hypertrophy is not ruled out; the R criterion only holds "
        "below a QRS of 120 ms"
    ),
    "PathologicalQLeads": "the leads that fulfil PathologicalQ",
    "PathologicalQRegions": "septal (V2-V3), anterior (V4-V6), lateral (I, aVL), inferior (II, III, aVF), posterior (R in V1-V2)",
    "FragmentedQRS": (
        "an R', or a notch of 0.05 mV or more in R or S, in two neighbours of one territory: anterior V1-V5, lateral I, aVL, V6, "
        "inferior II, III, aVF (Das 2006; the depth is ours). R' in V1 and V2 does not count. n/a from 120 ms on"
    ),
    "FragmentedTerritories": "the territories with a fragmented QRS",
    "SelvesterScore": (
        "QRS score of 37 criteria, 0 to 29 points (Wagner 1982, Palmeri 1982), not the complete one of 54 criteria; n/a with bundle-branch "
        "or fascicular block and where one of its ten leads is absent; hypertrophy and pre-excitation are not ruled out"
    ),
    "SelvesterPercent": "3 % of the left ventricle a point of SelvesterScore",
    "QRSName": "waves of the lead in order, capitals from 0.5 mV on",
    "QAmplitude": "peak of the negative wave before R, or of QS, from the level of the 20 ms before the QRS; negative",
    "RAmplitude": "peak of the first positive wave",
    "SAmplitude": "trough of the first negative wave behind R; negative",
    "RPrimeAmplitude": "peak of the second positive wave",
    "JAmplitude": "level at the end of the QRS of all leads",
    "TAmplitude": "largest deviation, with its sign, within 60 ms of the T peak of all leads",
    "QDuration": "between the crossings of the level; a first wave begins where it is below 5 % of its peak",
    "RDuration": "as QDuration",
    "SDuration": "as QDuration",
    "RPrimeDuration": "as QDuration",
    "RPeakTime": "onset of the QRS of all leads to the last peak of R or R'",
}

MEASUREMENTS: dict[str, tuple[str, str | None]] = {  # as the man page lists them
    name: (definition, UNITS.get(name)) for name, definition in DEFINITIONS.items()
}
