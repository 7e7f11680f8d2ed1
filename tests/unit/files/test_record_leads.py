"""Names of leads, and what follows from two limb leads."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from scartools.errors import InputError
from scartools.files.record_contents import Waveform
from scartools.files.record_leads import LEADS, LIMB, lead_of, standard_leads
from tests.unit.files.records_made import ecg

SIGNALS = ecg()
HERE = Path("a")


@pytest.mark.parametrize(
    ("name", "lead"),
    [
        ("I", "I"), (" ii ", "II"), ("AVR", "aVR"), ("avl", "aVL"), ("Lead I (Einthoven)", "I"), ("Lead aVF", "aVF"),
        ("ECG V1", "V1"), ("EKG III", "III"), ("MDC_ECG_LEAD_AVF", "aVF"), ("MDC_ECG_LEAD_V6", "V6"), ("DIII", "III"),
        ("5.6.3-9-61", "III"), ("5.6.3-9-3", "V1"), ("2:62", "aVR"), ("2:1", "I"), ("V 4", "V4"),
    ],
)  # fmt: skip
def test_a_lead_by_any_of_its_names(name, lead):
    assert lead_of(name) == (lead, 1)


@pytest.mark.parametrize(
    "name", ["-aVR", "\N{MINUS SIGN}aVR", "ECG -aVR", "aVR-", "5.6.3-9-65", "2:65", "Lead -aVR"]
)
def test_minus_avr_is_the_negative_of_avr(name):
    assert lead_of(name) == ("aVR", -1)


@pytest.mark.parametrize(
    "name", ["", "V7", "V3R", "VX", "MCL1", "C3", "IV", "1", "5.6.3-9-9", "2:99", "EDF Annotations", "resp"]
)
def test_what_is_none_of_the_twelve_is_no_lead(name):
    assert lead_of(name) is None


@pytest.mark.parametrize("pair", list(combinations(LIMB, 2)), ids="-".join)
def test_any_two_limb_leads_give_the_other_four(pair):
    names = (*pair, *LEADS[6:])
    rows = SIGNALS[[LEADS.index(name) for name in names]]
    found, facts = standard_leads(HERE, Waveform(names, rows, 500.0))
    np.testing.assert_allclose(found, SIGNALS, atol=1e-12)
    assert set(facts) == {"Derived"} and set(facts["Derived"]) == set(LIMB) - set(pair)


def test_the_formulas_are_those_of_einthoven_and_goldberger():
    names = ("I", "II", *LEADS[6:])
    _, facts = standard_leads(HERE, Waveform(names, SIGNALS[[LEADS.index(name) for name in names]], 500.0))
    assert facts["Derived"] == {
        "III": "II - I", "aVR": "-1/2 I - 1/2 II", "aVL": "I - 1/2 II", "aVF": "II - 1/2 I",
    }  # fmt: skip


def test_cabrera_order_and_a_turned_avr_come_out_standard():
    names = ("aVL", "I", "-aVR", "II", "aVF", "III", *reversed(LEADS[6:]))
    rows = np.stack([-SIGNALS[3] if name == "-aVR" else SIGNALS[LEADS.index(name)] for name in names])
    found, facts = standard_leads(HERE, Waveform(names, rows, 500.0))
    np.testing.assert_array_equal(found, SIGNALS)
    assert facts == {"AVRTurned": True}


def test_limb_leads_that_contradict_each_other_are_a_fact_with_its_number():
    swapped = SIGNALS[[1, 0, *range(2, 12)]]
    _, facts = standard_leads(HERE, Waveform(LEADS, swapped, 500.0))
    truth = np.std(2 * (SIGNALS[0] - SIGNALS[1]))
    assert facts["LimbLeadsDisagree"]["III"] == pytest.approx(truth, abs=1e-3)
    rounded = np.round(SIGNALS / 0.005) * 0.005 + np.arange(12)[:, None]  # 5 uV steps, levels apart
    assert standard_leads(HERE, Waveform(LEADS, rounded, 500.0))[1] == {}


def test_gaps_travel_into_what_is_made_of_them():
    rows = SIGNALS[[0, 1, *range(6, 12)]].copy()
    rows[0, 100:200] = np.nan
    found, _ = standard_leads(HERE, Waveform(("I", "II", *LEADS[6:]), rows, 500.0))
    assert (np.isnan(found[2]) == np.isnan(rows[0])).all() and np.isfinite(found[1]).all()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("I", *LEADS[6:]), "II, III"),
        (LEADS[:6], "V1, V2, V3, V4, V5, V6"),
        ((*LEADS, "Lead I"), "lead I twice"),
        ((*LEADS, "-aVR"), "lead aVR twice"),
        (("x", "y", "z"), "lacks the leads I"),
    ],
)
def test_too_few_leads_and_a_lead_that_comes_twice_are_refused(names, said):
    rows = np.zeros((len(names), 100))
    with pytest.raises(InputError, match=said):
        standard_leads(HERE, Waveform(names, rows, 500.0), incomplete=True)
