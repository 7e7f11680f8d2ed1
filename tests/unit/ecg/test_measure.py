"""Measurements of drawn beats: amplitudes, durations and rules with a known answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scartools.ecg.delineate import Fiducials, delineate
from scartools.ecg.measure import DEFINITIONS, UNITS, Measurements, measure
from scartools.ecg.reading import LEADS
from scartools.errors import InputError
from tests.unit.ecg.beat_phantom import QRS, Corners, beat

# where the phantom's waves lie: P -200 to -100, QRS -40 to 44, T peak 240, end 340 ms
DRAWN = Fiducials(100, 150, 180, 222, 320, 370)
INFERIOR = ("II", "III", "aVF")


def measured(signals: np.ndarray, at: Fiducials = DRAWN, **options: Any) -> Measurements:
    return measure(signals, at, options.pop("rr_s", 0.81), **options)


def with_q(milliseconds: float, depth: float, tall: float = 0.8) -> Corners:
    """Return a QRS with a Q wave of so many ms and mV, then R."""
    end = -40 + milliseconds
    return ((-40, 0), (-40 + milliseconds / 2, -depth), (end, 0), (end + 20, tall), (44, 0))


def test_intervals_are_those_between_the_fiducials() -> None:
    values = measured(beat()).values
    wanted = {"PDuration": 100, "PRInterval": 160, "QRSDuration": 84, "QTInterval": 380}
    assert {name: values[name] for name in wanted} == wanted
    assert values["HeartRate"] == pytest.approx(60 / 0.81)
    assert values["QTcBazett"] == pytest.approx(380 / 0.9)
    assert values["QTcFridericia"] == pytest.approx(380 / 0.81 ** (1 / 3))


def test_what_cannot_be_had_is_none_and_never_zero() -> None:
    values = measured(beat(), Fiducials(qrs_onset=180, qrs_offset=222), rr_s=None).values
    for name in (
        "HeartRate",
        "PDuration",
        "PRInterval",
        "QTInterval",
        "QTcBazett",
        "QTcFridericia",
        "TAxis",
        "QRSTAngle",
    ):
        assert values[name] is None
    assert values["QRSDuration"] == 84
    nothing = measured(beat(), Fiducials())
    assert all(value is None for name, value in nothing.values.items() if name != "HeartRate")
    assert all(value is None for lead in nothing.leads.values() for value in lead.values())


def test_each_wave_has_its_amplitude_and_duration() -> None:
    lead = measured(beat()).leads["V5"]
    assert lead["QRSName"] == "qRs"
    assert lead["QAmplitude"] == pytest.approx(-0.06) and lead["RAmplitude"] == pytest.approx(1.0)
    assert lead["SAmplitude"] == pytest.approx(-0.2) and lead["TAmplitude"] == pytest.approx(0.3, abs=0.003)
    assert lead["QDuration"] == pytest.approx(20, abs=1.5) and lead["RDuration"] == pytest.approx(44, abs=1)
    assert lead["SDuration"] == pytest.approx(20, abs=1)
    assert lead["RPeakTime"] == 40 and lead["JAmplitude"] == pytest.approx(0.0)
    assert lead["RPrimeAmplitude"] is None and lead["RPrimeDuration"] is None


@pytest.mark.parametrize(
    ("corners", "name"),
    [
        (((-40, 0), (0, -1.0), (44, 0)), "QS"),
        (((-40, 0), (-30, 0.2), (-20, 0), (0, -0.9), (20, 0), (30, 0.6), (44, 0)), "rSR'"),
        (((-40, 0), (0, 0.4), (44, 0)), "r"),
        (((-40, 0), (-20, -0.3), (0, 0), (20, 0.7), (44, 0)), "qR"),
        (((-40, 0), (0, 0.015), (44, 0)), ""),
        # an S wave that ends in a raised ST segment is followed by no R'
        (((-40, 0), (-20, 1.0), (0, 0), (15, -0.4), (44, 0.2)), "Rs"),
    ],
)
def test_a_complex_has_the_name_that_readers_give_it(corners: Corners, name: str) -> None:
    assert measured(beat({"V4": corners}, t_mv=0.0)).leads["V4"]["QRSName"] == name


def test_a_late_start_of_one_lead_is_not_part_of_its_q() -> None:
    late: Corners = ((-20, 0), (-10, -0.2), (0, 0), (20, 1.0), (44, 0))
    assert measured(beat({"II": late})).leads["II"]["QDuration"] == pytest.approx(20, abs=1.5)


@pytest.mark.parametrize(
    ("leads", "milliseconds", "depth", "regions"),
    [
        (INFERIOR, 40, 0.12, ("inferior",)),
        (("II", "aVF"), 40, 0.12, ("inferior",)),
        (("III",), 40, 0.3, ()),  # alone it is normal
        (INFERIOR, 24, 0.12, ()),  # too short
        (INFERIOR, 40, 0.08, ()),  # too shallow
        (("I", "aVL"), 40, 0.15, ("lateral",)),
        (("V4", "V5"), 36, 0.15, ("anterior",)),
        (("V2",), 26, 0.05, ("septal",)),
        (("V2",), 16, 0.05, ()),
        (("I", "II"), 40, 0.2, ()),  # not of one group
    ],
)
def test_pathological_q(leads: tuple[str, ...], milliseconds: float, depth: float, regions: tuple) -> None:
    values = measured(beat({name: with_q(milliseconds, depth) for name in leads})).values
    assert values["PathologicalQRegions"] == regions
    assert values["PathologicalQ"] is bool(regions)
    assert values["PathologicalQLeads"] == (tuple(n for n in LEADS if n in leads) if regions else ())


def test_qs_is_a_q_wave_and_an_embryonic_r_saves_from_it() -> None:
    qs: Corners = ((-40, 0), (0, -1.0), (44, 0))
    assert measured(beat({"V3": qs})).values["PathologicalQRegions"] == ("septal",)
    small: Corners = ((-40, 0), (-35, 0.06), (-28, 0), (0, -1.0), (44, 0))
    assert measured(beat({"V3": small})).values["PathologicalQRegions"] == ()


def test_a_tall_broad_r_in_v1_and_v2_is_posterior() -> None:
    tall: Corners = ((-40, 0), (-10, 0.9), (15, 0), (28, -0.3), (44, 0))
    assert measured(beat({"V1": tall, "V2": tall})).values["PathologicalQRegions"] == ("posterior",)
    assert measured(beat({"V1": tall, "V2": tall}, t_mv=-0.2)).values["PathologicalQRegions"] == ()
    assert measured(beat({"V1": tall})).values["PathologicalQRegions"] == ()


def test_q_waves_are_undecided_where_the_deciding_leads_are_absent() -> None:
    signals = beat({"II": with_q(40, 0.12)})
    signals[LEADS.index("aVF")] = np.nan
    assert measured(signals).values["PathologicalQ"] is None
    whole = beat()
    whole[LEADS.index("aVF")] = np.nan  # neither II nor III has a Q: aVF cannot make two
    assert measured(whole).values["PathologicalQ"] is False


@pytest.mark.parametrize("degrees", [-170, -120, -75, -30, 0, 45, 60, 90, 135])
@pytest.mark.parametrize("absent", [(), ("I", "aVF"), ("II", "III", "aVR", "aVL")])
def test_axis(degrees: float, absent: tuple[str, ...]) -> None:
    x, y = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    one = x
    two = x / 2 + np.sqrt(3) / 2 * y
    heights = [one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2]
    wave = dict(zip(LEADS, heights, strict=False))
    signals = beat({name: ((-40, 0), (0, high), (44, 0)) for name, high in wave.items()}, t_mv=0.0)
    for name in absent:
        signals[LEADS.index(name)] = np.nan
    found = measured(signals).values["QRSAxis"]
    assert (found - degrees + 180) % 360 - 180 == pytest.approx(0, abs=0.5)


def test_an_axis_wants_two_limb_leads_and_a_net_qrs() -> None:
    signals = beat()
    signals[1:6] = np.nan
    assert measured(signals).values["QRSAxis"] is None
    even: Corners = ((-40, 0), (-20, 1.0), (0, 0), (20, -1.0), (40, 0))
    assert measured(beat(dict.fromkeys(LEADS[:6], even))).values["QRSAxis"] is None


LEFT_R: Corners = ((-70, 0), (-30, 0.9), (-5, 0.7), (25, 0.95), (70, 0))
LEFT_S: Corners = ((-70, 0), (-62, 0.1), (-50, 0), (-20, -1.2), (0, -1.0), (25, -1.3), (70, 0))
LBBB = dict.fromkeys(("I", "aVL", "V5", "V6"), LEFT_R) | dict.fromkeys(("V1", "V2", "V3"), LEFT_S)
RIGHT_V1: Corners = ((-70, 0), (-60, 0.2), (-50, 0), (-30, -0.4), (-10, 0), (30, 0.9), (70, 0))
WIDE_S: Corners = ((-70, 0), (-40, 0.8), (-10, 0), (30, -0.4), (70, 0))
RBBB = {"V1": RIGHT_V1, "V2": RIGHT_V1} | dict.fromkeys(("I", "aVL", "V5", "V6"), WIDE_S)
WIDE = Fiducials(70, 140, 165, 235, 330, 380)  # QRS of 140 ms


def test_left_bundle_branch_block() -> None:
    values = measured(beat(LBBB), WIDE, sex="male").values
    assert values["BundleBranchBlock"] == "LBBB" and values["StrictLBBB"] is True
    for name in ("PathologicalQ", "FragmentedQRS", "SelvesterScore", "SelvesterPercent", "RWaveProgression"):
        assert values[name] is None


def test_strict_block_needs_the_width_of_the_sex() -> None:
    at = Fiducials(70, 140, 165, 232, 330, 380)  # 134 ms
    assert measured(beat(LBBB), at, sex="female").values["StrictLBBB"] is True
    assert measured(beat(LBBB), at, sex="male").values["StrictLBBB"] is False
    assert measured(beat(LBBB), at).values["StrictLBBB"] is None


def test_right_bundle_branch_block_and_a_wide_qrs_that_is_neither() -> None:
    assert measured(beat(RBBB), WIDE).values["BundleBranchBlock"] == "RBBB"
    stretched = tuple((x * 1.7, y) for x, y in QRS)
    values = measured(beat(dict.fromkeys(LEADS, stretched)), WIDE).values
    assert values["BundleBranchBlock"] == "nonspecific" and values["FascicularBlock"] == "none"
    assert measured(beat()).values["BundleBranchBlock"] == "none"


def test_block_has_no_rule_for_children() -> None:
    values = measured(beat(LBBB), WIDE, age=9).values
    assert values["BundleBranchBlock"] is values["StrictLBBB"] is values["FascicularBlock"] is None


def test_a_pacing_spike_takes_away_what_it_would_mislead() -> None:
    assert measured(beat(LBBB), WIDE).values["PacingSpike"] is False
    paced = beat(LBBB)
    paced[:, 166] += 0.8
    paced[:, 167] += 0.4
    values = measured(paced, WIDE).values
    assert values["PacingSpike"] is True and values["QRSDuration"] == 140
    for name in ("BundleBranchBlock", "StrictLBBB", "FascicularBlock", "PathologicalQ", "SelvesterScore"):
        assert values[name] is None
    two = beat(LBBB)
    two[:2, 166] += 0.8
    assert measured(two, WIDE).values["PacingSpike"] is False


def test_left_anterior_fascicular_block() -> None:
    small_r: Corners = ((-40, 0), (-30, 0.2), (-20, 0), (10, -0.9), (44, 0))
    qr: Corners = ((-40, 0), (-34, -0.1), (-28, 0), (10, 0.9), (44, 0))
    i, ii = beat({"I": qr})[0], 0.7 * beat({"II": small_r})[1]
    signals = beat()
    signals[:6] = [i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2]
    values = measured(signals).values
    assert -90 <= values["QRSAxis"] <= -45
    assert values["FascicularBlock"] == "LAFB" and values["SelvesterScore"] is None
    assert measured(beat()).values["FascicularBlock"] == "none"


def test_low_voltage() -> None:
    low = measured(0.3 * beat()).values
    assert low["LowVoltageLimb"] is True and low["LowVoltagePrecordial"] is True
    usual = measured(beat()).values
    assert usual["LowVoltageLimb"] is False and usual["LowVoltagePrecordial"] is False
    signals = 0.3 * beat()
    signals[3] = np.nan
    assert measured(signals).values["LowVoltageLimb"] is None


def test_r_wave_progression() -> None:
    assert measured(beat()).values["RWaveProgression"] == "normal"
    assert measured(beat()).values["TransitionLead"] == "V3"
    small = {
        name: ((-40, 0), (-30, high), (-20, 0), (0, -1.0), (44, 0))
        for name, high in zip(("V1", "V2", "V3"), (0.1, 0.15, 0.2), strict=True)
    }
    assert measured(beat(small)).values["RWaveProgression"] == "poor"
    falling = small | {"V3": ((-40, 0), (-30, 0.05), (-20, 0), (0, -1.0), (44, 0))}
    assert measured(beat(falling)).values["RWaveProgression"] == "reversed"
    assert measured(beat(falling)).values["TransitionLead"] == "V4"


def test_fragments_need_two_neighbours_and_a_narrow_qrs() -> None:
    notched: Corners = ((-40, 0), (-20, 0.7), (-8, 0.5), (4, 0.9), (44, 0))
    assert measured(beat({"II": notched, "aVF": notched})).values["FragmentedTerritories"] == ("inferior",)
    assert measured(beat({"II": notched})).values["FragmentedQRS"] is False
    shallow: Corners = ((-40, 0), (-20, 0.7), (-8, 0.67), (4, 0.9), (44, 0))
    assert measured(beat({"II": shallow, "aVF": shallow})).values["FragmentedQRS"] is False
    assert measured(beat(dict.fromkeys(LEADS, notched)), WIDE).values["FragmentedQRS"] is None
    second: Corners = ((-40, 0), (-30, 0.2), (-20, 0), (-5, -0.6), (10, 0), (25, 0.2), (44, 0))
    assert measured(beat({"V1": second, "V2": second})).values["FragmentedQRS"] is False
    assert measured(beat({"V3": second, "V4": second})).values["FragmentedTerritories"] == ("anterior",)


@settings(max_examples=25, deadline=None)
@given(st.floats(1.0, 3.0))
def test_a_factor_scales_amplitudes_and_leaves_durations_and_axes(factor: float) -> None:
    one, more = measured(beat()), measured(factor * beat())
    for name, lead in one.leads.items():
        for key, value in lead.items():
            found = more.leads[name][key]
            if key == "QRSName":
                assert found.upper() == value.upper()
            elif value is None:
                assert found is None
            else:
                assert found == pytest.approx(value * (factor if UNITS[key] == "mV" else 1), abs=1e-6)
    for key in ("QRSDuration", "QTInterval", "PRInterval", "QRSAxis", "TAxis", "SelvesterScore"):
        assert more.values[key] == pytest.approx(one.values[key], abs=1e-6)


@settings(max_examples=15, deadline=None)
@given(st.integers(-12, 12))
def test_a_shift_of_the_window_changes_nothing(shift: int) -> None:
    moved = np.roll(beat(), shift, axis=1)
    assert measure(moved, delineate(moved), 0.8).facts() == measure(beat(), delineate(beat()), 0.8).facts()


def test_everything_has_a_definition_and_the_facts_are_plain() -> None:
    found = measured(beat())
    names = set(found.values) | set(found.leads["I"])
    assert names == set(DEFINITIONS) and set(UNITS) <= names
    assert list(found.leads) == list(LEADS)
    facts = found.facts()
    assert facts["PathologicalQRegions"] == [] and facts["QRSDuration"] == 84.0
    assert facts["Leads"]["V5"]["RAmplitude"] == 1.0 and facts["Units"]["QRSDuration"] == "ms"


@pytest.mark.parametrize(("options", "words"), [({"rr_s": 0.0}, "RR"), ({"sex": "f"}, "sex")])
def test_nonsense_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        measured(beat(), **options)
